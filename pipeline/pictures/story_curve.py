"""The curve of the loss below a story, which grows as the painting does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.media import Image
from pipeline.media.drawing import Point, dot, line
from pipeline.media.lettering import INK, Colour, text_size, write
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

    def drawn(self, paper: Image, number: int) -> Image:
        """:param number: of the frame that is reached."""
        step = self._steps[number]
        pieces = self._pieces(step)
        first, reached = self._losses[0], max(loss.step for loss in self._losses if loss.step <= step)
        now = next(loss for loss in reversed(self._losses) if loss.step == reached)
        said = f"step {round(step)}"
        loss = f"loss {_number(first.total)}" + (f" → {_number(now.total)}" if now.step > first.step else "")
        paper = write(paper, loss, self._left, self._top, self._letters, GREY)
        paper = write(paper, said, self._right - self._wide(said), self._top, self._letters, GREY)
        strip = np.array(paper[self._top : self._bottom])
        for points in pieces:
            strip = line(strip, [(x, y - self._top) for x, y in points], max(1.2, self._letters / 9), INK)
        x, y = pieces[-1][-1]
        strip = dot(strip, x, y - self._top, self._radius, ACCENT)
        paper = np.array(paper)
        paper[self._top : self._bottom] = strip
        return paper

    def axis(self, paper: Image) -> Image:
        """The line below the curve, with numbers of steps."""
        paper = np.array(paper)
        paper[self._axis, self._left : self._right] = HAIR
        for step in self._ticks():
            x = round(self._across(step))
            paper[self._axis : self._axis + max(2, self._letters // 4), x] = GREY
            wide = self._wide(str(step))
            beside = min(max(self._left, x - wide // 2), self._right - wide)
            paper = np.array(write(paper, str(step), beside, self._axis + self._letters // 3, self._letters, GREY))
        return paper

    def _ticks(self) -> list[int]:
        """The last step, the first one, and between them round numbers as far as there is room."""
        last = round(self._steps[-1])
        round_ones = (digit * 10**power for power in range(len(str(last)), -1, -1) for digit in (5, 2, 1))
        found: list[int] = []
        for step in (last, 0, *round_ones):
            apart = self._wide(str(last)) + self._letters
            if step <= last and all(abs(self._across(step) - self._across(other)) >= apart for other in found):
                found.append(step)
        return found or [last]

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
    said = f"loss {largest} → {least}0  step {round(steps[-1])}"
    return text_size(said, letters)[1]


def _number(value: float) -> str:
    """In three digits: 457, 1.48, 0.556, 4.1e+06."""
    if value >= 10_000 or 0 < value < 0.001:
        return f"{value:.1e}"
    return f"{value:.{max(0, min(3, 2 - math.floor(math.log10(value)) if value > 0 else 2))}f}"
