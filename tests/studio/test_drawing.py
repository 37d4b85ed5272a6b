"""Regions that are drawn over frames: masks by colour, the command that names them, and drafts that heed them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.clip.regions import Mask, MaskPicture, Region, Regions, parse_region
from pipeline.clip.styles import StylePicture
from pipeline.media import Image, read_picture
from pipeline.studio.draft_masks import DraftMasks
from pipeline.studio.drafts import Drafts
from pipeline.studio.drawing import COLOURS, KEEP, drawn_regions, keep, kept_regions, layer_masks
from pipeline.studio.job_runner import JobRunner
from pipeline.studio.studio import Studio
from pipeline.studio.subject import read_subject
from pipeline.studio.wish import Wish
from tests.jobs import SHALLOW, moving_folder, paint_picture

RED, BLUE = COLOURS[:2]
LEFT, RIGHT, TOP = np.s_[:, :12], np.s_[:, 36:], np.s_[:8]


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.005)


def layer(**parts: Any) -> Image:
    """What is drawn over 48x32 pixels: by name of the colour where."""
    found = np.zeros((32, 48, 4), np.uint8)
    for name, where in parts.items():
        colour = {"red": RED, "blue": BLUE, "keep": KEEP}[name]
        found[where] = (*bytes.fromhex(colour[1:]), 153)
    return found


def white(where: Any) -> Image:
    found = np.zeros((32, 48), np.uint8)
    found[where] = 255
    return found


def test_each_colour_is_a_mask_and_mixed_ones_belong_to_the_nearest() -> None:
    drawn = layer(red=LEFT, keep=RIGHT)
    # As after scaling: a little of another colour, a faint edge, and colour where nothing was drawn.
    drawn[0, 0, :3] = 0.8 * drawn[0, 0, :3] + 0.2 * np.array([0, 0, 255])
    drawn[1, 0, 3], drawn[2, 0, 3] = 100, 20
    drawn[3, 20] = (*bytes.fromhex(BLUE[1:]), 0)
    masks = layer_masks(drawn)
    assert list(masks) == [RED, KEEP]
    expected = white(LEFT)
    expected[2, 0] = 0
    np.testing.assert_array_equal(masks[RED], expected)
    np.testing.assert_array_equal(masks[KEEP], white(RIGHT))
    assert layer_masks(layer()) == {}


def test_all_that_was_drawn_becomes_regions_that_the_command_line_knows(tmp_path: Path) -> None:
    styles = [StylePicture(tmp_path / "a.jpg"), StylePicture(tmp_path / "b.jpg", 0.3)]
    layers = {30: layer(blue=LEFT, keep=RIGHT), 4: layer(blue=TOP)}
    found = drawn_regions(layers, styles, tmp_path / "masks")
    (region,), (protected,) = found.region, found.protect
    assert [one.at for one in region.mask.pictures] == [4, 30]
    assert region.styles == (StylePicture(tmp_path / "b.jpg"),)
    assert [one.at for one in protected.pictures] == [30]
    for picture, where in zip((*region.mask.pictures, *protected.pictures), (TOP, LEFT, RIGHT), strict=True):
        np.testing.assert_array_equal(read_picture(picture.path)[..., 0], white(where))
    again = drawn_regions(layers, styles, tmp_path / "masks")
    assert again == found, "the same is the same: nothing is painted anew"
    # A picture has no frames, and a colour without a painting says nothing.
    assert drawn_regions({None: layer(blue=LEFT)}, styles[:1], tmp_path) == Regions()
    (one,) = drawn_regions({None: layer(red=LEFT)}, styles, tmp_path).region
    assert one.mask.pictures[0].at is None

    kept, moved = kept_regions(found, tmp_path / "out.mp4")
    keep(moved)
    assert parse_region(kept.region[0].text) == kept.region[0]
    assert len({path for mask in kept.masks for path in mask.paths}) == 3
    for old, new in zip(found.masks, kept.masks, strict=True):
        for one, other in zip(old.paths, new.paths, strict=True):
            assert other.parent == tmp_path and other.name.startswith("out-mask-")
            assert one.read_bytes() == other.read_bytes()


@pytest.fixture
def wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wish:
    monkeypatch.chdir(tmp_path)
    layers = {"content_layers": (("relu2_1", 1.0),), "style_layers": (("relu1_1", 1.0), ("relu2_1", 1.0))}
    more = {key: value for key, value in SHALLOW.items() if "layers" not in key}
    style = StylePicture(paint_picture(tmp_path / "s.png", seed=9))
    paint_picture(tmp_path / "t.png", seed=3)
    return Wish(
        paint_picture(tmp_path / "c.png"), (style,), more={**more, **layers, "levels": 1, "steps": 6, "passes": 1}
    )


def test_a_draft_leaves_what_is_protected_and_paints_a_region_in_its_style(wish: Wish, tmp_path: Path) -> None:
    def painted(wish: Wish) -> Any:
        return drafts.paint(wish, lambda text: None, lambda step: None).astype(float)

    def drawn(**parts: Any) -> Wish:
        return replace(wish, regions=drawn_regions({None: layer(**parts)}, (*wish.styles, other), tmp_path / "masks"))

    drafts, other = Drafts(device="cpu"), StylePicture(tmp_path / "t.png")
    plain, content = painted(wish), read_picture(tmp_path / "c.png")
    protected = painted(drawn(keep=LEFT))
    np.testing.assert_array_equal(protected[:, :10], content[:, :10])
    assert np.abs(protected[RIGHT] - content[RIGHT]).mean() > 5
    region = painted(drawn(blue=RIGHT))
    away, there = (np.abs(region[part] - plain[part]).mean() for part in (LEFT, RIGHT))
    assert there > 2 * away
    np.testing.assert_array_equal(painted(wish), plain)


def test_masks_follow_the_motion_only_where_they_were_not_drawn(wish: Wish, tmp_path: Path) -> None:
    clip = replace(wish, source=moving_folder(tmp_path / "clip", 4))
    assert clip.source is not None
    subject = read_subject(clip.source, lambda text: None)
    assert subject.numbers == (0, 1, 2, 3)
    regions = drawn_regions({1: layer(red=LEFT, keep=RIGHT)}, wish.styles, tmp_path / "masks")
    clip, masks, told = replace(clip, regions=regions), DraftMasks(), []

    def of(place: int, size: tuple[int, int] = (48, 32)) -> Any:
        return masks.of(replace(clip, frame=place), subject, size, told.append)

    here = of(1)
    np.testing.assert_array_equal(here.regions, white(LEFT)[None])
    np.testing.assert_array_equal(here.protected, white(RIGHT))
    assert told == []
    there = of(3)
    assert any("Following" in text for text in told)
    assert there.regions.shape == (1, 32, 48) and there.protected.shape == (32, 48)
    assert 0.5 < there.regions.mean() / here.regions.mean() < 2
    told.clear()
    assert of(2, (24, 16)).regions.shape == (1, 16, 24)
    assert told == [], "the clip is gone through once"
    assert DraftMasks().of(replace(clip, regions=Regions()), subject, (48, 32), told.append) is None


@pytest.fixture
def studio(tmp_path: Path, wish: Wish) -> Iterator[Studio]:
    found = Studio(wish, tmp_path / "session", lambda: Drafts(device="cpu"))
    until(lambda: found.view.subject is not None)
    yield found
    found.close()


def words(studio: Studio) -> list[str]:
    return shlex.split(studio.command())


def test_the_command_names_masks_beside_the_result_and_they_are_there_when_it_is_taken(
    studio: Studio, tmp_path: Path
) -> None:
    studio.draw(0, layer(red=LEFT, keep=RIGHT), "page")
    shown = words(studio)
    region, protected = (shown[shown.index(option) + 1] for option in ("--region", "--protect"))
    assert region.endswith("=s.png") and "/" not in region + protected
    assert not list(tmp_path.glob("*-mask-*"))
    studio.keep_masks()
    found = parse_region(region)
    np.testing.assert_array_equal(read_picture(found.mask.paths[0])[..., 0], white(LEFT))
    np.testing.assert_array_equal(read_picture(protected)[..., 0], white(RIGHT))


def test_the_job_is_given_the_masks_that_are_kept(studio: Studio, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nopen('words', 'w').write('\\n'.join(sys.argv[1:]))")
    studio.job = JobRunner(program)
    studio.draw(0, layer(red=LEFT), "page")
    studio.paint_all()
    until(lambda: not studio.job.state().runs)
    started = (tmp_path / "words").read_text().splitlines()
    region = parse_region(started[started.index("--region") + 1])
    assert region.mask.paths[0].parent == tmp_path
    assert region.mask.paths[0].is_file()
    assert region.styles[0].path == tmp_path / "s.png"


def test_what_is_drawn_over_moments_of_a_clip_adds_up_and_can_be_cleared(studio: Studio, tmp_path: Path) -> None:
    studio.open_input(moving_folder(tmp_path / "clip", 4))
    studio.draw(0, layer(red=LEFT), "page")
    assert not studio.wish.regions.has_regions, "it belongs to what was looked at before"
    until(lambda: studio.view.subject is not None and not studio.view.subject.still)
    studio.draw(1, layer(red=LEFT), "page")
    studio.draw(3, layer(red=RIGHT), "page")
    (region,) = studio.wish.regions.region
    assert [one.at for one in region.mask.pictures] == [1, 3]
    studio.draw(1, None, "page")
    (region,) = studio.wish.regions.region
    assert [one.at for one in region.mask.pictures] == [3]
    np.testing.assert_array_equal(studio.layer(3), layer(red=RIGHT))
    studio.clear_drawing()
    assert studio.wish.regions == Regions() and studio.layer(3) is None
    studio.draw(3, layer(red=RIGHT), "page")
    studio.open_input(tmp_path / "c.png")
    assert studio.wish.regions == Regions() and studio.layer(3) is None


def test_what_another_page_says_again_changes_nothing(studio: Studio) -> None:
    """A page that is shown what was drawn elsewhere tells of it as if it had been drawn there, and late."""
    studio.draw(0, layer(red=LEFT), "first")
    studio.draw(0, layer(red=LEFT, blue=RIGHT), "first")
    now = studio.wish.regions, studio.drawn
    studio.draw(0, layer(red=LEFT), "second")
    studio.draw(0, layer(), "second")
    studio.draw(0, layer(red=LEFT, blue=RIGHT), "second")
    assert (studio.wish.regions, studio.drawn) == now
    # To take something back, or to draw more, is another thing.
    studio.draw(0, layer(red=LEFT), "first")
    assert len(studio.wish.regions.region) == 1
    studio.draw(0, layer(red=TOP), "second")
    assert studio.drawn[1] == "second"
    studio.draw(0, layer(), "second")
    assert studio.wish.regions == Regions()


def test_paintings_that_come_later_have_colours_of_their_own(studio: Studio, tmp_path: Path) -> None:
    studio.add_styles([tmp_path / "t.png"])
    studio.draw(0, layer(red=LEFT, blue=RIGHT), "page")
    assert studio.wish.regions.region == tuple(
        Region(Mask((MaskPicture(one.mask.paths[0]),)), (StylePicture(tmp_path / name),))
        for one, name in zip(studio.wish.regions.region, ("s.png", "t.png"), strict=True)
    )
