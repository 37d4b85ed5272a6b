"""The curve of the loss below a story, which grows as the painting does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.pictures.canvas import Box, Line, Mark, Point, Text
from pipeline.pictures.lettering import Colour, text_size
from pipeline.pictures.snapshots import Loss

GREY: Colour = (112, 112, 118)
HAIR: Colour = (222, 222, 226)
ACCENT: Colour = (194, 65, 12)


class Curve:
    """The loss over the steps, both on a logarithmic scale: that is also how fast a story goes through them.

    A painting that grows from coarse to fine has a piece of the curve for every size: what two sizes lose does not
    compare.
    """

    def __init__(
        self, losses: Sequence[Loss], steps: Sequence[float], box: tuple[int, int, int, int], letters: int
    ) -> None:
        """
        :param steps: how far the painting is in each frame of the story.
        :param box: left, top, right and bottom of the curve with its words, in pixels.
        """
        self._losses = losses
        self._steps = steps
        self._letters = letters
        self._left, self._top, self._right, self._bottom = box
        self._radius = max(2.0, letters / 4.5)
        high = text_size("", letters)[0]
        self._axis = self._bottom - high - letters // 3
        level = np.log([max(loss.total, 1e-12) for loss in losses])
        reach = max(float(np.ptp(level)), 1e-9)
        # The dot at the tip of the curve stays inside.
        top, bottom = self._top + high + self._radius, self._axis - self._radius - 1
        self._y = [bottom - (bottom - top) * float((one - level.min()) / reach) for one in level]
        self._x = [self._across(loss.step) for loss in losses]

    def marks(self, number: int) -> tuple[Mark, ...]:
        """What is drawn of it in a frame of that number: curve, dot, and the loss in numbers."""
        step = self._steps[number]
        pieces = self._pieces(step)
        first, reached = self._losses[0], max(loss.step for loss in self._losses if loss.step <= step)
        now = next(loss for loss in reversed(self._losses) if loss.step == reached)
        text = f"step {round(step)}"
        loss = f"loss {_number(first.total)}" + (f" → {_number(now.total)}" if now.step > first.step else "")
        x, y = pieces[-1][-1]
        radius = self._radius
        return (
            Text(loss, self._left, self._top, self._letters, colour=GREY),
            Text(text, self._right - self._wide(text), self._top, self._letters, colour=GREY),
            *(Line(tuple(points), max(1.2, self._letters / 9)) for points in pieces),
            Box(x - radius, y - radius, 2 * radius, 2 * radius, ACCENT, radius),
        )

    def axis(self) -> tuple[Mark, ...]:
        """The line below the curve, with numbers of steps."""
        marks: list[Mark] = [Box(self._left, self._axis, self._right - self._left, 1, HAIR)]
        for step in self._ticks():
            x, wide = round(self._across(step)), self._wide(str(step))
            beside = min(max(self._left, x - wide // 2), self._right - wide)
            marks += [
                Box(x, self._axis, 1, max(2, self._letters // 4), GREY),
                Text(str(step), beside, self._axis + self._letters // 3, self._letters, colour=GREY),
            ]
        return tuple(marks)

    def _ticks(self) -> list[int]:
        """The last step, the first one, and between them round numbers as far as there is room."""
        last = round(self._steps[-1])
        round_ones = (digit * 10**power for power in range(len(str(last)), -1, -1) for digit in (5, 2, 1))
        ticks: list[int] = []
        for step in (last, 0, *round_ones):
            apart = self._wide(str(last)) + self._letters
            if step <= last and all(abs(self._across(step) - self._across(other)) >= apart for other in ticks):
                ticks.append(step)
        return ticks or [last]

    def _across(self, step: float) -> float:
        left, right = self._left + self._radius, self._right - self._radius
        return left + (right - left) * math.log1p(step) / max(math.log1p(self._steps[-1]), 1e-9)

    def _wide(self, text: str) -> int:
        return text_size(text, self._letters)[1]

    def _pieces(self, step: float) -> list[list[Point]]:
        """What is drawn once the painting is so far: the points of every size, the last piece up to the very step."""
        pieces: dict[int, list[Point]] = {}
        places = list(zip(self._x, self._y, strict=True))
        for number, (loss, place) in enumerate(zip(self._losses, places, strict=True)):
            if loss.step > step:
                break
            pieces.setdefault(loss.level, []).append(place)
            after = self._losses[number + 1] if number + 1 < len(self._losses) else loss
            if after.step > step and after.level == loss.level:
                x, y = places[number + 1]
                across = self._across(step)
                share = (across - place[0]) / (x - place[0])
                pieces[loss.level].append((across, place[1] + share * (y - place[1])))
        return list(pieces.values()) or [[places[0]]]


def least_width(losses: Sequence[Loss], steps: Sequence[float], letters: int) -> int:
    """What the words above the curve need, in pixels."""
    largest, least = (_number(pick(loss.total for loss in losses)) for pick in (max, min))
    return text_size(f"loss {largest} → {least}0  step {round(steps[-1])}", letters)[1]


def _number(value: float) -> str:
    """In three digits: 457, 1.48, 0.556, 4.1e+06."""
    if value >= 10_000 or 0 < value < 0.001:
        return f"{value:.1e}"
    return f"{value:.{max(0, min(3, 2 - math.floor(math.log10(value)) if value > 0 else 2))}f}"
