"""What stands around the painting in a story: the content and the style beside it, the curve of the loss below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.media import Image, resize
from pipeline.media.drawing import Point, dot, line
from pipeline.media.lettering import INK, PAPER, text_size, write
from pipeline.show.snapshots import Loss, Snapshots

GREY, HAIR, ACCENT = (112, 112, 118), (222, 222, 226), (194, 65, 12)
LETTERS = 1 / 24
"""Height of the letters in heights of the painting, within `SMALLEST` and `LARGEST` pixels."""
SMALLEST, LARGEST = 10, 20
CURVE = 0.17
"""Height of the curve in heights of the painting."""


class Page:
    """The same for every frame but for the painting and the tip of the curve."""

    def __init__(
        self,
        snapshots: Snapshots,
        steps: Sequence[float],
        size: tuple[int, int],
        panels: bool,
        curve: bool,
        even: bool = False,
    ) -> None:
        """
        :param steps: how far the painting is in each frame of the story.
        :param size: (height, width) of the painting in it.
        :param even: make both sides even, for video codecs.
        """
        height, width = size
        self._size = size
        letters = round(min(LARGEST, max(SMALLEST, LETTERS * height)))
        gap = letters
        under = text_size("", letters)[0] + gap // 3
        self._at = (0, 0)
        self._curve: _Curve | None = None
        if not (panels or curve):
            self._paper = np.zeros((height, width, 3), np.uint8)
            return
        column = _column(snapshots, size, gap, under) if panels else []
        across = column[0].shape[1] + gap if panels else 0
        edge = gap if panels else 0
        above = edge + height + (under if panels else 0)
        # Below words stands more room than below a picture: the two lines would be taken for one text.
        apart = (gap if panels else gap // 2) if curve else 0
        below = apart + under + round(CURVE * height) + gap if curve else 0
        paper = np.empty((above + (0 if curve else edge) + below, 2 * edge + across + width, 3), np.uint8)
        paper[:] = PAPER
        self._at = (edge, edge + across)
        y = edge
        for name, picture in zip(("content", "style" if len(snapshots.styles) < 2 else "styles"), column, strict=False):
            paper[y : y + picture.shape[0], edge : edge + picture.shape[1]] = picture
            paper = np.array(write(paper, name, edge, y + picture.shape[0] + gap // 4, letters, GREY))
            y += picture.shape[0] + under + gap
        if panels:
            paper = write(paper, "painting", edge + across, edge + height + gap // 4, letters, GREY)
        self._paper = np.array(paper)
        if even:
            odd = [side % 2 for side in self._paper.shape[:2]]
            self._paper = np.pad(self._paper, ((0, odd[0]), (0, odd[1]), (0, 0)), constant_values=255)
        if curve:
            side = edge or gap
            box = (side, above + apart, self._paper.shape[1] - side, self._paper.shape[0] - gap)
            self._curve = _Curve(snapshots.losses, steps, box, letters)

    def shown(self, number: int, painting: Image) -> Image:
        """The frame of that number, uint8 (H, W, 3), with the painting as it is then."""
        paper = np.array(self._paper)
        (y, x), (height, width) = self._at, self._size
        paper[y : y + height, x : x + width] = painting
        return paper if self._curve is None else self._curve.drawn(paper, number)


def _column(snapshots: Snapshots, size: tuple[int, int], gap: int, under: int) -> list[Image]:
    """Content and style, one above the other; with the words below them as high as the painting with its own."""
    high = max(2, (size[0] - under - gap) // 2)
    wide = max(2, round(high * size[1] / size[0]))
    count = max(1, len(snapshots.styles))
    hair = max(2, gap // 4) if count > 1 else 0
    # The styles of a blend stand side by side in one cell.
    ends = [round(number * (wide + hair) / count) for number in range(count + 1)]
    cell = np.empty((max(2, size[0] - high - under - gap), wide, 3), np.uint8)
    cell[:] = PAPER
    for style, first, end in zip(snapshots.styles, ends, ends[1:], strict=False):
        cell[:, first : end - hair] = filling(style, cell.shape[0], max(1, end - hair - first))
    return [filling(snapshots.content, high, wide), cell]


def filling(image: Image, height: int, width: int) -> Image:
    """The middle of a picture, as much of it as has that shape, at that size."""
    scale = max(height / image.shape[0], width / image.shape[1])
    high, wide = max(height, round(image.shape[0] * scale)), max(width, round(image.shape[1] * scale))
    y, x = (high - height) // 2, (wide - width) // 2
    return np.ascontiguousarray(resize(image, wide, high)[y : y + height, x : x + width])


class _Curve:
    """The loss over the story, from the left edge to the right one. A painting that grows from coarse to fine has a
    piece of the curve for every size: what two sizes lose does not compare."""

    def __init__(
        self, losses: Sequence[Loss], steps: Sequence[float], box: tuple[int, int, int, int], letters: int
    ) -> None:
        """
        :param box: left, top, right and bottom of curve and words, in pixels.
        """
        self._steps = steps
        self._box = box
        self._letters = letters
        self._losses = losses
        left, top, right, bottom = box
        top += text_size("", letters)[0] + letters // 3
        self._top = top
        level = np.log([max(loss.total, 1e-12) for loss in losses])
        reach = max(float(np.ptp(level)), 1e-9)
        self._y = [bottom - 2 - (bottom - 4 - top) * float((one - level.min()) / reach) for one in level]
        self._across = [left + (right - left) * number / (len(steps) - 1) for number in range(len(steps))]
        self._x = [float(np.interp(loss.step, steps, self._across)) for loss in losses]

    def drawn(self, paper: Image, number: int) -> Image:
        """:param number: of the frame that is reached."""
        left, top, right, bottom = self._box
        step = self._steps[number]
        said = f"step {round(step)}"
        paper = write(paper, "loss (log)", left, top, self._letters, GREY)
        paper = write(paper, said, right - text_size(said, self._letters)[1], top, self._letters, GREY)
        strip = np.array(paper[self._top - 4 : bottom + 5])
        strip[bottom - self._top + 4, left:right] = HAIR
        tip: Point = (left, 0.0)
        for points in self._pieces(step):
            tip = points[-1]
            strip = line(strip, points, max(1.2, self._letters / 9), INK)
        strip = dot(strip, *tip, max(2.0, self._letters / 4.5), ACCENT)
        paper = np.array(paper)
        paper[self._top - 4 : bottom + 5] = strip
        return paper

    def _pieces(self, step: float) -> list[list[Point]]:
        """What is drawn once the painting is so far: the points of every size, the last piece up to the very step."""
        pieces: dict[int, list[Point]] = {}
        places = [(x, y - self._top + 4) for x, y in zip(self._x, self._y, strict=True)]
        for number, (loss, place) in enumerate(zip(self._losses, places, strict=True)):
            if loss.step > step:
                break
            pieces.setdefault(loss.level, []).append(place)
            after = self._losses[number + 1] if number + 1 < len(self._losses) else loss
            if after.step > step and after.level == loss.level:
                share = (step - loss.step) / (after.step - loss.step)
                x, y = places[number + 1]
                pieces[loss.level].append((place[0] + share * (x - place[0]), place[1] + share * (y - place[1])))
        return list(pieces.values())
