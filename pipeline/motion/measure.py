"""A painted clip beside its input, frame by frame: flicker, colour and sharpness, in memory that does not grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.motion.flow import DIS, Flow, FlowMethod, both_ways
from pipeline.motion.image_statistics import Lab, mean_colour, sharpness
from pipeline.motion.masks import Weights, reliability
from pipeline.motion.shots import Shot
from pipeline.motion.warp import warped
from pipeline.types import Image

LONG = 10
"""Frames between the two of a long pair: what creeps, and cannot be seen from one frame to the next."""


@dataclass(frozen=True)
class FrameMeasure:
    """What was measured at one frame. Flicker is None where the shot has no such pair, or nothing in it can be
    compared."""

    frame: int
    """From 0."""
    time: float
    """Seconds from the start of the clip."""
    shot: int
    """From 0."""
    e_warp: float | None
    """E_warp between the frame before and this one, of the painting; colours in 0..1."""
    e_warp_input: float | None
    """The same of the input: what remains of noise, light and flow errors. A painting cannot be asked for less."""
    e_warp_long: float | None
    """E_warp between the frame `LONG` before and this one."""
    e_warp_long_input: float | None
    compared: float | None
    """Share of the picture that the short flow can be trusted in, 0 to 1; the rest does not count."""
    colour: Lab
    """Mean colour of the painting minus that of the input."""
    sharpness: float
    """Mean gradient of the painting's lightness, L* a pixel."""
    sharpness_input: float


@dataclass(frozen=True)
class MeasuredFrame:
    """A frame's numbers, and where its flicker lies."""

    measure: FrameMeasure
    painting: Image
    """The painted frame."""
    error: npt.NDArray[np.float32] | None
    """`warping_residual` between the frame before and this one, aligned with the frame before; float32 (H, W). None at
    the start of a shot."""
    c: Weights | None
    """Where that counts."""


def measure(
    pairs: Iterable[tuple[Image, Image]], times: Sequence[float], shots: Sequence[Shot], method: FlowMethod = DIS
) -> Iterator[MeasuredFrame]:
    """Measure a clip, one frame at a time, as its frames come. Nothing is compared across a cut.

    At most `LONG` + 1 frames are kept.

    :param pairs: input and painting of every frame, uint8 (H, W, 3), all of one size.
    :param times: seconds, for every frame.
    :param shots: as `find_shots` gives them, for the same frames.
    """
    starts = {first: number for number, (first, _) in enumerate(shots)}
    kept: deque[tuple[Image, Image]] = deque(maxlen=LONG + 1)
    shot = 0
    for index, (content, painting) in enumerate(pairs):
        if index in starts:
            shot = starts[index]
            kept.clear()
        kept.append((content, painting))
        short = _Pair(kept[-2], kept[-1], method) if len(kept) > 1 else None
        long = _Pair(kept[0], kept[-1], method) if len(kept) > LONG else None
        here, there = mean_colour(painting), mean_colour(content)
        numbers = FrameMeasure(
            frame=index,
            time=float(times[index]),
            shot=shot,
            e_warp=short.e_warp if short else None,
            e_warp_input=short.e_warp_input if short else None,
            e_warp_long=long.e_warp if long else None,
            e_warp_long_input=long.e_warp_input if long else None,
            compared=float(short.c.mean()) if short else None,
            colour=(here[0] - there[0], here[1] - there[1], here[2] - there[2]),
            sharpness=sharpness(painting),
            sharpness_input=sharpness(content),
        )
        yield MeasuredFrame(numbers, painting, short.error if short else None, short.c if short else None)


def warping_residual(first: Image, second: Image, flow: Flow) -> npt.NDArray[np.float32]:
    """(warp(second) - first)^2, mean over the three channels, colours in 0..1; float32 (H, W).

    :param flow: from the input's frame of `first` to that of `second`, so that `second` is aligned with `first`.
    """
    scale = np.float32(1 / 255)
    aligned = warped(second.astype(np.float32), flow)
    return np.asarray(np.square((aligned - first) * scale).mean(-1), np.float32)


def warping_error(error: npt.NDArray[np.float32], c: Weights) -> float | None:
    """E_warp of one pair of frames: sum c e / sum c, with e as in `warping_residual`; None where c is 0 everywhere.

    Lai et al., "Learning Blind Video Temporal Consistency" (ECCV 2018): of a clip, the mean over its pairs. As in their
    evaluation code (evaluate_WarpError.py), flow and mask (that of Ruder et al. 2016) are those of the input, and the
    channels are averaged rather than added up. The square root times 255 is a distance in levels.
    """
    total = float(c.sum(dtype=np.float64))
    return float((c * error).sum(dtype=np.float64)) / total if total else None


@dataclass(frozen=True)
class PairFlicker:
    """Flicker from one frame to another."""

    painting: float | None
    """E_warp; None where nothing can be compared."""
    input: float | None
    compared: float
    """Share of the picture that counts, 0 to 1."""


def flicker_between(first: tuple[Image, Image], second: tuple[Image, Image], method: FlowMethod = DIS) -> PairFlicker:
    """How much it flickers from a frame to the one that follows it. Of a loop, the first frame follows the last.

    :param first: input and painting, uint8 (H, W, 3), as is `second`.
    """
    pair = _Pair(first, second, method)
    return PairFlicker(pair.e_warp, pair.e_warp_input, float(pair.c.mean()))


class _Pair:
    """Two frames of a shot, each as input and painting: the later one aligned with the earlier."""

    def __init__(self, first: tuple[Image, Image], second: tuple[Image, Image], method: FlowMethod) -> None:
        flow, reverse = both_ways(first[0], second[0], method)
        self.c = reliability(flow, reverse)
        self.error = warping_residual(first[1], second[1], flow)
        self.e_warp = warping_error(self.error, self.c)
        self.e_warp_input = warping_error(warping_residual(first[0], second[0], flow), self.c)
