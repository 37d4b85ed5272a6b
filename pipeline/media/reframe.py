"""From a painted frame to the frame that is written: enlarged, and set between bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pipeline.media.alpha import with_opacity
from pipeline.media.frame import Frame, FrameSource
from pipeline.media.resize import fit_size, resize
from pipeline.types import AnyImage, Image, deepened

_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of BT.709, for values as they are stored."""
_NOISE = 2.0
"""Levels of 255 below which fine detail is noise, and above which it is given back less so much. On ten frames of a pan
with noise of 2 levels, 1600x900 painted at 512x288, E_warp was 9.0e-5 enlarged without detail, 1.6e-4 with all of it,
1.2e-4 with this, and 6.1e-4 at the size of the painting; detail looked the same, and the grain was gone."""


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels, from the painting to the result."""

    painted: tuple[int, int]
    """(width, height) of a painted frame."""
    inner: tuple[int, int]
    """The same once it is resized, ..."""
    canvas: tuple[int, int]
    """... and with the bars beside it: the size of the result."""
    colour: str = "#000000"
    """Of the bars."""

    @property
    def plain(self) -> bool:
        """Whether a frame is written as it is painted."""
        return self.painted == self.canvas

    @property
    def enlarges(self) -> bool:
        """Whether it is written larger than it is painted."""
        return self.inner[0] > self.painted[0] or self.inner[1] > self.painted[1]

    def show(self, image: AnyImage) -> AnyImage:
        """Any picture of what was painted, as the result shows it: resized, and between the bars."""
        return _between_bars(resize(image, *self.inner), self.canvas, self.colour)

    def write(self, painting: AnyImage, content: Image | None) -> AnyImage:
        """What is written of a painted frame, uint8 or uint16 (height, width, 3), as it is.

        :param content: what it was painted from, at any size; None: no detail is given back.
        """
        if content is None or not self.enlarges:
            return self.show(painting)
        return _between_bars(enlarged(painting, content, *self.inner), self.canvas, self.colour)


def between_bars(image: Image, canvas: tuple[int, int], colour: str) -> Image:
    """A picture as large as it can be in a canvas of (width, height), with bars beside it."""
    inner = resize(image, *_inside(canvas, (image.shape[1], image.shape[0])))
    return _between_bars(inner, canvas, colour)


def _between_bars(inner: AnyImage, canvas: tuple[int, int], colour: str) -> AnyImage:
    height, width = inner.shape[:2]
    if (width, height) == canvas:
        return inner
    bars = np.array(Pillow.new("RGB", canvas, colour))
    page = bars if inner.dtype == np.uint8 else deepened(bars)
    left, top = (canvas[0] - width) // 2, (canvas[1] - height) // 2
    page[top : top + height, left : left + width] = inner
    return cast(AnyImage, page)


def layout_of(
    painted: tuple[int, int],
    kept: tuple[int, int],
    size: str | int | None,
    ratio: Fraction | None,
    colour: str | None,
    even: bool,
) -> Layout:
    """The sizes of a result.

    :param painted: (width, height) at which it is painted.
    :param kept: of the input, or of what is left of it once it is cropped.
    :param size: pixels of the longer side of the result; 'source': `kept`; None: as it is painted.
    :param ratio: width divided by height that the result should have; None: that of the painting.
    :param colour: of bars beside it; None: it was cropped to that ratio, and there are none.
    :param even: for codecs that share colour between neighbours: where the longer side is even, the other is as well.
    """
    if colour is not None and ratio is not None:
        canvas = _around(painted if size is None else kept, ratio)
        if isinstance(size, int):
            canvas = fit_size(*_sides(ratio), size, upscale=True, even=even)
        inner = painted if size is None else kept if isinstance(size, str) else _inside(canvas, kept)
        return Layout(painted, inner, canvas, colour)
    if isinstance(size, int):
        sides = kept if ratio is None else _sides(ratio)
        inner = fit_size(*sides, size, upscale=True, even=even)
    else:
        inner = painted if size is None else kept
    return Layout(painted, inner, inner)


def _sides(ratio: Fraction) -> tuple[int, int]:
    # Larger than any picture, so that nothing is lost by rounding.
    scale = 1 << 20
    return ratio.numerator * scale, ratio.denominator * scale


def _around(inner: tuple[int, int], ratio: Fraction) -> tuple[int, int]:
    """The smallest even size of that ratio that has room for `inner`; a side that needs no bars stays."""
    width, height = inner
    if width < height * ratio:
        return max(width, round(height * ratio / 2) * 2), height
    return width, max(height, round(width / ratio / 2) * 2)


def _inside(canvas: tuple[int, int], kept: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the proportions of `kept` that has room in `canvas`."""
    scale = min(Fraction(outer, side) for outer, side in zip(canvas, kept, strict=True))
    return max(1, round(kept[0] * scale)), max(1, round(kept[1] * scale))


