"""Which frames of two clips belong together, and clips that do not."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.media import Frame, VideoInfo
from pipeline.pictures.frame_alignment import align_frames, aligned_frames, aligned_inputs


def info(
    frames: int,
    rate: float | Fraction = 24,
    width: int = 64,
    height: int = 36,
    kind: str = "video",
    name: str = "in.mp4",
) -> VideoInfo:
    rate = Fraction(rate)
    times = tuple(k / rate for k in range(frames))
    return VideoInfo(Path(name), kind, width, height, rate, times, frames / rate, False, None)


def gif(delays: list[int], name: str = "out.gif") -> VideoInfo:
    """Delays in hundredths of a second."""
    ends = [Fraction(end, 100) for end in accumulate(delays)]
    return VideoInfo(
        Path(name), "animation", 64, 36, len(delays) / ends[-1], (Fraction(0), *ends[:-1]), ends[-1], True, None
    )


def test_as_many_frames_are_matched_by_number() -> None:
    found = align_frames(info(5), info(5))
    assert found.pairs == ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4))
    assert (found.times, found.duration, found.rate, found.notes) == (info(5).times, Fraction(5, 24), 24, ())


def test_as_many_frames_at_another_speed_are_said() -> None:
    found = align_frames(info(48, 24), info(48, 12))
    assert found.pairs[-1] == (47, 47) and found.duration == 2
    assert "2.00 s" in found.notes[0] and "4.00 s" in found.notes[0]


def test_a_folder_has_no_clock() -> None:
    assert align_frames(info(5, 12), info(5, kind="folder")).rate == 12
    assert align_frames(info(5, 24, kind="folder"), info(5, 12)).rate == 12
    assert align_frames(info(5, 12), info(5, kind="folder")).notes == ()


def test_half_the_rate() -> None:
    found = align_frames(info(48, 24), info(24, 12, name="o.mp4"))
    assert found.pairs == tuple((2 * k, k) for k in range(24))
    assert found.rate == 12 and "48 frames" in found.notes[0] and "o.mp4" in found.notes[0]


def test_twice_the_rate_does_not_count_repeated_frames_as_calm() -> None:
    found = align_frames(info(24, 12), info(48, 24))
    assert found.pairs == tuple((k, 2 * k) for k in range(24))


def test_the_times_of_a_gif_are_rounded() -> None:
    """Twelve frames a second are 8, 8 and 9 hundredths: the third begins 0.7 hundredths too early."""
    found = align_frames(info(72, 24), gif([8, 8, 9] * 12))
    assert found.pairs == tuple((2 * k, k) for k in range(36))
    assert found.variable


def test_a_frame_lost_at_the_end_is_forgiven() -> None:
    found = align_frames(info(48), info(47))
    assert found.pairs == tuple((k, k) for k in range(47))


@pytest.mark.parametrize(
    ("source", "painting", "words"),
    [
        (info(48), info(24), ("--frames", "2.00 s", "1.00 s")),
        (info(24), info(48), ("does not last as long",)),
        (info(48), info(24, kind="folder"), ("--frames", "48", "24")),
        (info(24), info(24, width=64, height=48), ("proportions", "64x48")),
        (info(24), info(24, width=36, height=64), ("proportions",)),
        (info(1), info(1, kind="picture"), ("only one frame",)),
    ],
    ids=["part", "longer", "folder", "4:3", "upright", "picture"],
)
def test_clips_that_do_not_belong_together(source: VideoInfo, painting: VideoInfo, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as refused:
        align_frames(source, painting)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(("width", "height"), [(128, 72), (32, 18), (100, 56), (16, 10), (1280, 704), (500, 280)])
def test_sizes_may_be_rounded(width: int, height: int) -> None:
    align_frames(info(4, width=1280, height=720), info(4, width=width, height=height))


def test_the_proportions_are_those_before_any_resizing() -> None:
    thin = replace(info(4, width=10, height=300), source_width=9, source_height=300)
    align_frames(thin, info(4, width=9, height=300))
    with pytest.raises(UsageError, match="640x360"):
        align_frames(replace(info(4), source_width=640, source_height=360), info(4, width=64, height=64))


class Numbered:
    """A source whose frames show their number."""

    def __init__(self, count: int, width: int, height: int) -> None:
        self.info = info(count, width=width, height=height)
        self.open = 0

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        self.open += 1
        try:
            for index in range(start, self.info.frames):
                image = np.full((self.info.height, self.info.width, 3), index, np.uint8)
                yield Frame(index, self.info.times[index], image)
        finally:
            self.open -= 1


def test_frames_are_walked_as_picked_and_in_the_paintings_size() -> None:
    source, painting = Numbered(9, 64, 36), Numbered(5, 32, 18)
    pairs = ((0, 0), (2, 1), (2, 2), (8, 3))
    walk = aligned_frames(source, painting, pairs)
    found = [(int(a[0, 0, 0]), int(b[0, 0, 0]), a.shape, b.shape) for a, b in walk]
    assert found == [(*pick, (18, 32, 3), (18, 32, 3)) for pick in pairs]
    assert (source.open, painting.open) == (0, 0), "closed, although neither was read to its end"
    assert [int(image[0, 0, 0]) for image in aligned_inputs(source, pairs)] == [0, 2, 2, 8]
