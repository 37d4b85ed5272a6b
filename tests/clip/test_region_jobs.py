"""Regions from the command line to the result: how they are written, what their files may be, and who has to know."""

from __future__ import annotations

import json
import re
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, SMALL, TABLE, events, invoke, moving_folder, paint_picture
from PIL import Image as Pillow
from tiny import CPU, PLAN, picture, tiny_settings, tiny_weights

import reelbrush
from pipeline.batch.plan.batch import plan_batch, plan_job_file
from pipeline.batch.plan.item import Item
from pipeline.clip.engine import Engine
from pipeline.clip.frame_masks import find_frame_masks
from pipeline.clip.identity import painting_identity
from pipeline.clip.jobs import ClipJob, StillJob, StylePicture, parse_style
from pipeline.clip.mask_files import open_clip_masks
from pipeline.clip.provenance import Ingredient, Record, RegionIngredients
from pipeline.clip.record_reading import read_record
from pipeline.clip.regions import (
    Mask,
    MaskPicture,
    Region,
    parse_mask,
    parse_region,
    regions_as_json,
    regions_from_json,
)
from pipeline.clip.session import open_session
from pipeline.clip.survey import take_survey
from pipeline.errors import ReelbrushError, UsageError
from pipeline.media import open_source, write_picture
from pipeline.motion.flow import DIS
from pipeline.network.base import Network
from pipeline.report.provenance import record_as_json, record_rows
from pipeline.settings import resolve
from pipeline.text import count_text

STILL = {name: value for name, value in SMALL.items() if name not in ("carried_steps", "passes")}


def white(path: Path, left: int, right: int, width: int = 48, height: int = 32) -> Path:
    """A mask that is white from one column to another."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, left:right] = 255
    Pillow.fromarray(mask).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a picture, two styles and a mask of its left half."""
    monkeypatch.chdir(tmp_path)
    paint_picture(tmp_path / "content.png")
    for name, seed in (("a.png", 9), ("b.png", 17)):
        paint_picture(tmp_path / name, seed)
    white(tmp_path / "left.png", 0, 24)
    return tmp_path


def refused(*arguments: str | Path, code: int) -> str:
    """What a command says that cannot be: one paragraph."""
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    text = result.output.strip()
    assert "\n\n" not in text and "Traceback" not in text
    return " ".join(text.split())


def frame(folder: Path, number: int) -> np.ndarray:
    """A painted frame, counted from 0."""
    return shown(sorted(folder.glob("*.png"))[number])


def shown(path: Path) -> np.ndarray:
    return np.array(Pillow.open(path).convert("RGB")).astype(int)


# ---- how they are written


def test_a_region_is_a_mask_and_a_blend(here: Path) -> None:
    assert parse_region("sky.png=wave.jpg") == Region(
        Mask((MaskPicture(Path("sky.png")),)), (StylePicture(Path("wave.jpg")),)
    )
    styles = parse_region("left.png=a.png:0.7+b.png@1,2,30,20:0.3").styles
    assert styles == (StylePicture(Path("a.png"), 0.7), StylePicture(Path("b.png"), 0.3, (1, 2, 30, 20)))
    for name in ("odd=name.png", "odd+name.png", "odd:2", "odd@1,2,3,4"):
        (here / name).write_bytes(b"")
    assert parse_region("odd=name.png=a.png").mask.paths == (Path("odd=name.png"),)
    assert [style.path.name for style in parse_region("left.png=odd+name.png:2+b.png").styles] == [
        "odd+name.png",
        "b.png",
    ]
    assert parse_style("odd:2") == StylePicture(Path("odd:2"))
    assert parse_style("odd@1,2,3,4") == StylePicture(Path("odd@1,2,3,4"))
    assert parse_region("left.png=a.png", here / "deep").mask.paths == (here / "deep" / "left.png",)


