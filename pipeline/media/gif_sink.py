"""Write a GIF: frames first go without loss to the disk while their colours are counted, then get one palette.

That needs every frame twice; keeping them on the disk keeps memory the same for any length. With a palette for each
frame a story of 56 frames takes a fifth more bytes, since pixels that stay as they are have to be stored again.
"""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from pipeline.atomic import remove
from pipeline.errors import OutputError, UsageError
from pipeline.media.ffmpeg import address, run
from pipeline.media.gif_blocks import add_comment, walk_gif
from pipeline.media.ivf import IvfFile
from pipeline.media.metadata import pack
from pipeline.media.outputs import cannot_write, part_path, publish
from pipeline.media.palette import ColourHistogram, Palette
from pipeline.media.plan import SinkPlan
from pipeline.media.timing import hundredths
from pipeline.text import count_text
from pipeline.types import DeepImage, Image, shallow

QUALITIES = {"visual": Palette(), "small": Palette(dither="ordered")}
_DITHERS = {"diffused": "sierra2_4a", "ordered": "bayer:bayer_scale=3", "none": "none"}
_OPAQUE = 128
"""A pixel of a GIF is there or not: one that is less opaque is not."""
_LONGEST = 65_535  # hundredths of a second: the field has 16 bits
_BROWSERS_OBEY = 2
"""Browsers show a frame with a shorter delay, in hundredths, for a tenth of a second."""


def gif_palette(quality: str | int | None) -> Palette:
    """The palette for a quality that a GIF can have. Raises a UsageError otherwise."""
    name = "visual" if quality is None else quality
    if not isinstance(name, str) or name not in QUALITIES:
        raise UsageError(f"A GIF has no quality {quality!r}. Choose one of {', '.join(QUALITIES)}.")
    return QUALITIES[name]


class GifWriter:
    """A `Writer` for .gif."""

    def __init__(self, plan: SinkPlan, palette: Palette) -> None:
        self._plan = plan
        self._palette = palette
        self._histogram = ColourHistogram()
        self._part = part_path(plan.path)
        beside = part_path(plan.path, "frames.part").with_suffix(".ivf")
        self._frames = IvfFile(beside if plan.work is None else plan.work / beside.name, plan)
        self._palette_file = self._frames.path.with_suffix(".png")
        self._delays = [min(delay, _LONGEST) for delay in hundredths(plan.times, plan.duration)]
        self._starts = [0]
        for delay in self._delays:
            self._starts.append(self._starts[-1] + delay)
        self.notes = self._remarks()

    def write(self, image: Image | DeepImage, position: int) -> None:
        """Raises an OutputError where the disk is full."""
        image = shallow(image)
        self._frames.write(image, self._starts[position])
        # What is held is looked at longest.
        seen = image[:, :, :3] if image.shape[2] == 3 else image[image[:, :, 3] >= _OPAQUE][:, :3]
        self._histogram.add(seen, max(1, self._delays[position]) / 100)

    def complete(self) -> None:
        """Raises an OutputError where ffmpeg failed, or the GIF is not what it should be."""
        self._frames.close()
        self._write_palette()
        dither = _DITHERS[self._palette.dither]
        # Where pixels can go away again, what stays as it was is not what is transparent.
        use = f"alpha_threshold={_OPAQUE}" if self._plan.alpha else "diff_mode=rectangle"
        flags = ("-gifflags", "-transdiff") if self._plan.alpha else ()
        self._run(
            *("-f", "ivf", "-i", address(self._frames.path), "-f", "png_pipe", "-i", address(self._palette_file)),
            *("-lavfi", f"[0:v][1:v]paletteuse={use}:dither={dither}", "-fps_mode", "passthrough", *flags),
            *("-enc_time_base", "1:100", "-frames:v", str(len(self._delays))),
            *("-final_delay", str(self._delays[-1]), "-loop", str(_repeats(self._plan.plays))),
            *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "gif", address(self._part)),
        )
        self._check()
        remark = pack(self._plan.metadata)
        if remark:
            try:
                add_comment(self._part, remark)
            except OSError as error:
                raise cannot_write(self._plan.path, error) from error

    def publish(self) -> None:
        publish(self._part, self._plan.path)

    def interrupt(self) -> None:
        pass

    def discard(self) -> None:
        self._frames.discard()
        for path in (self._part, self._palette_file, part_path(self._part)):
            remove(path)

    def _write_palette(self) -> None:
        """As paletteuse wants it: a picture of 16x16 pixels. One of them is for what stays as it was."""
        colours = self._histogram.palette(self._palette.colours - 1, self._palette.fixed)
        pixels = np.empty((256, 4), np.uint8)
        pixels[: len(colours), :3], pixels[len(colours) :, :3] = colours, colours[-1]
        pixels[:, 3] = 255
        pixels[-1] = 0
        try:
            Pillow.fromarray(pixels.reshape(16, 16, 4)).save(self._palette_file)
        except OSError as error:
            raise cannot_write(self._plan.path, error) from error

    def _run(self, *arguments: str) -> None:
        done = run(arguments)
        if done.code:
            raise OutputError(
                f"{self._plan.path}: ffmpeg could not make the GIF: {done.reason}. Make sure there is room on the "
                "disk, and give the same command again."
            )

    def _check(self) -> None:
        written = walk_gif(self._part)
        if len(written.frames) > 1 and written.plays != self._plan.plays:
            raise OutputError(
                f"{self._plan.path}: the GIF is not what it should be: it is played {written.plays} times instead of "
                f"{self._plan.plays} (0: for ever). It was not kept. Give the same command again."
            )
        if not written.whole or written.delays != self._delays:
            raise OutputError(
                f"{self._plan.path}: the GIF is not what it should be: {count_text(len(written.delays), 'frame')} and "
                f"{sum(written.delays) / 100} s instead of {len(self._delays)} and {sum(self._delays) / 100} s. It was "
                "not kept. Give the same command again."
            )

    def _remarks(self) -> list[str]:
        plan, notes = self._plan, self._plan.left_out()
        if any(time * 100 != start for time, start in zip(plan.times, self._starts, strict=False)):
            notes.append(
                f"A GIF counts in hundredths of a second, so {float(plan.rate):.6g} frames a second become delays "
                "that differ by one; 20, 25 and 50 would be exact."
            )
        if min(self._delays) < _BROWSERS_OBEY:
            notes.append("Browsers slow down a GIF with more than 50 frames a second; choose 50 or fewer.")
        return notes


def _repeats(plays: int) -> int:
    """What ffmpeg is told: 0 for ever, -1 for a GIF that says nothing, else how often it is shown once more."""
    return 0 if plays == 0 else -1 if plays == 1 else plays - 1
