"""Frames of a video, decoded by ffmpeg and handed over through a pipe."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from pipeline.errors import MediaError
from pipeline.media.display_conversion import converted, deinterlaced, in_16_bits
from pipeline.media.ffmpeg import Process, address
from pipeline.media.frame import Frame, VideoInfo
from pipeline.media.header import Header
from pipeline.media.prefetch import prefetch
from pipeline.types import DeepImage, Image, deep_only, shallow

DEPTH = 4
"""Frames that are decoded ahead."""

_SWS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"


class VideoSource:
    """Frames of a video. Made by `open_source`."""

    def __init__(self, info: VideoInfo, header: Header, picks: list[int], opacity: bool = False) -> None:
        """`picks`: for each frame of `info` its number in the file, from 0, never decreasing. `opacity`: the frames are
        how opaque they are."""
        self._info = info
        self._header = header
        self._picks = picks
        self._opacity = opacity

    @property
    def info(self) -> VideoInfo:
        return self._info

    def at_size(self, width: int, height: int) -> VideoSource:
        """The same frames at another size."""
        return VideoSource(replace(self._info, width=width, height=height), self._header, self._picks, self._opacity)

    def opacity(self, width: int, height: int) -> VideoSource:
        """How opaque the frames are, uint8 (height, width); of a video that has room for transparency."""
        return VideoSource(replace(self._info, width=width, height=height), self._header, self._picks, True)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield frames from number `start` on; the same, bit for bit, as those of a run from 0.

        :raises MediaError: (while iterating) the file is no longer what it was when it was opened.
        """
        decoder = _Decoder(self._info, self._header, self._picks, start, self._opacity)
        yield from prefetch(decoder.frames(), DEPTH, decoder.cancel)


class _Decoder:
    def __init__(self, info: VideoInfo, header: Header, picks: list[int], start: int, opacity: bool) -> None:
        self._shape: tuple[int, ...] = (info.height, info.width) if opacity else (info.height, info.width, 3)
        self._opacity = opacity
        self._deep = info.deep and not opacity
        self._info = info
        self._header = header
        self._picks = picks
        self._start = start
        self._process: Process | None = None
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def frames(self) -> Iterator[Frame]:
        if self._start >= len(self._picks):
            return
        first, last = self._picks[self._start], self._picks[-1]
        # Decoding starts at the beginning of the file even where `first` is far in: a seek may land on other
        # frames, or on frames that differ because their references are missing. Decoding is cheap here.
        self._process = process = Process(self._arguments(first, last), read=True)
        try:
            if self._cancelled:  # between the caller's look at `_process` and now
                process.kill()
            yield from self._read(process, first)
        finally:
            process.kill()
            process.wait()

    def _read(self, process: Process, number: int) -> Iterator[Frame]:
        kind = np.dtype("<u2") if self._deep else np.dtype(np.uint8)
        image = np.zeros(self._shape, kind)
        number -= 1
        for index in range(self._start, len(self._picks)):
            while number < self._picks[index]:
                image = np.empty(self._shape, kind)
                if not _fill(process, image):
                    raise self._ended(process, number + 1)
                number += 1
            yield Frame(index, self._info.times[index], shallow(image), deep_only(image))

    def _ended(self, process: Process, number: int) -> MediaError:
        code = process.wait()
        why = f" (ffmpeg says: {process.reason()})" if code else ""
        return MediaError(
            f"{self._info.path}: decoding broke off before frame {number}{why}, though the file was whole when it "
            "was opened. Has it been changed or moved since? Start again once it is in place."
        )

    def _arguments(self, first: int, last: int) -> list[str]:
        info = self._info
        matrix = input_matrix(self._header)
        assumed = f":in_color_matrix={matrix}" if matrix else ""
        trim, scale = f"trim=start_frame={first}:end_frame={last + 1}", f"scale={info.width}:{info.height}:flags={_SWS}"
        pixels = "gray" if self._opacity else "rgb48le" if self._deep else "rgb24"
        white = self._on_white(assumed) if self._header.alpha else ()
        if self._opacity:
            white = ("format=gbrap", "alphaextract", "format=gray")
        # A field is made a frame with the help of the frames around it, also of those before the first one.
        filters = (*deinterlaced(self._header), trim, *white, *self._crop(), scale if white else f"{scale}{assumed}")
        if not white and ((colours := converted(self._header, self._deep)) or self._deep):
            filters += (*in_16_bits(self._header), *colours)
        decoder = ("-c:v", self._header.decoder) if self._header.decoder else ()
        return [
            # Were the filters built anew where the picture changes its size, `trim` would count from 0 again.
            *("-reinit_filter", "0", *decoder, "-i", address(info.path), "-map", "0:V:0"),
            *("-vf", ",".join((*filters, f"format={pixels}"))),
            *("-fps_mode", "passthrough", "-frames:v", str(last + 1 - first)),
            *("-f", "rawvideo", "-pix_fmt", pixels, "pipe:1"),
        ]

    def _crop(self) -> tuple[str, ...]:
        """The filter that leaves a part of each frame, in the pixels that are stored: they may not be square."""
        info = self._info
        if info.crop is None:
            return ()
        across = Fraction(self._header.width, info.source_width)
        down = Fraction(self._header.height, info.source_height)
        left, top, width, height = info.crop
        parts = width * across, height * down, left * across, top * down
        # Exact: else the last row or column of an odd size is left out, where neighbours share their colour.
        return (f"crop={':'.join(str(round(part)) for part in parts)}:exact=1",)

    def _on_white(self, assumed: str) -> tuple[str, ...]:
        """Filters that put white behind each frame. Before it is resized: else colours that are hidden bleed out; and
        once its colours are those of a screen, whose white it is."""
        stored = f"scale={self._header.width}:{self._header.height}:flags={_SWS}{assumed}"
        white = "split[over][under];[under]lutrgb=r=255:g=255:b=255:a=255[white];[white][over]overlay=format=gbrp"
        # Both ways of a frame meet again by its time, so each frame has one of its own.
        return stored, "setpts=N", self._screen_colours_and_opacity(), white

    def _screen_colours_and_opacity(self) -> str:
        """Filters that give frames of 8 bits in the colours of a screen, with their transparency."""
        colours = converted(self._header)
        if not colours:
            return "format=gbrap"
        # Not together: zscale multiplies signals with their opacity, and not the light that they stand for.
        shown = ",".join((*in_16_bits(self._header), *colours, "format=gbrap"))
        opacity = "[rest]alphaextract,format=gray[opacity]"
        return f"format=gbrap16le,split[all][rest];{opacity};[all]{shown}[shown];[shown][opacity]alphamerge"


def input_matrix(header: Header) -> str:
    """The matrix to assume where the file names none: BT.709 from 720 lines on, as players do; '' where it does."""
    if header.colour_space not in ("unknown", "unspecified", "reserved"):
        return ""
    stored_lines = header.width if header.rotation % 180 else header.height
    return "bt709" if stored_lines >= 720 else "bt601"


def _fill(process: Process, image: Image | DeepImage) -> bool:
    """Read one frame from the pipe into `image`; False where the stream ends before it is full."""
    into = memoryview(image.reshape(-1).view(np.uint8).data)
    got = 0
    while got < len(into):
        count = process.stdout.readinto(into[got:])  # type: ignore[attr-defined]
        if not count:
            return False
        got += count
    return True