@pytest.mark.parametrize("text", ["left.png=a.png:0.7+b.png@1,2,30,20:0.3", "left.png=a.png"])
def test_as_text_and_as_json_a_region_is_the_same(text: str, here: Path) -> None:
    job = StillJob(here / "c", (), region=(parse_region(text),), protect=(parse_mask("left.png"),))
    assert parse_region(job.region[0].text) == job.region[0]
    stored = json.loads(json.dumps(regions_as_json(job)))
    assert regions_from_json(stored) == job.regions
    assert regions_from_json({}) == StillJob(here / "c", ()).regions
    drawn = (MaskPicture(Path("x"), 5), MaskPicture(Path("y"), Fraction(3, 2)))
    job = StillJob(here / "c", (), protect=(Mask(drawn),))
    assert regions_from_json(json.loads(json.dumps(regions_as_json(job)))) == job.regions


@pytest.mark.parametrize("text", ["", "left.png", "=a.png", "left.png=", "left.png= ", "left.png=a.png+", "l.png=a:0"])
def test_what_is_no_region_is_refused(text: str, here: Path) -> None:
    with pytest.raises(UsageError) as found:
        parse_region(text)
    assert "Write" in str(found.value) or "above zero" in str(found.value)


def test_a_part_of_a_style_has_to_lie_in_it(here: Path) -> None:
    with pytest.raises(UsageError, match="is empty"):
        parse_style("a.png@1,2,0,5")
    said = refused("image", "content.png", "-s", "a.png@40,2,30,20", "-o", "out.png", *QUICK, code=2)
    assert "a.png goes beyond the picture, which has 48x32 pixels" in said and not Path("out.png").exists()


def test_a_part_of_a_style_is_that_picture_cut_out(here: Path) -> None:
    write_picture(here / "cut.png", np.array(Pillow.open(here / "a.png"))[4:28, 10:40])
    for style, out in (("a.png@10,4,30,24", "one.png"), ("cut.png", "two.png"), ("a.png", "three.png")):
        assert invoke("image", "content.png", "-s", style, "-o", out, *QUICK).exit_code == 0
    np.testing.assert_array_equal(shown(here / "one.png"), shown(here / "two.png"))
    assert np.abs(shown(here / "one.png") - shown(here / "three.png")).mean() > 1
    assert read_record(here / "one.png").styles[0].part == (10, 4, 30, 24)


# ---- pictures


