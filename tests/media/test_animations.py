"""Animated WebP and PNG, and palettes: what stories are written with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from media_clips import plan
from PIL import Image as Pillow
from PIL import ImageSequence
from tiny import picture

from pipeline.errors import OutputError, UsageError
from pipeline.media import Frame, Image, open_sink, open_source, read_metadata
from pipeline.media.animation_sink import AnimationWriter
from pipeline.media.palette import Palette
from pipeline.media.plan import SinkPlan

TIMES = (Fraction(0), Fraction(6, 10), Fraction(68, 100), Fraction(76, 100))
DURATION = Fraction(276, 100)
IMAGES = [picture(24, 32, seed) for seed in range(4)]


def write(path: Path, images: list[Image] | None = None, **other: Any) -> None:
    asked = {"rate": Fraction(25, 2), "variable": True, "animation": True, **other}
    with open_sink(SinkPlan(path, width=32, height=24, times=TIMES, duration=DURATION, **asked)) as sink:
        for index, image in enumerate(images or IMAGES):
            sink.put(Frame(index, TIMES[index], image))
        sink.finish()


def shown(path: Path) -> list[Image]:
    return [frame.image for frame in open_source(path).frames()]


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_frames_that_are_equal_lose_no_time(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"a{suffix}", [IMAGES[0], IMAGES[0], IMAGES[1], IMAGES[1]])
    info = open_source(tmp_path / f"a{suffix}").info
    assert (info.times, info.duration) == ((Fraction(0), TIMES[2]), DURATION)


def seen(path: Path) -> list[npt.NDArray[np.uint8]]:
    """Its frames as another program sees them, RGBA."""
    with Pillow.open(path) as file:
        return [np.array(frame.convert("RGBA")) for frame in ImageSequence.Iterator(file)]


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    ("suffix", "quality"), [(".webp", "lossless"), (".webp", "small"), (".png", None), (".apng", None)]
)
def test_one_picture_that_is_held_keeps_its_duration_and_its_loop(
    tmp_path: Path, suffix: str, quality: str | None, alpha: bool, plays: int
) -> None:
    image = np.dstack([IMAGES[0], picture(24, 32, 9)[:, :, 0]]) if alpha else IMAGES[0]
    path = tmp_path / f"a{suffix}"
    texts = {"made": "so", "how": "ä" * 99}
    writer = AnimationWriter(SinkPlan(
        path, width=32, height=24, times=TIMES, duration=DURATION, rate=Fraction(25, 2), variable=True,
        quality=quality, alpha=alpha, plays=plays, metadata=texts,
    ))  # fmt: skip
    for position in range(4):
        writer.write(image, position)
    writer.complete()
    writer.publish()
    source = open_source(path)
    assert (source.info.times, source.info.duration, source.info.plays) == ((0, TIMES[1]), DURATION, plays)
    one, two = seen(path)
    np.testing.assert_array_equal(one, two)
    if quality != "small":
        np.testing.assert_array_equal(one[:, :, : image.shape[2]], image)
    assert read_metadata(path) == texts
    write(path, [IMAGES[1]] * 4, overwrite=True)
    assert len(seen(path)) == 2 and read_metadata(path) == {}


@pytest.mark.parametrize(("suffix", "how"), [(".png", {"palette": Palette(4, "none")}), (".webp", {"quality": 0})])
def test_frames_that_become_equal_when_they_are_written_lose_no_time(
    tmp_path: Path, suffix: str, how: dict[str, Any]
) -> None:
    """By few colours, or by a low quality."""
    base = np.full((24, 32, 3), 200, np.uint8)
    base[:, 16:] = 30
    images = [base.copy() for _ in range(4)]
    for number, image in enumerate(images):
        image[0, 0] += number
    write(tmp_path / f"a{suffix}", images, **how)
    info = open_source(tmp_path / f"a{suffix}").info
    assert info.frames == 2 and info.duration == DURATION


def test_a_single_frame_is_a_picture(tmp_path: Path) -> None:
    for suffix in (".webp", ".png"):
        path = tmp_path / f"a{suffix}"
        one = SinkPlan(
            path, width=32, height=24, times=(Fraction(0),), duration=Fraction(1), rate=Fraction(1), animation=True
        )
        with open_sink(one) as sink:
            sink.put(Frame(0, Fraction(0), IMAGES[0]))
            sink.finish()
        assert len(seen(path)) == 1


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_an_animation_that_came_out_a_still_is_not_kept(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AnimationWriter, "_hold", lambda writer, still, milliseconds: None)
    with pytest.raises(OutputError, match=r"1 frame and .* instead of 2 and 2\.76 s"):
        write(tmp_path / f"a{suffix}", [IMAGES[0]] * 4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".gif"])
@pytest.mark.parametrize("dither", ["diffused", "ordered", "none"])
def test_a_palette_bounds_the_colours(tmp_path: Path, suffix: str, dither: Any) -> None:
    if (suffix, dither) == (".png", "ordered"):
        with pytest.raises(UsageError, match="ordered"):
            write(tmp_path / "a.png", palette=Palette(8, dither))
        return
    write(tmp_path / f"a{suffix}", palette=Palette(8, dither))
    colours = np.unique(np.concatenate(shown(tmp_path / f"a{suffix}")).reshape(-1, 3), axis=0)
    assert 4 <= len(colours) <= 8
    assert open_source(tmp_path / f"a{suffix}").info.times == TIMES


def apart(one: Image, other: Image) -> float:
    """Mean difference of levels, after what the eye blurs."""
    small = [image.reshape(6, 4, 8, 4, 3).mean((1, 3)) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_small_bright_thing_keeps_its_colour(tmp_path: Path, suffix: str) -> None:
    """A purple grape, 1 % of the first picture, among frames that go from wine red to black."""
    down, across = np.mgrid[0:24, 0:32]
    red = np.stack([60 + 5 * across, 20 + 2 * down, 30 + 2 * down], 2).astype(np.uint8)
    first = np.array(red)
    first[10:13, 10:13] = (90, 20, 110)
    others = [red // share for share in (2, 3, 4)]
    write(tmp_path / f"a{suffix}", [first, *others], palette=Palette(32, "none"))
    found = shown(tmp_path / f"a{suffix}")[0]
    assert np.abs(found[10:13, 10:13].astype(int) - (90, 20, 110)).max() < 12


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_what_is_held_has_the_better_colours(tmp_path: Path, suffix: str) -> None:
    """The last frame is shown 25 times as long as the one before it."""
    write(tmp_path / f"a{suffix}", palette=Palette(16, "none"))
    errors = [apart(one, other) for one, other in zip(shown(tmp_path / f"a{suffix}"), IMAGES, strict=True)]
    assert errors[3] < min(errors[1:3])


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_fixed_colours_are_there_exactly(tmp_path: Path, suffix: str) -> None:
    grey = (113, 112, 118)
    images = [np.array(image) for image in IMAGES]
    for image in images:
        image[0, :2] = grey
    write(tmp_path / f"a{suffix}", images, palette=Palette(16, "none", fixed=(grey,)))
    assert all((image[0, :2] == grey).all() for image in shown(tmp_path / f"a{suffix}"))
    with pytest.raises(UsageError, match="16 colours cannot hold 9"):
        Palette(16, fixed=(grey,) * 9)


def test_quality_of_a_webp_changes_its_size(tmp_path: Path) -> None:
    for name, quality in {"lossless": "lossless", "best": 100, "visual": None, "small": "small", "least": 5}.items():
        write(tmp_path / f"{name}.webp", quality=quality)
    sizes = [(tmp_path / f"{name}.webp").stat().st_size for name in ("best", "visual", "small", "least")]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4


@pytest.mark.parametrize(
    ("name", "other", "word"),
    [
        ("a.webp", {"quality": 101}, "0 to 100"),
        ("a.webp", {"quality": "great"}, "visual, small, lossless"),
        ("a.webp", {"palette": Palette()}, "no palette"),
        ("a.png", {"quality": 50}, "without loss"),
        ("a.png", {"codec": "h264"}, "no codec"),
        ("a.mp4", {"palette": Palette()}, "no palette"),
        ("a.png", {"animation": False}, "cannot be written as .png"),
        ("a.jpg", {}, ".gif, .webp, .png"),
    ],
)
def test_what_cannot_be(tmp_path: Path, name: str, other: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        write(tmp_path / name, **other)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("colours", [3, 257])
def test_a_palette_of_impossible_size(colours: int) -> None:
    with pytest.raises(UsageError, match="4 to 256"):
        Palette(colours)


def test_a_webp_that_is_too_large(tmp_path: Path) -> None:
    wide = np.zeros((2, 20_000, 3), np.uint8)
    sink = open_sink(SinkPlan(
        tmp_path / "a.webp", width=20_000, height=2, times=TIMES[:1], duration=Fraction(1), rate=Fraction(1),
        animation=True,
    ))  # fmt: skip
    with pytest.raises(OutputError, match="cannot hold"), sink:
        sink.put(Frame(0, Fraction(0), wide))
        sink.finish()
    assert not list(tmp_path.iterdir())


def test_more_frames_than_fit_in_memory_are_refused_as_an_animated_picture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"too many for an animated picture.* \.webm"):
        open_sink(SinkPlan(**plan(tmp_path / "o.webp", 2000, width=1280, height=720)))
    with pytest.raises(UsageError, match=r"cannot be written as \.png"):
        open_sink(SinkPlan(**plan(tmp_path / "o.png", 2)))
    assert not list(tmp_path.iterdir())
