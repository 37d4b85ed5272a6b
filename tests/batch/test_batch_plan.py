"""Whole batches: which input in which style, how, and where to; from a command line and from job files."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jobs import SHALLOW, paint_picture
from media_clips import clip
from test_batch_names import make

from pipeline.batch.checked_item import RejectedItem
from pipeline.batch.jobs import BatchRun, RunOptions
from pipeline.batch.ledger import Ledger
from pipeline.batch.plan.batch import Batch, plan_batch, plan_job_file
from pipeline.batch.plan.blends import find_styles, labels
from pipeline.batch.plan.inputs import left_out_text
from pipeline.batch.plan.item import Item
from pipeline.batch.preflight import Preflight
from pipeline.clip.jobs import StylePicture
from pipeline.errors import SettingsError, UsageError
from pipeline.media.suffixes import READS_HEIF
from pipeline.report.batch_run import plan
from pipeline.settings import resolve


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with inputs and styles, in which commands are given."""
    make(tmp_path, "in/a.mp4", "in/b.gif", "in/sub/c.png", "ink.jpg", "oil.png", "styles/s10.jpg", "styles/s2.jpg")
    make(tmp_path, "styles/notes.txt", "styles/clip.mp4", "styles/.hidden.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(batch: Batch) -> list[tuple[str, str, str]]:
    """Input, styles and output of every painting."""
    return [(item.source.name, "+".join(style.path.name for style in item.styles), item.name) for item in batch.items]


def job(home: Path, text: str) -> Path:
    path = home / "job.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(home: Path, text: str) -> list[str]:
    """What is said of a job file, a mistake a line."""
    with pytest.raises(UsageError) as caught:
        plan_job_file(job(home, text))
    lines = str(caught.value).splitlines()
    return [line.removeprefix("- ") for line in lines[1:]] if len(lines) > 1 else lines


# --- every input with every style -----------------------------------------------------------------------------------


def test_every_input_in_every_style(home: Path) -> None:
    batch = plan_batch(["in"], ["ink.jpg", "oil.png"], "out")
    assert batch.folder == home / "out"
    assert planned(batch) == [
        ("a.mp4", "ink.jpg", "a-ink.mp4"), ("a.mp4", "oil.png", "a-oil.mp4"),
        ("b.gif", "ink.jpg", "b-ink.gif"), ("b.gif", "oil.png", "b-oil.gif"),
        ("c.png", "ink.jpg", "sub/c-ink.png"), ("c.png", "oil.png", "sub/c-oil.png"),
    ]  # fmt: skip
    assert [item.still for item in batch.items] == [False] * 4 + [True] * 2
    assert all(item.output == batch.folder / item.name for item in batch.items)
    assert batch == plan_batch(["in"], ["ink.jpg", "oil.png"], "out"), "the same when run again"


def test_items_are_the_same_after_a_journey_as_json(home: Path) -> None:
    options = {
        "style_layers": "relu2_1:0.5,conv1_1:1",
        "long_term": "1,2,4",
        "cuts": "8",
        "frames": "3:9",
        "fps": "24000/1001",
    }
    for item in plan_batch(["in"], ["ink.jpg:0.7+oil.png"], "out", options=options).items:
        again = Item.from_json(item.as_json())
        assert again == item
        assert resolve(again.preset, again.settings) == resolve(item.preset, item.settings)
        assert resolve(again.preset, again.settings).long_term == (1, 2, 4)


def test_a_job_runs_on_what_was_planned(home: Path) -> None:
    item = plan_batch(["in/a.mp4"], ["ink.jpg"], "out", options={"fps": "12.5", "frames": ":5", "codec": "H265"}).items[
        0
    ]
    assert item.clip_job().source == home / "in" / "a.mp4"
    assert (item.clip_job().rate, item.clip_job().frames, item.clip_job().codec) == (12.5, (None, 5), "h265")


def test_what_a_person_may_miss_of_a_folder_is_named(home: Path) -> None:
    heic = "d.jxr" if READS_HEIF else "d.heic"
    strange = (heic, "e.jxl", "f.dng", "g.MOD", "clip", "new\nline.xyz")
    make(home, *(f"in/{name}" for name in strange), "in/notes.txt", "in/a.srt", "in/.hidden.heic", "in/song.mp3")
    for text in ("in", "in/*"):
        batch = plan_batch([text], ["ink.jpg"], "out")
        assert len(batch.items) == 3
        assert {path.name for path in batch.left_out} == set(strange)
    assert {path.name for path in plan_batch(["in", "in/clip"], ["ink.jpg"], "out").left_out} == {*strange} - {"clip"}
    assert plan_batch(["in/*.mp4"], ["ink.jpg"], "out").left_out == ()
    make(home, "styles/s.jxl")
    styled = plan_batch(["in/*.mp4"], ["styles"], "out")
    assert [path.name for path in styled.left_out] == ["s.jxl"] and len(styled.items) == 2
    told = plan_job_file(job(home, 'inputs = "in"\nstyles = "ink.jpg"\noutput = "out"\n')).left_out
    assert {path.name for path in told} == set(strange)
    text = left_out_text(told)
    assert "6 files were left out" in text and "clip (its name has no ending)" in text and r"new\nline.xyz" in text
    assert ("pip install pillow-heif" in text) is not READS_HEIF
    make(home, "only/d.jxl")
    with pytest.raises(UsageError, match=r"no video and no picture there .* 1 file was left out.*: d\.jxl"):
        plan_batch(["only"], ["ink.jpg"], "out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with names in folders")
@pytest.mark.parametrize("text", ["in", "in/*"])
def test_what_is_called_like_a_picture_and_is_no_file_is_named(home: Path, text: str) -> None:
    (home / "in/gone.jpg").symlink_to("nowhere.jpg")
    (home / "in/gone.txt").symlink_to("nowhere.txt")
    os.mkfifo(home / "in/live.mp4")
    make(home, "in/x.jxl")
    batch = plan_batch([text], ["ink.jpg"], "out")
    assert len(batch.items) == 3
    assert {path.name for path in batch.left_out} == {"gone.jpg", "live.mp4", "x.jxl"}
    said = left_out_text(batch.left_out)
    assert "1 file was left out" in said and "x.jxl" in said
    assert said.endswith(
        "2 entries were left out, which are no files: gone.jpg (a link to what is not there), live.mp4 (a pipe)."
    )


def test_what_is_for_videos_stays_off_gifs_and_pictures(home: Path) -> None:
    batch = plan_batch(["in"], ["ink.jpg"], "out", options={"codec": "h264", "quality": "20", "gif": True, "fps": 10,
                                                           "audio": "ALL", "shortest": True})  # fmt: skip
    assert [(item.codec, item.quality, item.gif and item.gif.name, item.fps, item.audio) for item in batch.items] == [
        ("h264", 20, "a-ink.gif", "10", "all"), (None, None, None, "10", "default"), (None, None, None, None, "default")
    ]  # fmt: skip
    job = batch.items[0].clip_job()
    assert (job.audio, job.shortest, job.location) == ("all", True, False)


def test_pairs(home: Path) -> None:
    files = ["in/b.gif", "in/a.mp4", "in/a.mp4"]
    assert planned(plan_batch(files, ["styles", "ink.jpg"], "out", pair=True)) == [
        ("b.gif", "s2.jpg", "b-s2.gif"), ("a.mp4", "s10.jpg", "a-s10.mp4"), ("a.mp4", "ink.jpg", "a-ink.mp4")
    ]  # fmt: skip
    assert len(plan_batch(files, ["ink.jpg"], "out", pair=True).items) == 3
    with pytest.raises(UsageError, match="3 inputs and 2 styles"):
        plan_batch(["in"], ["styles"], "out", pair=True)


def test_a_style_named_twice_counts_once(home: Path) -> None:
    assert len(plan_batch(["in/a.mp4"], ["ink.jpg", "./ink.jpg", "in/../ink.jpg"], "out").items) == 1


def test_style_pictures_in_an_input_folder_are_not_painted(home: Path) -> None:
    assert "ink.jpg" not in {item.source.name for item in plan_batch(["."], ["ink.jpg"], "out").items}
    assert len(plan_batch(["ink.jpg"], ["ink.jpg"], "out").items) == 1, "unless they are named"
    with pytest.raises(UsageError, match="nothing else"):
        plan_batch(["styles/*.jpg"], ["styles"], "out")


def test_a_run_over_its_own_results_is_refused(home: Path) -> None:
    """`reelbrush batch *.mp4 -o .`, given again: the shell now names the paintings as well."""
    make(home, "a.mp4", "a-ink.mp4")
    assert planned(plan_batch(["a.mp4"], ["ink.jpg"], "."))[0][2] == "a-ink.mp4"
    with pytest.raises(UsageError, match=r"a-ink\.mp4: a painting would replace"):
        plan_batch(["a.mp4", "a-ink.mp4"], ["ink.jpg"], ".")


def test_a_painting_in_an_input_folder_is_refused(home: Path) -> None:
    make(home, "in/in/d.mp4")
    with pytest.raises(UsageError, match="would be an input the next time"):
        plan_batch(["in"], ["ink.jpg"], ".")
    assert len(plan_batch(["in"], ["ink.jpg"], "in/out").items) == 4


def test_all_that_is_wrong_is_said_at_once(home: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        plan_batch(
            ["in", "missing.mp4", "no/*.mp4"], ["ink.jpg", "gone.jpg", "ink.jpg:0"], "out", name="{stm}{ext}",
            options={"presett": "draft", "size": -5, "codec": "h266", "fps": "fast", "frames": "5:1", "quality": "best",
                     "weights": "none.pth", "audio": "loud"},
        )  # fmt: skip
    lines = str(caught.value).splitlines()
    assert lines[0] == "13 things have to be mended before the batch can begin:"
    assert len(lines) == 14
    assert all(line.startswith("- ") for line in lines[1:])
    for word in ("'preset'", "size", "'h265'", "--fps", "--frames", "quality", "none.pth", "'stem'", "missing.mp4",
                 "no/*.mp4", "gone.jpg", "above zero", "--audio 'loud'"):  # fmt: skip
        assert any(word in line for line in lines), word


def test_nothing_said_is_a_mistake(home: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)at least one input.*at least one style"):
        plan_batch([], [], "out")


@pytest.mark.parametrize(
    ("options", "name", "why"),
    [
        ({}, "{stem}.png", "cannot be painted into a single picture"),
        ({"codec": "vp9"}, "{stem}.mp4", "cannot hold vp9"),
        ({"quality": 52}, "{stem}.mp4", "from 0 .best. to 51"),
        ({"passes": 2, "carry": "none"}, "{stem}{ext}", "passes = 2 needs"),
        ({"network": "builtin"}, "{stem}{ext}", "all is painted with VGG-19"),
        ({"preset": "standart"}, "{stem}{ext}", "did you mean 'standard'"),
        ({"gif": "yes"}, "{stem}{ext}", "true or false"),
        ({"settings": {}}, "{stem}{ext}", "no setting 'settings'"),
    ],
)
def test_what_does_not_go_together(home: Path, options: dict[str, Any], name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        plan_batch(["in/a.mp4"], ["ink.jpg"], "out", name=name, options=options)


def test_a_thousand_wrong_names_are_one_mistake(home: Path) -> None:
    make(home / "many", *(f"{number}.mp4" for number in range(300)))
    with pytest.raises(UsageError, match=r"and 299 more: a clip cannot") as caught:
        plan_batch(["many"], ["ink.jpg"], "out", name="{stem}.png")
    assert len(str(caught.value)) < 500


# --- styles ---------------------------------------------------------------------------------------------------------


def test_blends(home: Path) -> None:
    make(home, "a+b.jpg", "a:1+b.jpg")
    ink, oil = home / "ink.jpg", home / "oil.png"
    assert find_styles("ink.jpg:0.7+oil.png:0.3", home) == [(StylePicture(ink, 0.7), StylePicture(oil, 0.3))]
    assert find_styles(("ink.jpg", "oil.png:2"), home) == [(StylePicture(ink), StylePicture(oil, 2))]
    assert find_styles("a+b.jpg:0.5", home) == [(StylePicture(home / "a+b.jpg", 0.5),)]
    assert find_styles("a+b.jpg+ink.jpg", home) == [(StylePicture(home / "a+b.jpg"), StylePicture(ink))]
    assert find_styles("a:1+b.jpg", home) == [(StylePicture(home / "a:1+b.jpg"),)]
    assert [style.path.name for (style,) in find_styles("styles", home)] == ["s2.jpg", "s10.jpg"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("gone.jpg", "no such style"), ("ink.jpg+gone.jpg", "gone.jpg: there is no such"), ("ink.jpg+", "empty"),
        ("ink.jpg+styles", "single pictures"), ("in/sub/..", "no picture|"), ("ink.jpg:0", "above zero"),
        ("in", "no picture"), ("", "empty"), ("x" * 300, "too long"), ((), "no style picture"),
    ],
)  # fmt: skip
def test_what_is_no_style_is_refused(home: Path, text: str | tuple[str, ...], why: str) -> None:
    make(home, "in/b.txt")
    (home / "in/b.gif").unlink()
    with pytest.raises(UsageError, match=why):
        find_styles(text, home)


def test_styles_are_called_by_their_stems_or_more(home: Path) -> None:
    make(home, "x/ink.jpg", "y/ink.jpg", "ink.png", "z/only.jpg", "x/deep/ink.jpg", "y/deep/ink.jpg")

    def called(*texts: str) -> list[str]:
        found = [blend for text in texts for blend in find_styles(text, home)]
        return [labels(found)[blend] for blend in found]

    assert called("z/only.jpg", "ink.jpg:0.7+oil.png:0.3") == ["only", "ink+oil"]
    assert called("ink.jpg:0.7+oil.png", "ink.jpg:0.3+oil.png") == ["ink0.7+oil1", "ink0.3+oil1"]
    assert called("ink.jpg", "ink.png", "oil.png") == ["ink.jpg", "ink.png", "oil"]
    assert called("x/ink.jpg", "y/ink.jpg") == ["x-ink", "y-ink"]
    assert len(set(called("x/deep/ink.jpg", "y/deep/ink.jpg"))) == 2


# --- job files ------------------------------------------------------------------------------------------------------

JOB = """
inputs = ["in/", "in/sub/*.png"]
styles = ["ink.jpg", ["ink.jpg:0.7", "oil.png:0.3"]]
output = "painted/"

[defaults]
preset = "draft"
size = 96
long_term = [1, 2]
gif = true

[[item]]
input = "in/sub/c.png"
style = "oil.png"
size = 200
preset = "fine"

[[item]]
input = "more/d.avi"
styles = ["ink.jpg"]
name = "{style}/{stem}.webm"
frames = "0:5"
quality = 30
audio = 2
location = true

[[item]]
input = "in/a.mp4"
style = ["oil.png", "ink.jpg"]
output = "best {a}.mp4"
gif = false
"""


def test_a_job_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(home, "more/d.avi")
    monkeypatch.chdir("/")  # its paths count from its own folder
    batch = plan_job_file(job(home, JOB))
    assert batch.folder == home / "painted"
    assert planned(batch) == [
        ("a.mp4", "oil.png+ink.jpg", "best {a}.mp4"), ("b.gif", "ink.jpg", "b-ink.gif"),
        ("b.gif", "ink.jpg+oil.png", "b-ink+oil.gif"), ("c.png", "oil.png", "sub/c-oil.png"),
        ("d.avi", "ink.jpg", "ink/d.webm"),
    ]  # fmt: skip
    best, _, plain, special, more = batch.items
    assert (plain.preset, plain.settings, plain.gif) == ("draft", {"size": 96, "long_term": [1, 2]}, None)
    assert (special.preset, special.settings) == ("fine", {"size": 200, "long_term": [1, 2]})
    assert (more.frames, more.quality, more.gif) == ((0, 5), 30, home / "painted/ink/d.gif")
    assert (more.clip_job().audio, more.clip_job().location, best.clip_job().audio) == (2, True, "default")
    assert best.gif is None
    assert plan_job_file(home / "job.toml", "elsewhere").folder == Path("/elsewhere")


def test_pairs_in_a_job_file(home: Path) -> None:
    text = 'inputs = ["in/a.mp4", "in/b.gif"]\nstyles = "styles"\noutput = "out"\npair = true\n'
    plain = planned(plan_job_file(job(home, text)))
    assert plain == [("a.mp4", "s2.jpg", "a-s2.mp4"), ("b.gif", "s10.jpg", "b-s10.gif")]
    assert planned(plan_job_file(job(home, text + '[[item]]\ninput = "in/b.gif"\nsize = 64\n'))) == plain
    again = text.replace("in/b.gif", "in/a.mp4") + '[[item]]\ninput = "in/a.mp4"\nstyle = "ink.jpg"\n'
    assert planned(plan_job_file(job(home, again))) == [("a.mp4", "ink.jpg", "a-ink.mp4")]
    assert mistakes(home, text + '[[item]]\ninput = "in/sub/c.png"\n') == [
        "job.toml, item 1: it is no part of a pair. Give it a style of its own."
    ]


def test_items_alone_are_a_job(home: Path) -> None:
    text = 'output = "out"\nsequences = true\n[[item]]\ninput = "in"\nstyle = "ink.jpg"\n'
    assert len(plan_job_file(job(home, text)).items) == 3
    twice = text + '[[item]]\ninput = "in/a.mp4"\nstyle = "ink.jpg"\nsize = 64\n'
    outputs = [item.name for item in plan_job_file(job(home, twice)).items]
    assert outputs == ["a-ink.mp4", "b-ink.gif", "sub/c-ink.png", "a-ink-2.mp4"]


def test_an_item_leaves_its_style_pictures_out_too(home: Path) -> None:
    text = 'output = "out"\n[[item]]\ninput = "."\nstyles = ["styles", "oil.png"]\n'
    text += '[[item]]\ninput = "oil.png"\nstyle = "ink.jpg"\n'
    found = planned(plan_job_file(job(home, text)))
    assert not {"s2.jpg", "s10.jpg"} & {source for source, _, _ in found}
    assert [style for source, style, _ in found if source == "oil.png"] == ["ink.jpg"]


def test_the_example_of_the_documentation_works(home: Path) -> None:
    from pipeline.batch.plan import jobfile

    make(home, "holiday/beach.mp4", "party.mp4", "old/x/y.avi", "paintings/p.jpg", "cat.jpg", "mosaic.jpg")
    make(home, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    assert jobfile.__doc__ is not None
    example = "\n".join(line[4:] for line in jobfile.__doc__.splitlines() if line.startswith("    "))
    batch = plan_job_file(job(home, example))
    assert len(batch.items) == 3 * 4 + 1
    assert batch.items[-1].name == "presents/cat.png"
    assert batch.items[0].frames == (0, 250)


def test_everything_that_is_wrong_in_a_job_file_is_listed_with_its_place(home: Path) -> None:
    found = mistakes(home, """
inputs = ["in", "gone.mp4"]
styles = ["ink.jpg", "gone.jpg", 3]
nmae = "{stem}{ext}"
size = 64
pair = "yes"
[defaults]
sizee = 64
steps = 0
fps = "fast"
[[item]]
input = "in/a.mp4"
carrry = "none"
passes = 1.5
output = "../a.mp4"
[[item]]
styel = "ink.jpg"
[[item]]
input = "nowhere/*.mp4"
style = "ink.jpg"
styles = ["ink.jpg"]
""")  # fmt: skip
    expected = [
        ("job.toml: ", "did you mean 'name'"),
        ("job.toml: ", "size does not stand here"),
        ("job.toml: ", "pair has to be true or false"),
        ("job.toml: ", "styles cannot be"),
        ("job.toml: ", "output = "),
        ("job.toml, defaults: ", "did you mean 'size'"),
        ("job.toml, defaults: ", "steps has to be at least 1"),
        ("job.toml, defaults: ", "'fast'"),
        ("job.toml, inputs: ", "gone.mp4"),
        ("job.toml, item 1: ", "did you mean 'carry'"),
        ("job.toml, item 1: ", "passes has to be a whole number"),
        ("job.toml, item 1: ", "leaves the output folder"),
        ("job.toml, item 2: ", "did you mean 'style'"),
        ("job.toml, item 2: ", "no input"),
        ("job.toml, item 3: ", "both style and styles"),
        ("job.toml, item 3: ", "nowhere"),
    ]
    for place, words in expected:
        assert any(line.startswith(place) and words in line for line in found), (place, words, found)
    assert len(found) == len(expected), found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing to paint"),
        ('inputs = ["in"]\noutput = "out"', "names no style"),
        ('inputs = ["in"]\nstyles = []\noutput = "out"', "styles cannot be"),
        ('inputs = []\nstyles = ["ink.jpg"]\noutput = "out"', "inputs is an empty list"),
        ('inputs = [1]\nstyles = ["ink.jpg"]\noutput = "out"', "inputs has to be a list"),
        ('inputs = "in"\nstyles = ["ink.jpg"]\noutput = 3', "output has to be a text"),
        ('inputs = "in"\nstyles = ["ink.jpg"]\noutput = "in"', "also the one the paintings go to"),
        ('inputs = "in"\nstyles = ["ink.jpg"]\noutput = "out"\ndefaults = 3', "defaults is a table"),
        ('inputs = "in"\nstyles = ["ink.jpg"]\noutput = "out"\nitem = "in"', "items are tables"),
        ('styles = ["ink.jpg"]\noutput = "out"\n[[item]]\ninput = "in"\noutput = "x.mp4"', "but there are 3"),
        ('output = "out"\n[[item]]\ninput = "in"', "names no style"),
        ("inputs = [", "not valid TOML"),
    ],
)
def test_job_files_that_cannot_be(home: Path, text: str, why: str) -> None:
    assert any(why in line for line in mistakes(home, text))


def test_a_job_file_that_is_not_there_or_no_text(home: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        plan_job_file(home / "gone.toml")
    (home / "raw.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        SettingsError, match=r"raw\.toml is no text in UTF-8: byte 0 cannot be read\. Save it as UTF-8\."
    ):
        plan_job_file(home / "raw.toml")


def test_a_name_in_a_job_file_is_not_executed(home: Path) -> None:
    text = 'inputs = "in/a.mp4"\nstyles = "ink.jpg"\noutput = "out"\nname = "{stem.__class__.__mro__}{ext}"'
    assert "unknown field" in mistakes(home, text)[0]


def test_hostile_inputs_become_items_that_a_ledger_can_hold(home: Path) -> None:
    from test_batch_names import HOSTILE

    make(home / "bad", *HOSTILE)
    batch = plan_batch([str(path) for path in (home / "bad").iterdir()], ["ink.jpg"], "out", options={"gif": True})
    assert len({item.name for item in batch.items}) == len(HOSTILE)
    for item in batch.items:
        item.name.encode()
        assert Item.from_json(json.loads(json.dumps(item.as_json()))) == item
        assert all(output.is_relative_to(home / "out") for output in item.outputs)


def test_a_line_break_in_a_name_makes_no_second_line(home: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan_batch(["gone\n.mp4", "gone.mp4"], ["ink.jpg"], "out")
    assert len(str(caught.value).splitlines()) == 3


def test_a_track_that_is_not_there_is_found_before_anything_is_painted(tmp_path: Path) -> None:
    clip(tmp_path / "in.mp4", frames=2, sound=True)
    paint_picture(tmp_path / "ink.png")
    for choice in (1, 2):
        (item,) = plan_batch(
            [str(tmp_path / "in.mp4")], [str(tmp_path / "ink.png")], tmp_path / "out",
            options={"audio": choice, **SHALLOW},
        ).items  # fmt: skip
        found = Preflight(None, "cpu", overwrite=False).check(item)
        assert isinstance(found, RejectedItem) == (choice == 2)
    assert "in.mp4: there is no audio track 2. There are: 1 (aac)." in found.text


def test_what_says_opposite_things_of_finished_paintings_is_refused(home: Path) -> None:
    run = BatchRun(["in"], ["ink.jpg"], home / "out", run_options=RunOptions(overwrite=True, keep_old=True))
    with pytest.raises(UsageError, match=r"--overwrite .* and --keep-old .* Give one of them"):
        plan(run)


@pytest.mark.parametrize("options", [{"region": ("gone.png=ink.jpg",)}, {"region": ("ink.jpg=gone.png",)},
                                     {"protect": ("gone.png",)}])  # fmt: skip
def test_a_mask_that_is_not_there_is_a_mistake_of_the_command(home: Path, options: dict[str, Any]) -> None:
    """And no failure of every painting."""
    with pytest.raises(UsageError, match=r"gone\.png: there is no such mask or style picture"):
        plan_batch(["in"], ["ink.jpg"], "out", options=options)
    assert not (home / "out").exists()


def noted(home: Path, *inputs: str, **options: Any) -> list[str]:
    """What a batch of these is to paint, as it is noted: names of earlier commands stay there."""
    batch = plan_batch(inputs, ["ink.jpg"], "out", options=options)
    batch.folder.mkdir(exist_ok=True)
    with closing(Ledger(batch.folder, write=True)) as ledger:
        ledger.plan(batch.items)
    return [item.name for item in batch.items]


def test_a_painting_keeps_its_name_whatever_is_asked_for_beside_it(home: Path) -> None:
    make(home, "nm/a.jpg", "nm/A.JPG", "nm/b.mp4", "nm/b.gif")
    first = noted(home, "nm")
    assert len({*map(str.lower, first)}) == 4
    for name in ("a.jpg", "A.JPG", "b.mp4"):
        (alone,) = noted(home, f"nm/{name}")
        assert alone in first
    assert noted(home, "nm") == first
    assert noted(home, "nm", seed=5) == first, "what is asked of it changes nothing about that"
    with closing(Ledger(home / "out")) as ledger:
        assert {row.name for row in ledger.items(left_out=True)} == {*first}, "nothing is there twice"


def test_who_comes_later_makes_room_for_a_name_that_is_taken(home: Path) -> None:
    make(home, "nm/a.jpg", "nm/A.JPG")
    assert noted(home, "nm/a.jpg") == ["a-ink.jpg"]
    both = noted(home, "nm")
    assert "a-ink.jpg" in both and len({*map(str.lower, both)}) == 2
    other = plan_batch(["nm/a.jpg"], ["ink.jpg"], "out", name="{style}/{stem}{ext}")
    assert [item.name for item in other.items] == ["ink/a.jpg"], "another template gives another name"


def test_of_one_input_painted_twice_each_keeps_its_own_name(home: Path) -> None:
    make(home, "nm/a.jpg")
    twice = 'styles = "ink.jpg"\noutput = "out"\n' + "".join(
        f'[[item]]\ninput = "nm/a.jpg"\nseed = {seed}\n' for seed in (1, 2)
    )
    batch = plan_job_file(job(home, twice))
    first, second = [item.name for item in batch.items]
    batch.folder.mkdir()
    with closing(Ledger(batch.folder, write=True)) as ledger:
        ledger.plan(batch.items)
    assert noted(home, "nm/a.jpg", seed=2) == [second] and noted(home, "nm/a.jpg", seed=1) == [first]
