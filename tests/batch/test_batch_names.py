"""Which files are inputs, and what paintings of them are called. Names here are really made on the disk."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from pipeline.batch.plan.inputs import Input, each_once, find_inputs
from pipeline.batch.plan.naming import LONGEST, TEMPLATE, Name, Wish, ending_for, exactly, named, read_template
from pipeline.errors import UsageError
from pipeline.media.outputs import part_path

HOSTILE = (
    "a b.mp4", "%03d.png", "-rf.mp4", "héllo wörld.mov", "新しい.mp4", "line\nbreak.mp4", "{stem}.mp4", "{0}{}.mp4",
    "}{.mp4", "...mp4", "..mp4.mp4", ".hidden.mp4", "'quote\".mp4", "$(echo).mp4", "back\\slash.mp4", "a:b.mp4",
    "*.mp4", "[1].mp4", "~.mp4", " .mp4", "a .mp4", "tab\t.gif", "emoji👩‍👩‍👧.png", "a+b.png", "🎞" * 62 + ".mp4",
    "x" * 251 + ".mp4", "x" * 250 + "y.mov", "é" * 125 + ".png", "no_ending", "two.dots.webm", "UPPER.MP4",
)  # fmt: skip


def make(folder: Path, *names: str) -> Path:
    """Empty files, which is all that names are made of."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def found(folder: Path, text: str, outdir: str = "out", sequences: bool = False) -> list[str]:
    """What an argument finds, relative to the folder it is given in."""
    return [one.path.relative_to(folder).as_posix() for one in find_inputs(text, folder, folder / outdir, sequences)]


def wish(one: Input, style: str = "ink", template: str = TEMPLATE, **others: object) -> Wish:
    values = {"preset": "standard", "codec": None, "gif": False, **others}
    return Wish(one, style, f"{one.path}\0{style}", read_template(template), **values)  # type: ignore[arg-type]


def names(folder: Path, *texts: str, **others: object) -> list[str]:
    """The outputs for what some arguments find."""
    inputs = [one for text in texts for one in find_inputs(text, folder, folder / "out")]
    return [name.output for name in named([wish(one, **others) for one in inputs])]  # type: ignore[arg-type]


def assert_can_be_written(folder: Path, name: str) -> None:
    """Make the painting, its work folder and its part files."""
    path = folder / name
    assert not {"", ".", ".."} & set(name.split("/"))
    assert path.resolve().is_relative_to(folder.resolve())
    assert all(len(os.fsencode(part)) <= 255 for part in name.split("/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    (path.parent / f"{path.name}.reelbrush").mkdir()
    for part in (part_path(path), part_path(path, "sound.part"), part_path(part_path(path.with_suffix(".gif")))):
        part.write_bytes(b"")


# --- inputs ---------------------------------------------------------------------------------------------------------


def test_a_folder_gives_videos_and_pictures_in_natural_order_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path / "in", "b10.mp4", "b2.MP4", "a.txt", "c.gif", "notes", ".hidden.mp4", "d.jpeg", "z.part")
    make(tmp_path / "in", "sub/deep/e.mkv", ".git/f.mp4", "b2.mp4.reelbrush/frames/0.png", ".b2.mp4.part.mp4")
    assert found(tmp_path, "in") == ["in/b2.MP4", "in/b10.mp4", "in/c.gif", "in/d.jpeg", "in/sub/deep/e.mkv"]
    folders = [str(one.folder) for one in find_inputs("in", tmp_path, tmp_path / "out")]
    assert folders == [".", ".", ".", ".", "sub/deep"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    make(tmp_path, name, "1.mp4", "a.mp4")
    assert found(tmp_path, name) == [name]


def test_the_output_folder_is_no_input(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "out/a-ink.mp4", "out/sub/b.mp4", "outer/c.mp4")
    assert found(tmp_path, "in", "in/out") == ["in/a.mp4", "in/outer/c.mp4"]
    assert found(tmp_path, "in/**/*.mp4", "in/out") == ["in/a.mp4", "in/outer/c.mp4"]
    assert found(tmp_path, "in/*", "in/out") == ["in/a.mp4", "in/outer/c.mp4"]
    assert found(tmp_path, "in/outer", "in") == ["in/outer/c.mp4"], "below the output folder, but asked for"
    with pytest.raises(UsageError, match="also the one the paintings go to"):
        find_inputs("in", tmp_path, tmp_path / "in")
    (tmp_path / "link").symlink_to(tmp_path / "in" / "out")
    assert found(tmp_path, "in", "link") == ["in/a.mp4", "in/outer/c.mp4"]


def test_patterns(tmp_path: Path) -> None:
    make(tmp_path / "in", "a1.mp4", "a10.mp4", "a2.mp4", "b.mov", "n.txt", "x.xyz", "sub/a3.mp4", ".h/a.mp4")
    assert found(tmp_path, "in/a*.mp4") == ["in/a1.mp4", "in/a2.mp4", "in/a10.mp4"]
    assert found(tmp_path, "in/a?.mp4") == ["in/a1.mp4", "in/a2.mp4"]
    assert found(tmp_path, "in/[!a]*") == ["in/b.mov", "in/sub/a3.mp4"]
    assert found(tmp_path, "in/**/a*") == ["in/a1.mp4", "in/a2.mp4", "in/a10.mp4", "in/sub/a3.mp4"]
    assert found(tmp_path, "in/**") == found(tmp_path, "in")
    assert found(tmp_path, "in/*.xyz") == ["in/x.xyz"], "the ending was said"
    assert found(tmp_path, "in/.h/*") == ["in/.h/a.mp4"]
    assert str(find_inputs("in/**/a3*", tmp_path, tmp_path / "out")[0].folder) == "sub"


def test_a_pattern_is_a_name_where_a_file_has_it(tmp_path: Path) -> None:
    make(tmp_path, "a*.mp4", "ab.mp4", "[x]/1.mp4", "[x]/2.mov", "x/3.mp4")
    assert found(tmp_path, "a*.mp4") == ["a*.mp4"]
    assert found(tmp_path, "[x]/*.mp4") == ["[x]/1.mp4"]
    assert found(tmp_path, "[x]/?.m*") == ["[x]/1.mp4", "[x]/2.mov"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("missing.mp4", "no such file"),
        ("missing/*.mp4", "matches"),
        ("in/*.avi", "no video and no picture"),
        ("in/**x/*.mp4", "no pattern|no video"),
        ("empty", "no video and no picture"),
        (" ", "empty"),
        ("x" * 300, "too long"),
        ("nul\0.mp4", "no such file"),
        ("fifo", "neither"),
    ],
)
def test_what_is_no_input_is_refused(tmp_path: Path, text: str, why: str) -> None:
    make(tmp_path, "in/a.mp4", "empty/notes.txt")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match=why):
        find_inputs(text, tmp_path, tmp_path / "out")


