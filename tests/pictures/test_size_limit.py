"""Animations that may take no more than so many bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from stories import SUFFIXES

from pipeline.clip.parse import parse_bytes
from pipeline.errors import UsageError
from pipeline.media import open_source
from pipeline.media.encoding_ladder import TRIALS, best_within, encoding_ladder
from pipeline.media.palette import Palette
from pipeline.media.size_limit import LEAST_SIDE
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.snapshots import Snapshots
from pipeline.pictures.story import Story
from pipeline.pictures.story_file import write_story, write_story_frames


def search(limit: int, sizes: list[int], weights: list[float]) -> tuple[int | None, list[int]]:
    asked: list[int] = []

    def measure(number: int) -> int:
        asked.append(number)
        return sizes[number]

    return best_within(limit, weights, measure), asked


def test_the_best_encoding_that_fits_needs_few_trials() -> None:
    weights = [0.95**number for number in range(80)]
    exact = [round(1_000_000 * weight) for weight in weights]
    assert search(1_000_000, exact, weights) == (0, [0])
    for limit in (900_000, 400_000, 60_000):
        best, asked = search(limit, exact, weights)
        assert best is not None and 0.9 * limit <= exact[best] <= limit
        assert len(asked) <= 3
    # Estimates that are badly wrong cost trials, never the limit.
    random = np.random.default_rng(3)
    for _ in range(200):
        steps = random.uniform(0.8, 1.0, 80)
        sizes = [round(1_000_000 * float(size)) for size in np.cumprod(steps)]
        limit = int(random.uniform(sizes[-1], sizes[0]))
        best, asked = search(limit, sizes, weights)
        assert best is not None and sizes[best] <= limit
        assert len(asked) <= TRIALS + 6


def test_a_limit_that_nothing_meets() -> None:
    best, asked = search(10, [1000, 500, 100, 50], [1, 0.5, 0.1, 0.05])
    assert best is None and asked[-1] == 3, "the smallest one was tried"


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".mov", ".mkv", ".apng"))
def test_encodings_become_smaller(suffix: str) -> None:
    ways = encoding_ladder(suffix)
    weights = [way.weight for way in ways]
    assert weights == sorted(set(weights), reverse=True)
    assert weights[-1] < 0.02 and (ways[0].scale, ways[0].share, weights[0]) == (1, 1, pytest.approx(1))
    gentle = next(way for way in ways[1:])
    assert gentle.weight > 0.7, "the first step down is a small one"


@pytest.mark.parametrize(
    ("text", "count"),
    [("5MB", 5_000_000), ("800kB", 800_000), ("1.5 MB", 1_500_000), ("300000", 300_000), ("2m", 2_000_000),
     ("512KiB", 524_288), ("1GB", 10**9), ("70b", 70)],
)  # fmt: skip
def test_sizes_of_files(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "big", "-5MB", "0", "0.0001B", "5 TB", "5MB/s", "nan", "i", "5i"])
def test_what_is_no_size_of_a_file(text: str) -> None:
    with pytest.raises(UsageError, match="no size of a file"):
        parse_bytes(text)


def test_no_animation_is_as_small_as_a_few_bytes(tmp_path: Path) -> None:
    """Most likely a unit is missing; the smallest GIF that there can be is allowed."""
    Pillow.new("P", (1, 1)).save(tmp_path / "least.gif")
    assert (tmp_path / "least.gif").stat().st_size >= 35
    assert parse_bytes("35") == 35
    for text in ("1", "5", "34", "0.03kB"):
        with pytest.raises(UsageError, match=r"no animation is as small as .* bytes?\. Say of what"):
            parse_bytes(text)


def measured(path: Path) -> tuple[int, int, float]:
    """Width, frames and seconds."""
    info = open_source(path).info
    return info.width, info.frames, float(info.duration)


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_colours_are_not_given_up_before_size_and_frames(suffix: str) -> None:
    for way in encoding_ladder(suffix):
        if way.palette is not None and way.palette.colours < 256:
            assert float(way.share) <= 0.6 and way.scale <= 0.6
        if way.palette is not None and way.palette.colours < 128:
            assert float(way.share) <= 0.4 and way.scale <= 0.25


@pytest.mark.parametrize("suffix", (*SUFFIXES, ".apng", ".mov"))
def test_no_step_down_gives_up_a_tenth_of_the_bytes(suffix: str) -> None:
    """Else the file could only be so much smaller than it may be."""
    weights = [way.weight for way in encoding_ladder(suffix)]
    large = [weight for weight in weights if weight > 0.25]
    assert min(after / before for before, after in pairwise(large)) > 0.87


def test_paper_has_no_dots(tmp_path: Path, painting: Snapshots) -> None:
    """The pattern of the ordered dither is too faint to reach from white to the palest other colour."""
    told = Story(painting, StoryOptions(frames=6, panels=True, curve=True)).render()
    write_story_frames(
        tmp_path / "o.gif",
        told,
        next(way for way in encoding_ladder(".gif") if way.palette == Palette(256, "ordered")),
        {},
    )
    for frame, image in zip(open_source(tmp_path / "o.gif").frames(), told.images, strict=True):
        assert (frame.image[(image == 255).all(2)] == 255).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_max_bytes_is_met(tmp_path: Path, painting: Snapshots, suffix: str) -> None:
    options = StoryOptions(frames=16)
    full = tmp_path / f"full{suffix}"
    assert write_story(full, Story(painting, options), options) == ()
    size = full.stat().st_size
    for share in (1.0, 0.7, 0.4):
        fitted = StoryOptions(frames=16, max_bytes=round(share * size))
        path = tmp_path / f"{share}{suffix}"
        notes = write_story(path, Story(painting, fitted), fitted)
        assert path.stat().st_size <= share * size
        assert len(notes) == (share < 1)
        assert measured(path)[2] == pytest.approx(measured(full)[2], abs=0.5)
    assert (tmp_path / f"1.0{suffix}").read_bytes() == full.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}{suffix}" for name in ("full", "1.0", "0.7", "0.4")}


def test_what_cannot_fit_says_what_would(tmp_path: Path, painting: Snapshots) -> None:
    options = StoryOptions(frames=16, max_bytes=900)
    with pytest.raises(UsageError, match=r"o\.gif: this story .* into 900 bytes.*--max-bytes (\d+)kB") as caught:
        write_story(tmp_path / "o.gif", Story(painting, options), options)
    assert not list(tmp_path.iterdir())
    allowed = StoryOptions(frames=16, max_bytes=parse_bytes(str(caught.value).split("--max-bytes ")[1].split(",")[0]))
    write_story(tmp_path / "o.gif", Story(painting, allowed), allowed)
    assert measured(tmp_path / "o.gif")[0] >= LEAST_SIDE