def test_a_picture_is_painted_by_regions_and_says_so(here: Path) -> None:
    for name, colour in (("red.png", (150, 0, 0)), ("blue.png", (0, 0, 150))):
        write_picture(here / name, np.array(Pillow.open(here / "a.png")) // 3 + np.array(colour, np.uint8))
    for name, more in {"both": ("--region", "left.png=blue.png"), "kept": ("--protect", "left.png")}.items():
        done = invoke("image", "content.png", "-s", "red.png", *more, "-o", f"{name}.png", *QUICK, "--strength", "1")
        assert done.exit_code == 0
    both, kept = shown(here / "both.png"), shown(here / "kept.png")
    redness = (both[..., 0] - both[..., 2]).mean(0)
    assert (redness[:20] < -40).all() and (redness[28:] > 40).all()
    np.testing.assert_array_equal(kept[:, :21], shown(here / "content.png")[:, :21])
    assert (kept[:, 28:, 0] - kept[:, 28:, 2]).mean() > 40
    record = read_record(here / "both.png")
    (region,) = record.region
    assert [one.path.name for one in (*region.mask, *region.styles)] == ["left.png", "blue.png"]
    assert ("region 1", f"left.png, SHA-256 {region.mask[0].sha256}") in record_rows(record)
    assert json.loads(record_as_json(record))["region"][0]["styles"][0]["path"] == "blue.png"
    assert read_record(here / "kept.png").protect[0][0].path.name == "left.png"


def test_a_finished_picture_is_known_by_what_its_masks_hold(here: Path) -> None:
    job = ("image", "content.png", "-s", "a.png", "--region", "left.png=b.png", "-o", "out.png", *QUICK, "--json")
    assert events(invoke(*job).stdout)[-1]["painted"] == 1
    (here / "left.png").rename(here / "moved.png")
    moved = [one.replace("left.png", "moved.png") for one in job]
    assert events(invoke(*moved).stdout)[-1]["painted"] == 0
    white(here / "moved.png", 0, 25)
    assert "exists" in refused(*moved, code=1)


@pytest.mark.heavy
def test_a_picture_in_several_scales_of_its_style_is_replayed(here: Path) -> None:
    for scale in ("0.5,2", "0.5", "2"):
        job = ("image", "content.png", "-s", "a.png", "--style-scale", scale, "-o", f"of_{scale}.png", *QUICK)
        assert invoke(*job).exit_code == 0
    both = shown(here / "of_0.5,2.png")
    assert all(np.any(both != shown(here / f"of_{scale}.png")) for scale in ("0.5", "2"))
    assert invoke("replay", "of_0.5,2.png", "-o", "again.png").exit_code == 0
    np.testing.assert_array_equal(shown(here / "again.png"), both)


@pytest.mark.heavy
def test_a_picture_is_replayed_with_its_regions(here: Path) -> None:
    job = ("-s", "a.png@4,4,40,24", "--region", "left.png=b.png", "--protect", "top.png")
    Pillow.fromarray(np.repeat([[255], [0]], [8, 24], 0).astype(np.uint8).repeat(48, 1)).save(here / "top.png")
    assert invoke("image", "content.png", *job, "-o", "out.png", *QUICK).exit_code == 0
    assert invoke("replay", "out.png", "-o", "again.png").exit_code == 0
    np.testing.assert_array_equal(shown(here / "out.png"), shown(here / "again.png"))
    white(here / "left.png", 0, 20)
    said = refused("replay", "out.png", "-o", "third.png", code=1)
    assert "left.png (a mask), which has changed since" in said


def test_masks_are_cropped_with_the_picture_and_may_have_any_size(here: Path) -> None:
    Pillow.open(here / "left.png").resize((480, 320)).save(here / "large.png")
    for mask in ("left.png", "large.png"):
        assert (
            invoke(
                "image", "content.png", "-s", "a.png", "--protect", mask, "--aspect", "1:1", "-o", f"of_{mask}", *QUICK
            ).exit_code
            == 0
        )
        found, content = shown(here / f"of_{mask}"), shown(here / "content.png")[:, 8:40]
        np.testing.assert_array_equal(found[:, :13], content[:, :13])
        assert np.abs(found[:, 20:] - content[:, 20:]).mean() > 2


def test_of_a_mask_that_is_transparent_counts_how_opaque_it_is(here: Path) -> None:
    cut_out = np.full((32, 48, 4), 77, np.uint8)
    cut_out[..., 3] = np.array(Pillow.open(here / "left.png"))
    Pillow.fromarray(cut_out).save(here / "cut_out.png")
    for mask in ("left.png", "cut_out.png"):
        done = invoke("image", "content.png", "-s", "a.png", "--region", f"{mask}=b.png", "-o", f"of_{mask}", *QUICK)
        assert done.exit_code == 0
    np.testing.assert_array_equal(shown(here / "of_left.png"), shown(here / "of_cut_out.png"))


@pytest.mark.parametrize("option", ["--region", "--protect"])
@pytest.mark.parametrize(
    ("mask", "says", "code"),
    [
        ("gone.png", "gone.png: there is no such file", 2),
        ("text.png", "text.png", 1),
        ("wide.png", "this mask is 96x32, and what it lies on 48x32", 2),
        ("black.png", "black throughout", 1),
        ("aside.png", "outside of what is painted", 1),
        ("folder", "folder", 2),
        ("moving.gif", "Name a single picture", 2),
    ],
)
def test_a_mask_that_cannot_be_is_refused_before_anything_is_painted(
    mask: str, says: str, code: int, option: str, here: Path
) -> None:
    (here / "text.png").write_text("no picture")
    (here / "folder").mkdir()
    white(here / "wide.png", 0, 9, width=96)
    white(here / "black.png", 0, 0)
    white(here / "aside.png", 0, 6)
    frames = [Pillow.open(here / name) for name in ("a.png", "b.png")]
    frames[0].save(here / "moving.gif", save_all=True, append_images=frames[1:])
    given = f"{mask}=b.png" if option == "--region" else mask
    shape = ("--aspect", "1:1") if mask == "aside.png" else ()
    said = refused("image", "content.png", "-s", "a.png", option, given, *shape, "-o", "out.png", *QUICK, code=code)
    assert says in said
    assert not (here / "out.png").exists()


def test_a_mask_is_never_written_over(here: Path) -> None:
    before = (here / "left.png").read_bytes()
    job = ("image", "content.png", "-s", "a.png", "--protect", "left.png", "-o", "left.png", "--overwrite", *QUICK)
    refused(*job, code=2)
    assert (here / "left.png").read_bytes() == before


def test_the_calls_from_python_take_arrays(here: Path) -> None:
    left = np.zeros((32, 48), bool)
    left[:, :24] = True
    content, a, b = (np.array(Pillow.open(here / name)) for name in ("content.png", "a.png", "b.png"))
    made = reelbrush.stylize_image(content, a, region=[(left, {"b.png": 1.0}), "left.png=b.png"], **STILL)
    other = reelbrush.stylize_image("content.png", "a.png", region={"left.png": b}, protect=~left, **STILL)
    # Two regions of one style that share all of their pixels are that region.
    assert np.abs(made.image[:, :20].astype(int) - other.image[:, :20]).mean() < 4
    np.testing.assert_array_equal(other.image[:, 27:], content[:, 27:])


# ---- clips


def masks_of(folder: Path, frames: int) -> Path:
    """A mask that moves to the right by two pixels a frame."""
    folder.mkdir()
    for number in range(frames):
        white(folder / f"{number}.png", 4 + 2 * number, 20 + 2 * number)
    return folder


def test_a_clip_is_painted_by_a_mask_for_every_frame_and_goes_on(here: Path) -> None:
    moving_folder(here / "in", 5)
    masks_of(here / "masks", 5)
    job = ("video", "in", "-s", "a.png", "--region", "left.png=b.png", "--protect", "masks", *QUICK, "--json")
    assert events(invoke(*job, "-o", "whole", "--keep").stdout)[-1]["painted"] == 5
    for number in range(5):
        found, content = frame(here / "whole", number), shown(here / "in" / f"{number}.png")
        inside = slice(7 + 2 * number, 17 + 2 * number)
        np.testing.assert_array_equal(found[:, inside], content[:, inside])
        assert np.abs(found[:, 34:] - content[:, 34:]).mean() > 2
    # As if it had been killed after three frames.
    work = here / "out.reelbrush"
    (here / "whole.reelbrush").rename(work)
    for path in sorted((work / "frames").glob("*.png"))[3:]:
        path.unlink()
    assert events(invoke(*job, "-o", "out").stdout)[-1]["painted"] == 2
    for number in range(5):
        np.testing.assert_array_equal(frame(here / "out", number), frame(here / "whole", number))
    assert invoke("replay", "out", "-o", "again").exit_code == 0
    np.testing.assert_array_equal(frame(here / "again", 3), frame(here / "out", 3))


def test_where_only_a_mask_moves_a_frame_is_painted_anew(here: Path) -> None:
    moving_folder(here / "in", 3, hold=(0, 1, 2))
    masks_of(here / "masks", 3)
    job = ("video", "in", "-s", "a.png", "--protect", "masks", *QUICK, "--json")
    told = [one for one in events(invoke(*job, "-o", "out").stdout) if one["event"] == "frame_done"]
    assert all(one["steps"] > 0 for one in told)
    content = shown(here / "in" / "0.png")
    for number in range(3):
        inside = slice(7 + 2 * number, 17 + 2 * number)
        np.testing.assert_array_equal(frame(here / "out", number)[:, inside], content[:, inside])


def test_with_another_mask_a_job_is_another_one(here: Path) -> None:
    moving_folder(here / "in", 3)
    masks_of(here / "masks", 3)
    job = ("video", "in", "-s", "a.png", "--protect", "masks", *QUICK)
    assert invoke(*job, "-o", "whole", "--keep").exit_code == 0
    (here / "whole.reelbrush").rename(here / "out.reelbrush")
    next(iter((here / "out.reelbrush" / "frames").glob("*2.png"))).unlink()
    white(here / "masks" / "1.png", 0, 9)
    assert "differs in protect" in refused(*job, "-o", "out", code=1)


def test_of_a_longer_mask_the_frames_that_are_painted_count(here: Path) -> None:
    moving_folder(here / "in", 6)
    masks_of(here / "masks", 6)
    job = ("video", "in", "-s", "a.png", "--protect", "masks", *QUICK)
    assert invoke(*job, "--frames", "2:4", "-o", "out").exit_code == 0
    for number in (2, 3):
        found, content = frame(here / "out", number - 2), shown(here / "in" / f"{number}.png")
        inside = slice(7 + 2 * number, 17 + 2 * number)
        np.testing.assert_array_equal(found[:, inside], content[:, inside])
    (here / "masks" / "5.png").unlink()
    said = refused(*job, "-o", "other", code=2)
    assert "masks: this mask has 5 frames, and 6 are painted of in." in said
    assert not (here / "other").exists() and not (here / "other.reelbrush").exists()


@pytest.mark.parametrize(("masks", "frames"), [(5, "0:2"), (5, "2:4"), (8, "0:3"), (1, "0:2"), (3, "3:5")])
def test_a_mask_is_as_long_as_what_is_painted_or_as_all_of_the_input(masks: int, frames: str, here: Path) -> None:
    moving_folder(here / "in", 6)
    masks_of(here / "masks", masks)
    said = refused("video", "in", "-s", "a.png", "--protect", "masks", "--frames", frames, "-o", "o", *QUICK, code=2)
    painted = int(frames[2]) - int(frames[0])
    assert f"masks: this mask has {count_text(masks, 'frame')}, and {painted} are painted of the 6 of in." in said
    assert "Give a mask with a frame for each of those, or for each of all 6, or a single picture" in said
    assert not (here / "o.reelbrush").exists()


def test_a_mask_that_is_a_clip_is_taken_at_the_rate_of_what_is_painted(here: Path) -> None:
    for name, colour in (("in.gif", None), ("mask.gif", 255)):
        frames = [Pillow.new("L", (48, 32), number * 9 if colour is None else colour - number) for number in range(8)]
        frames[0].save(here / name, save_all=True, append_images=frames[1:], duration=100)
    style = (StylePicture(here / "a.png"),)
    for part, rate, count in (((2, 6), None, 4), ((2, 6), Fraction(5), 2), (None, Fraction(5), 4)):
        job = ClipJob(here / "in.gif", style, here / "o", frames=part, rate=rate, protect=(parse_mask("mask.gif"),))
        info = open_source(job.source, frames=part, fps=rate).info
        (found,) = open_clip_masks(job, info).masks
        assert found.frames is not None and found.frames.info.frames == info.frames == count
        first = next(iter(found.frames.frames())).image[0, 0, 0]
        assert first == 255 - (2 if part else 0)


def test_a_mask_that_is_black_in_every_frame_is_refused(here: Path) -> None:
    moving_folder(here / "in", 2)
    (here / "masks").mkdir()
    for number in range(2):
        white(here / "masks" / f"{number}.png", 0, 0)
    said = refused("video", "in", "-s", "a.png", "--protect", "masks", "-o", "out", *QUICK, code=1)
    assert "black in every frame" in said and not (here / "out").exists()


# ---- batches, previews


def test_a_batch_and_a_job_file_have_regions(here: Path) -> None:
    options = {"region": ["left.png=b.png@1,2,30,20:0.5"], "protect": ["left.png"]}
    (item,) = plan_batch(["content.png"], ["a.png"], "out", options=options).items
    assert item.region == (
        Region(Mask((MaskPicture(here / "left.png"),)), (StylePicture(here / "b.png", 0.5, (1, 2, 30, 20)),)),
    )
    assert item.still_job().regions == item.regions and item.protect == (Mask((MaskPicture(here / "left.png"),)),)
    assert Item.from_json(item.as_json()) == item
    old = json.loads(item.as_json())
    del old["region"], old["protect"]
    assert not Item.from_json(json.dumps(old)).has_regions
    (here / "job.toml").write_text(
        'inputs = ["content.png"]\nstyles = ["a.png"]\noutput = "out"\n[defaults]\nprotect = "left.png"\n'
        '[[item]]\ninput = "content.png"\nregion = ["left.png=b.png"]\n'
    )
    (item,) = plan_job_file(here / "job.toml").items
    assert item.region[0].mask.paths == (here / "left.png",) and item.protect[0].paths == (here / "left.png",)
    with pytest.raises(ReelbrushError, match="region has to be a list of texts"):
        plan_batch(["content.png"], ["a.png"], "out", options={"region": 5})
    with pytest.raises(ReelbrushError, match="is not a mask and a style"):
        plan_batch(["content.png"], ["a.png"], "out", options={"region": ["left.png"]})


def test_a_batch_paints_by_regions_and_one_bad_mask_spoils_only_its_own(here: Path) -> None:
    white(here / "wide.png", 0, 9, width=96)
    paint_picture(here / "second.png", seed=4)
    (here / "job.toml").write_text(
        f'inputs = ["content.png", "second.png"]\nstyles = ["a.png"]\noutput = "out"\n[defaults]\n{TABLE}steps = 3\n'
        '[[item]]\ninput = "content.png"\nprotect = ["left.png"]\n'
        '[[item]]\ninput = "second.png"\nprotect = ["wide.png"]\n'
    )
    result = invoke("batch", "job.toml", "--device", "cpu")
    assert result.exit_code == 3 and "this mask is 96x32" in " ".join(result.output.split())
    np.testing.assert_array_equal(shown(here / "out" / "content-a.png")[:, :21], shown(here / "content.png")[:, :21])
    again = invoke("batch", "job.toml", "--device", "cpu", "--json")
    assert again.exit_code == 3
    assert not any(event["event"] == "frame_done" for event in events(again.stdout)), "it is finished"


@pytest.mark.heavy
def test_a_preview_shows_regions_and_its_commands_have_them(here: Path) -> None:
    given = ("content.png", "-s", "a.png", "--strength", "0.5")
    more = ("--region", "left.png=b.png", "--protect", "left.png")
    made = invoke("preview", *given, *more, "-o", "sheet.png", "--set", "size=48")
    assert made.exit_code == 0, made.output
    plain = invoke("preview", *given, "-o", "plain.png", "--set", "size=48")
    assert plain.exit_code == 0
    assert re.search(r"--region left\.png=b\.png --protect left\.png", made.stdout)
    assert shown(here / "sheet.png").shape != shown(here / "plain.png").shape or np.any(
        shown(here / "sheet.png") != shown(here / "plain.png")
    )


def test_what_a_painting_depends_on_has_its_masks_by_content(here: Path) -> None:
    job = StillJob(Path("content.png"), (StylePicture(Path("a.png")),))
    plain = painting_identity(job, resolve(), "net", lambda path: path.name)
    assert "region" not in plain and "protect" not in plain, "what was finished before there were regions stays known"
    regions: dict[str, Any] = {
        "region": (parse_region("left.png=b.png@1,2,3,4:0.5"),),
        "protect": (Mask((MaskPicture(Path("x.png"), 5),)),),
    }
    found = painting_identity(StillJob(job.content, job.styles, **regions), resolve(), "net", lambda path: path.name)
    record = Record(
        "picture", Ingredient(Path("i"), ""), (), "", "", "", "",
        region=(
            RegionIngredients((Ingredient(Path(), "left.png"),), (Ingredient(Path(), "b.png", 0.5, (1, 2, 3, 4)),)),
        ),
        protect=((Ingredient(Path(), "x.png", at=5),),),
    )  # fmt: skip
    expected = {"region": [[[["left.png", None]], [["b.png", 0.5, [1, 2, 3, 4]]]]], "protect": [[["x.png", 5]]]}
    assert {name: found[name] for name in expected} == expected == record.parts


# ---- masks that follow the motion


def crossing(folder: Path, frames: int, cut: int | None = None) -> list[np.ndarray]:
    """A bright square that crosses a dark ground by two pixels a frame; after a cut it is elsewhere. Returns where it
    is, bool (H, W)."""
    folder.mkdir()
    found = []
    for number in range(frames):
        moved = number if cut is None or number < cut else number - cut
        late = cut is not None and number >= cut
        ground = picture(48, 72, seed=7 if late else 3) // 3
        if late:
            ground = ground[::-1, ::-1] + np.array((90, 20, 60), np.uint8)
        left, top = (6 + 2 * moved, 22) if late else (8 + 2 * moved, 6)
        ground[top : top + 20, left : left + 20] = 150 + picture(48, 72, seed=5)[:20, :20] // 3
        Pillow.fromarray(ground).save(folder / f"{number:02d}.png")
        found.append(np.zeros((48, 72), bool))
        found[-1][top : top + 20, left : left + 20] = True
    return found


def drawn(path: Path, where: np.ndarray) -> None:
    Pillow.fromarray(np.uint8(where) * 255).save(path)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def masks_found(here: Path, mask: str, cuts: str = "none", **more: Any) -> list[np.ndarray]:
    """What the masks of the clip `in` are, bool (H, W)."""
    job = ClipJob(here / "in", (StylePicture(here / "a.png"),), here / "out", protect=(parse_mask(mask),), **more)
    engine = Engine(tiny_settings(size=0, cuts=cuts), Network(PLAN, tiny_weights()), CPU)
    session = open_session(job, engine)
    with closing(session.open_work()) as work:
        survey = take_survey(session, work)
        work.remove()
    found = [survey.masks.of(index) for index in range(session.source.info.frames)]
    return [one.protected > 127 for one in found if one is not None and one.protected is not None]


def test_a_mask_follows_both_ways_from_the_frame_it_was_drawn_for(here: Path) -> None:
    where = crossing(here / "in", 9)
    drawn(here / "m.png", where[4])
    for found in (masks_found(here, "m.png@4"), masks_found(here, "m.png@0.16s")):
        np.testing.assert_array_equal(found[4], where[4])
        assert all(overlap(*one) > 0.85 for one in zip(found, where, strict=True))
    part = masks_found(here, "m.png@4", frames=(3, 8))
    np.testing.assert_array_equal(part[1], where[4])
    assert len(part) == 5 and overlap(part[4], where[7]) > 0.85
    square = masks_found(here, "m.png@4", aspect="1:1")
    assert square[0].shape == (48, 48)
    np.testing.assert_array_equal(square[4], where[4][:, 12:60])
    assert overlap(square[7], where[7][:, 12:60]) > 0.85


def test_between_two_drawings_a_mask_goes_from_one_to_the_other(here: Path) -> None:
    """What stands still for the flow has moved in the drawings: halfway it has half of each."""
    (here / "in").mkdir()
    for number in range(5):
        Pillow.fromarray(picture(48, 72, 3)).save(here / "in" / f"{number}.png")
    one, other = np.zeros((48, 72), bool), np.zeros((48, 72), bool)
    one[:, :20], other[:, 40:] = True, True
    drawn(here / "m.png", one)
    drawn(here / "n.png", other)
    mask = parse_mask("m.png@0+n.png@4")
    job = ClipJob(here / "in", (StylePicture(here / "a.png"),), here / "out", protect=(mask,))
    source = open_source(here / "in")
    masks = find_frame_masks(open_clip_masks(job, source.info), source, [(0, 5)], DIS)
    left = [int(masks.of(index).protected[5, 5]) for index in range(5)]  # type: ignore[union-attr, index]
    right = [int(masks.of(index).protected[5, 60]) for index in range(5)]  # type: ignore[union-attr, index]
    assert left == [255, 191, 128, 64, 0] and right == left[::-1]


def test_a_mask_does_not_follow_over_a_cut_and_says_so(here: Path) -> None:
    where = crossing(here / "in", 8, cut=4)
    drawn(here / "m.png", where[1])
    drawn(here / "n.png", where[7])
    found = masks_found(here, "m.png@1", cuts="4")
    assert all(overlap(*one) > 0.85 for one in zip(found[:4], where[:4], strict=True))
    assert not np.any(found[4:])
    found = masks_found(here, "m.png@1+n.png@7", cuts="4")
    assert all(overlap(*one) > 0.85 for one in zip(found, where, strict=True))
    job = ("video", "in", "-s", "a.png", "--set", "cuts=4", *QUICK)
    said = " ".join(invoke(*job, "--protect", "m.png@1", "-o", "out").output.split())
    assert "m.png@1 was drawn for no frame of the shot that begins with frame 4" in said
    content, painted = shown(here / "in" / "02.png"), frame(here / "out", 2)
    inside = np.s_[10:22, 16:28]
    np.testing.assert_array_equal(painted[inside], content[inside])


@pytest.mark.parametrize(
    ("mask", "says", "code"),
    [
        ("m.png@9", "there is no such frame. The last of in is number 3", 2),
        ("m.png@1m", "there is no such frame", 2),
        ("m.png@0", "none of the frames that this mask was drawn for is among those that are painted", 2),
        ("m.png@1+left.png", "Say for which frame each was drawn", 2),
        ("black.png@2", "black throughout", 1),
        ("in@2", "is a single picture", 2),
        ("gone.png@2", "gone.png", 2),
    ],
)
def test_a_drawing_for_no_frame_is_refused(mask: str, says: str, code: int, here: Path) -> None:
    moving_folder(here / "in", 4)
    white(here / "m.png", 0, 9)
    white(here / "black.png", 0, 0)
    job = ("video", "in", "-s", "a.png", "--frames", "1:4", "--protect", mask, "-o", "out", *QUICK)
    assert says in refused(*job, code=code)
    assert not (here / "out").exists() and not (here / "out.reelbrush").exists()


def test_a_picture_has_no_motion_to_follow(here: Path) -> None:
    said = refused("image", "content.png", "-s", "a.png", "--protect", "left.png@3", "-o", "o.png", *QUICK, code=2)
    assert "a picture has none" in said


def test_as_text_and_as_json_a_drawing_keeps_its_frame(here: Path) -> None:
    for text in ("left.png@3", "left.png@1.5s+a.png@60", "left.png@90s+a.png@0"):
        mask = parse_mask(text)
        assert parse_mask(mask.text) == mask
        job = StillJob(here / "c", (), protect=(mask,))
        assert regions_from_json(json.loads(json.dumps(regions_as_json(job)))) == job.regions
    assert parse_mask("left.png@1m30s").pictures[0].at == 90
    (here / "odd@3").write_bytes(b"")
    assert parse_mask("odd@3") == Mask((MaskPicture(Path("odd@3")),))