def test_links_in_circles_end(tmp_path: Path) -> None:
    make(tmp_path / "in", "sub/a.mp4")
    (tmp_path / "in" / "sub" / "again").symlink_to(tmp_path / "in")
    assert found(tmp_path, "in") == ["in/sub/a.mp4"]


def test_the_same_file_counts_once(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "b.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "in" / "a.mp4")
    texts = ("in/b.mp4", "in", "in/../in/a.mp4", "link.mp4", "./in/*")
    inputs = [one for text in texts for one in find_inputs(text, tmp_path, tmp_path / "out")]
    assert [one.path.name for one in each_once(inputs)] == ["b.mp4", "a.mp4"]


def test_a_file_keeps_its_own_name_whatever_leads_to_it(tmp_path: Path) -> None:
    make(tmp_path / "in", "real.mp4")
    (tmp_path / "in" / "alias.mp4").symlink_to(tmp_path / "in" / "real.mp4")
    inputs = find_inputs("in", tmp_path, tmp_path / "out")
    assert [one.path.name for one in inputs] == ["alias.mp4", "real.mp4"]
    assert [one.path.name for one in each_once(inputs)] == ["real.mp4"]


def test_a_folder_of_numbered_pictures_is_a_clip_where_that_is_wanted(tmp_path: Path) -> None:
    make(tmp_path / "in", "walk/f_1.png", "walk/f_2.png", "walk/.DS_Store", "walk/notes.txt", "walk/b/1.jpg", "c.mp4")
    make(tmp_path / "in", "photos/cat.jpg", "photos/dog1.jpg", "single/1.png", "mixed/1.png", "mixed/2.jpg")
    make(tmp_path / "in", "gifs/1.gif", "gifs/2.gif")
    expected = [
        "in/c.mp4", "in/gifs/1.gif", "in/gifs/2.gif", "in/mixed/1.png", "in/mixed/2.jpg", "in/photos/cat.jpg",
        "in/photos/dog1.jpg", "in/single/1.png", "in/walk", "in/walk/b/1.jpg",
    ]  # fmt: skip
    assert found(tmp_path, "in", sequences=True) == expected
    assert found(tmp_path, "in/*", sequences=True) == expected
    assert "in/walk/f_1.png" in found(tmp_path, "in")
    assert "in/walk" not in found(tmp_path, "in/**", sequences=True), "this asks for every file"
    itself = find_inputs("in/walk", tmp_path, tmp_path / "out", sequences=True)[0]
    assert (itself.sequence, itself.path.name, str(itself.folder)) == (True, "walk", ".")


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "locked/b.mp4")
    (tmp_path / "in" / "locked").chmod(0)
    try:
        if os.access(tmp_path / "in" / "locked", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(UsageError, match="locked: this cannot be read"):
            find_inputs("in", tmp_path, tmp_path / "out")
    finally:
        (tmp_path / "in" / "locked").chmod(0o700)


# --- templates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (TEMPLATE, "sub/clip-ink.mov"),
        ("{style}/{stem}{ext}", "sub/ink/clip.mov"),
        ("{parent}/{style}/{stem}{ext}", "sub/ink/clip.mov"),
        ("{style}/{parent}/{stem}.mp4", "ink/sub/clip.mp4"),
        ("{number:03}_{stem}_{preset}.webm", "sub/001_clip_standard.webm"),
        ("{stem}{{x}}.gif", "sub/clip{x}.gif"),
        ("{style}/{ext}", "sub/ink/clip.mov"),
        ("{stem}-{style}/", "sub/clip-ink"),
        ("./{stem}//{style}.MKV", "sub/clip/ink.mkv"),
    ],
)
def test_templates(tmp_path: Path, template: str, expected: str) -> None:
    make(tmp_path / "in", "sub/clip.mov")
    outputs = names(tmp_path, "in", template=template)
    assert [Path(output) for output in outputs] == [Path(expected)]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{stm}{ext}", "did you mean 'stem'"),
        ("{}{ext}", "unknown field"),
        ("{stem.parent}{ext}", "unknown field"),
        ("{stem[0]}{ext}", "unknown field"),
        ("{stem!r}{ext}", "stands for itself"),
        ("{stem:>99999999}{ext}", "stands for itself"),
        ("{number:99999}{ext}", "stands for itself"),
        ("{stem", "brace"),
        ("{stem}}{ext}", "brace"),
        ("../{stem}{ext}", "leaves"),
        ("{stem}/../../x{ext}", "leaves"),
        ("/tmp/{stem}{ext}", "leaves"),
        ("\\\\host\\{stem}{ext}", "leaves"),
        ("..\\{stem}{ext}", "leaves"),
        ("C:{stem}{ext}", "leaves"),
        ("a\0{ext}", "leaves"),
        ("{stem}", "what is written"),
        ("{stem}.avi", "what is written"),
        ("{stem}{ext}.bak", "what is written"),
        ("", "what is written"),
    ],
)
def test_what_is_no_template_is_refused(template: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_template(template)


def test_a_name_can_be_given_exactly(tmp_path: Path) -> None:
    make(tmp_path / "in", "sub/clip.mov")
    one = find_inputs("in", tmp_path, tmp_path / "out")[0]
    own = Wish(one, "ink", "", exactly("a/{stem}.mp4"), "standard", None, True)
    assert named([own]) == [Name("a/{stem}.mp4", "a/{stem}.gif")]
    with pytest.raises(UsageError, match="leaves"):
        exactly("../x.mp4")
    with pytest.raises(UsageError, match="what is written"):
        exactly("x")


@pytest.mark.parametrize(
    ("name", "codec", "expected"),
    [
        ("a.mp4", None, ".mp4"), ("a.MOV", None, ".mov"), ("a.avi", None, ".mp4"), ("a.webm", None, ".webm"),
        ("a.gif", None, ".gif"), ("a.gif", "h265", ".gif"), ("a.jpeg", None, ".jpeg"), ("a.bmp", None, ".png"),
        ("a.tif", "ffv1", ".tif"), ("a.mp4", "prores", ".mov"), ("a.webm", "h264", ".mp4"), ("a.mkv", "h264", ".mkv"),
        ("a.mp4", "ffv1", ".mkv"), ("a.apng", None, ".mp4"), ("a", None, ".mp4"), ("a.xyz", None, ".mp4"),
    ],
)  # fmt: skip
def test_endings(name: str, codec: str | None, expected: str) -> None:
    assert ending_for(Input(Path("/in") / name, Path("/in")), codec) == expected


def test_a_folder_of_pictures_becomes_one_whatever_it_is_called() -> None:
    one = Input(Path("/in/shot.v1.mp4"), Path("/in"), sequence=True)
    assert named([wish(one, style="i.n", gif=True)]) == [Name("shot_v1_mp4-i_n", "shot_v1_mp4-i_n.gif")]


def test_a_gif_stands_beside_clips_only(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.gif", "c.png")
    inputs = [one for name in ("a.mp4", "b.gif", "c.png") for one in find_inputs(name, tmp_path, tmp_path)]
    assert [name.gif for name in named([wish(one, gif=True) for one in inputs])] == ["a-ink.gif", None, None]


# --- none like another ----------------------------------------------------------------------------------------------


def test_names_that_would_be_equal_are_told_apart_by_the_ending(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "a.avi", "b.mp4")
    assert names(tmp_path, "in") == ["a.avi-ink.mp4", "a.mp4-ink.mp4", "b-ink.mp4"]


def test_or_by_the_folder(tmp_path: Path) -> None:
    make(tmp_path, "monday/a.mp4", "tuesday/a.mp4", "tuesday/b.mp4")
    assert names(tmp_path, "monday", "tuesday") == ["monday/a-ink.mp4", "tuesday/a-ink.mp4", "b-ink.mp4"]


def test_or_by_both(tmp_path: Path) -> None:
    make(tmp_path, "x/a.mp4", "x/a.avi", "y/a.mp4")
    assert names(tmp_path, "x", "y") == ["x/a.avi-ink.mp4", "x/a.mp4-ink.mp4", "y/a.mp4-ink.mp4"]


def test_or_by_their_path_if_nothing_else_helps(tmp_path: Path) -> None:
    make(tmp_path, "x/in/a.mp4", "y/in/a.mp4")
    one, other = names(tmp_path, "x/in", "y/in")
    assert one != other
    assert names(tmp_path, "y/in", "x/in") == [other, one], "which does not depend on the order"


def test_what_is_painted_twice_is_numbered(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.mp4")
    assert names(tmp_path, "a.mp4", "a.mp4", "b.mp4") == ["a-ink.mp4", "a-ink-2.mp4", "b-ink.mp4"]
    by_preset = [wish(find_inputs("a.mp4", tmp_path, tmp_path)[0], template="{stem}-{preset}{ext}", preset=preset)
                 for preset in ("draft", "fine")]  # fmt: skip
    assert [name.output for name in named(by_preset)] == ["a-draft.mp4", "a-fine.mp4"]


def test_case_and_composition_make_no_difference() -> None:
    composed, apart = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    inputs = [Input(Path("/in") / f"{stem}.mp4", Path("/in")) for stem in (composed, apart, "A", "a", "b")]
    outputs = [name.output for name in named([wish(one) for one in inputs])]
    folded = {unicodedata.normalize("NFC", output).casefold() for output in outputs}
    assert len(folded) == 5
    assert outputs[4] == "b-ink.mp4"


def test_a_gif_beside_a_clip_is_no_other_painting(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.gif", "a.mp4")
    inputs = find_inputs("in", tmp_path, tmp_path / "out")
    found = named([wish(one, gif=True) for one in inputs])
    assert found == [Name("a.gif-ink.gif", None), Name("a.mp4-ink.mp4", "a.mp4-ink.gif")]


def test_a_name_made_to_collide_moves_too(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "a.mov", "a.mov.mp4")
    outputs = names(tmp_path, "in", template="{stem}.mp4")
    assert len(set(outputs)) == 3
    assert "a.mp4.mp4" in outputs


def test_a_folder_of_pictures_is_not_a_folder_of_paintings() -> None:
    one = Input(Path("/in/walk"), Path("/in"), sequence=True)
    other = Input(Path("/in/walk-ink/a.mp4"), Path("/in"))
    outputs = [name.output for name in named([wish(one), wish(other)])]
    assert outputs[1] == "walk-ink/a-ink.mp4"
    assert outputs[0] != "walk-ink"


def test_a_name_depends_on_others_only_where_it_must(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.mp4", "b.mp4", "c/a.mp4")
    before = dict(zip(found(tmp_path, "in"), names(tmp_path, "in"), strict=True))
    make(tmp_path / "in", "a.mov", "0.mp4", "c/d.png")
    after = dict(zip(found(tmp_path, "in"), names(tmp_path, "in"), strict=True))
    assert names(tmp_path, "in") == list(after.values()), "the same when run again"
    assert {name for name in before if before[name] != after[name]} == set(), "a.mov has an ending of its own"
    make(tmp_path / "in", "a.avi")
    last = dict(zip(found(tmp_path, "in"), names(tmp_path, "in"), strict=True))
    assert {name for name in after if after[name] != last[name]} == {"in/a.mp4"}


# --- names that every disk can hold -----------------------------------------------------------------------------------


def test_hostile_names_survive(tmp_path: Path) -> None:
    make(tmp_path / "in", *HOSTILE)
    raw = os.fsencode(tmp_path / "in") + b"/\xff\xfe.mp4"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"")
    except OSError:
        raw = b""  # a file system that holds text only
    texts = [str(path) for path in sorted((tmp_path / "in").iterdir())]
    outputs = names(tmp_path, *texts)
    assert len(outputs) == len(HOSTILE) + bool(raw)
    assert {"%03d-ink.png", "-rf-ink.mp4", "line\nbreak-ink.mp4", "{stem}-ink.mp4", "新しい-ink.mp4"} <= set(outputs)
    for output in outputs:
        output.encode()
        assert_can_be_written(tmp_path / "out", output)


def test_bytes_that_are_no_text_come_to_no_name() -> None:
    odd = os.fsdecode(b"\xff\xfe")
    inputs = [Input(Path("/in") / odd / f"{odd}.mp4", Path("/in")), Input(Path("/in/__/__.mp4"), Path("/in"))]
    outputs = [name.output for name in named([wish(one, f"ink{odd}") for one in inputs])]
    assert all(output.startswith("__/__-ink__-") and output.encode() for output in outputs)
    assert outputs[0] != outputs[1]


def test_a_part_of_dots_leads_nowhere(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4")
    one = find_inputs("a.mp4", tmp_path, tmp_path)[0]
    assert named([wish(one, "..", "{style}/{style}/{stem}{ext}")])[0].output == "__/__/a.mp4"
    assert named([wish(one, ".", "{style}/{stem}{ext}")])[0].output == "a.mp4"


def test_long_names_are_cut_between_letters_and_stay_apart(tmp_path: Path) -> None:
    make(tmp_path / "in", "é" * 125 + ".png", "é" * 124 + "e.png", "é" * 124 + "a.png")
    outputs = names(tmp_path, "in", style="a style")
    assert len(set(outputs)) == 3
    for output in outputs:
        assert LONGEST - 2 <= len(output.encode()) <= LONGEST
        assert output.startswith("é" * 90)
        assert output.endswith("-a style.png"), "the style can still be seen"
    assert len(names(tmp_path, "in", style="s" * 250)[0].encode()) <= LONGEST


def test_any_names_at_all(tmp_path: Path) -> None:
    """Random inputs and templates: every output is its own, inside the folder, and can be written."""
    rng = random.Random(5)
    pieces = ("a", "A", "é", "e\u0301", ".", "..", " ", "-ink", "{", "}", "\n", "x" * 90, "🎞" * 30, "~", "_", "ﬀ", "ß")
    endings = (".mp4", ".mov", ".avi", ".MP4", ".gif", ".png", ".jpg", ".bmp", ".mp4.mp4", "")
    templates = (TEMPLATE, "{stem}.mp4", "{style}/{stem}{ext}", "{stem}/{style}.gif", "{style}.mkv", "{parent}{ext}",
                 "{stem}{stem}{style}{parent}.mp4", "{stem}/")  # fmt: skip
    for trial in range(60):
        folder = Path("/in")
        inputs = []
        for _ in range(40):
            stem = "".join(rng.choices(pieces, k=rng.randint(1, 4)))[:60]
            sub = "".join(rng.choices(pieces, k=rng.randint(0, 2))).strip(".")[:40]
            root = folder / rng.choice(("one", "two", "three/one"))
            file = stem + rng.choice(endings)
            if file not in (".", ".."):
                inputs.append(Input(root / sub / file, root, sequence=rng.random() < 0.1))
        template = rng.choice(templates)
        wishes = [
            wish(one, rng.choice(("ink", "Ink.v2", "s" * 200)), template, gif=rng.random() < 0.5) for one in inputs
        ]
        found = named(wishes)
        outputs = [output for name in found for output in (name.output, name.gif) if output is not None]
        folded = {unicodedata.normalize("NFC", output.casefold()) for output in outputs}
        assert len(folded) == len(outputs), trial
        for output in outputs:
            parts = output.split("/")
            assert not {"", ".", ".."} & set(parts)
            assert all(len(part.encode()) <= 255 for part in parts)
            assert len(parts[-1].encode()) <= LONGEST
            assert not any(f"{output}/".casefold() == other.casefold()[: len(output) + 1] for other in outputs)
        assert named(wishes) == found, "the same when run again"
        order = rng.sample(range(len(wishes)), len(wishes))
        if len({one.identity for one in wishes}) == len(wishes):
            assert named([wishes[k] for k in order]) == [found[k] for k in order], "whatever the order"
