"""Write an animated WebP or PNG: pictures that move in one file, where a GIF's 256 colours are too few.

All frames are kept in memory until the last one is there, so this is for short animations.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image as Pillow

from pipeline.atomic import remove
from pipeline.errors import MediaError, OutputError, UsageError
from pipeline.media.held_picture import held_picture
from pipeline.media.metadata import exif_texts, png_texts
from pipeline.media.outputs import cannot_write, part_path, publish
from pipeline.media.palette import ColourHistogram, Palette
from pipeline.media.picture_sources import animation_delays, animation_plays
from pipeline.media.pictures import is_animated
from pipeline.media.plan import SinkPlan
from pipeline.text import count_text, size_text
from pipeline.types import DeepImage, Image, shallow

SUFFIXES: dict[str, Literal["WEBP", "PNG"]] = {".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
"""Ending of a name -> format."""

MOST = 2 << 30
"""Bytes of all frames together."""
_WEBP_QUALITIES = {"visual": 90, "small": 75}
_DITHERS = {"diffused": Pillow.Dither.FLOYDSTEINBERG, "none": Pillow.Dither.NONE}


def check_options(path: Path, quality: str | int | None, palette: Palette | None = None) -> dict[str, Any]:
    """What Pillow is told for a quality or a palette.

    :raises UsageError: the format has no such quality, or no palette.
    """
    return (_webp_options if SUFFIXES[path.suffix.lower()] == "WEBP" else _png_options)(quality, palette)


class AnimationWriter:
    """A `Writer` for .webp, .png and .apng."""

    def __init__(self, plan: SinkPlan) -> None:
        """
        :raises UsageError: the format has no such quality, or no palette; or there are more frames than fit in memory.
        """
        pixels = plan.width * plan.height * (4 if plan.alpha else 3) * len(plan.times)
        if pixels > MOST:
            raise UsageError(
                f"{plan.path}: {len(plan.times)} frames of {plan.width}x{plan.height} are too many for an animated "
                f"picture, of which all of them are in memory ({size_text(pixels)}). Choose a name that ends in .webm, "
                ".mp4 or .gif, or fewer or smaller frames."
            )
        self.notes = plan.left_out()
        self._plan = plan
        self._part = part_path(plan.path)
        self._form = SUFFIXES[plan.path.suffix.lower()]
        self._options = check_options(plan.path, plan.quality, plan.palette)
        self._palette = plan.palette
        self._images: list[Image] = []
        self._delays: list[Fraction] = []

    def write(self, image: Image | DeepImage, position: int) -> None:
        image = shallow(image)
        ends = (*self._plan.times[1:], self._plan.duration)
        delay = ends[position] - self._plan.times[position]
        if self._images and np.array_equal(self._images[-1], image):
            # Both formats merge equal frames on their own account; done here, it is known what to expect.
            self._delays[-1] += delay
            return
        self._images.append(image)
        self._delays.append(delay)

    def complete(self) -> None:
        """Raises an OutputError where the disk is full, or the file is not what it should be."""
        milliseconds = [round(delay * 1000) for delay in self._delays]
        pictures = self._pictures()
        try:
            self._save(pictures, milliseconds)
            if len(self._plan.times) > 1 and not is_animated(self._part):
                # Its frames were equal, or became so by few colours or a low quality.
                self._hold(pictures[0], sum(milliseconds))
        except ValueError as error:
            raise OutputError(
                f"{self._plan.path}: {self._form} cannot hold frames of {self._plan.width}x{self._plan.height} pixels "
                f"({error}). Choose a smaller size, or a name that ends in .gif or .mp4."
            ) from error
        except OSError as error:
            raise cannot_write(self._plan.path, error) from error
        self._check(max(2, len(milliseconds)), Fraction(sum(milliseconds), 1000))

    def _save(self, pictures: Sequence[Pillow.Image], milliseconds: Sequence[int]) -> None:
        texts = self._plan.metadata
        described = {"pnginfo": png_texts(texts)} if self._form == "PNG" else {"exif": exif_texts(texts).tobytes()}
        pictures[0].save(
            self._part, self._form, save_all=True, append_images=pictures[1:], duration=list(milliseconds),
            loop=self._plan.plays, **self._options, **described,
        )  # fmt: skip

    def _hold(self, picture: Pillow.Image, milliseconds: int) -> None:
        first = min(max(1, round(self._plan.times[1] * 1000)), milliseconds - 1)
        delays = first, milliseconds - first
        texts = dict(self._plan.metadata)
        self._part.write_bytes(held_picture(self._form, picture, delays, self._plan.plays, texts, self._options))

    def publish(self) -> None:
        publish(self._part, self._plan.path)

    def interrupt(self) -> None:
        pass

    def discard(self) -> None:
        self._images.clear()
        remove(self._part)

    def _pictures(self) -> list[Pillow.Image]:
        pictures = [Pillow.fromarray(image) for image in self._images]
        if self._palette is None:
            return pictures
        histogram = ColourHistogram()
        for image, delay in zip(self._images, self._delays, strict=True):
            histogram.add(image, float(delay))
        colours = Pillow.new("P", (1, 1))
        colours.putpalette(histogram.palette(self._palette.colours, self._palette.fixed).tobytes())
        return [picture.quantize(palette=colours, dither=_DITHERS[self._palette.dither]) for picture in pictures]

    def _check(self, frames: int, duration: Fraction) -> None:
        try:
            written = animation_delays(self._part, None)
            plays = animation_plays(self._part)
        except MediaError as error:
            raise OutputError(f"{self._plan.path}: what was encoded cannot be read back: {error}") from error
        if len(self._plan.times) == 1:
            return
        # Two frames that became equal, by few colours or a low quality, are one; no time is lost by that.
        if len(written) < 2 or sum(written) != duration or plays != self._plan.plays:
            raise OutputError(
                f"{self._plan.path}: the animation is not what it should be: {count_text(len(written), 'frame')} and "
                f"{float(sum(written)):g} s, to be played {plays} times (0: for ever), instead of {frames} and "
                f"{float(duration):g} s, to be played {self._plan.plays} times. It was not kept. Give the same command "
                "again."
            )


def _webp_options(quality: str | int | None, palette: Palette | None) -> dict[str, Any]:
    if palette is not None:
        raise UsageError("A WebP has no palette. Leave it out, or choose a name that ends in .gif or .png.")
    if quality == "lossless":
        return {"lossless": True, "exact": True, "method": 4}
    level = _WEBP_QUALITIES.get(quality or "visual", quality) if isinstance(quality, (str, type(None))) else quality
    if not isinstance(level, int) or not 0 <= level <= 100:
        names = ", ".join((*_WEBP_QUALITIES, "lossless"))
        raise UsageError(f"A WebP has no quality {quality!r}. Choose one of {names}, or a number from 0 to 100 (best).")
    return {"quality": level, "method": 4}


def _png_options(quality: str | int | None, palette: Palette | None) -> dict[str, Any]:
    if palette is not None and palette.dither not in _DITHERS:
        raise UsageError(f"The colours of a PNG cannot be {palette.dither}. Choose one of {', '.join(_DITHERS)}.")
    if quality not in (None, "visual", "lossless"):
        raise UsageError(f"A PNG is always without loss and has no quality {quality!r}. Leave it out.")
    return {"compress_level": 6}