def enlarged(painting: AnyImage, content: Image, width: int, height: int) -> AnyImage:
    """A painting at a larger size, with what of the lightness of its content was too fine for the smaller one.

    Enlarged by a Lanczos filter, it has what the smaller size can hold and nothing finer; between strokes that looks
    like a picture out of focus. What the content loses in that size, content - enlarged(reduced(content)), is put back:
    of its lightness alone, as its colours are not those of the painting.

    :param painting: uint8 or uint16, shape (h, w, 3).
    :param content: uint8, shape (H, W, 3): what was painted, in the same proportions.
    :return: the same type, shape (height, width, 3).
    """
    top = np.iinfo(painting.dtype).max
    light = _lightness(resize(content, width, height))
    small = _resized_plane(light, painting.shape[1], painting.shape[0])
    fine = light - _resized_plane(small, width, height)
    fine = np.sign(fine) * np.maximum(np.abs(fine) - _NOISE, 0)
    larger = resize(painting, width, height).astype(np.float32)
    found = np.clip(np.rint(larger + fine[:, :, None] * (top // 255)), 0, top)
    return cast(AnyImage, found.astype(painting.dtype))


def _lightness(image: Image) -> npt.NDArray[np.float32]:
    return image.astype(np.float32) @ np.array(_LUMINANCE, np.float32)


def _resized_plane(plane: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    resized = Pillow.fromarray(plane).resize((width, height), Pillow.Resampling.LANCZOS)
    return cast("npt.NDArray[np.float32]", np.asarray(resized))


class Reframing:
    """Makes the frames that are written of those that are painted; one clip, once, in order."""

    def __init__(
        self,
        layout: Layout,
        frames: int,
        content: FrameSource | None,
        picks: Sequence[int] | None = None,
        alpha: bool = False,
    ) -> None:
        """
        :param frames: how many are painted.
        :param content: what is painted, frame by frame, for its detail; None: it is not needed.
        :param alpha: whether the transparency of the content is given back as well.
        :param picks: for each frame that is written the number of the painted one, never decreasing; None: all.
        """
        self.layout = layout
        self.frames = frames
        self._shown = [0] * frames
        for pick in range(frames) if picks is None else picks:
            self._shown[pick] += 1
        wanted = content is not None and layout.enlarges
        self._content = _Ahead(content.at_size(*layout.inner)) if content is not None and wanted else None
        self._opacity = _Ahead(content.opacity(*layout.inner)) if content is not None and alpha else None

    def times_shown(self, index: int) -> int:
        """How often painted frame `index` is written."""
        return self._shown[index]

    def frames_of(self, index: int, painting: AnyImage) -> list[AnyImage]:
        """What is written of painted frame `index`: that frame, several times the same, or nothing.

        :raises MediaError: the input is no longer what it was.
        """
        times = self._shown[index]
        if not times:
            return []
        image = self.layout.write(painting, None if self._content is None else self._content.image(index))
        if self._opacity is not None:
            image = with_opacity(image, self._opacity.image(index))
        return [image] * times

    def close(self) -> None:
        """Let go of the input. Called by the thread that calls `frames_of`, or when that has ended."""
        for ahead in (self._content, self._opacity):
            if ahead is not None:
                ahead.close()


class _Ahead:
    """The frames of a source, one after the other; some may be left out."""

    def __init__(self, source: FrameSource) -> None:
        self._frames = source.frames()
        self._read = 0

    def image(self, index: int) -> Image:
        frame: Frame = next(islice(self._frames, index - self._read, None))
        self._read = index + 1
        return frame.image

    def close(self) -> None:
        self._frames.close()
