"""Frames that are pictures: an animation in one file, a folder of numbered files, a single picture."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from pipeline.errors import MediaError, WrongFileError
from pipeline.media.deep_pictures import read_exact_picture
from pipeline.media.frame import Frame, VideoInfo
from pipeline.media.gif_blocks import walk_gif
from pipeline.media.pictures import as_rgb, first_shown, gif_frames, opacity_of, open_picture, read_picture
from pipeline.media.prefetch import prefetch
from pipeline.media.resize import cropped, resize
from pipeline.media.suffixes import PICTURES
from pipeline.text import count_text, first_few
from pipeline.types import DeepImage, Image, deep_only, shallow

DEPTH = 4
"""Frames that are decoded ahead."""

_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)

NO_DELAY = Fraction(1, 10)
"""How long browsers show a frame whose delay is 0, in seconds."""


class AnimationSource:
    """Frames of a GIF, WebP, APNG or AVIF, composed as a browser would. Made by `open_source`."""

    def __init__(self, info: VideoInfo, picks: list[int], opacity: bool = False) -> None:
        """`picks`: for each frame of `info` its number in the animation, from 0, never decreasing. `opacity`: the
        frames are how opaque they are."""
        self._info = info
        self._picks = picks
        self._opacity = opacity

    @property
    def info(self) -> VideoInfo:
        return self._info

    def at_size(self, width: int, height: int) -> AnimationSource:
        """The same frames at another size."""
        return AnimationSource(replace(self._info, width=width, height=height), self._picks, self._opacity)

    def opacity(self, width: int, height: int) -> AnimationSource:
        """How opaque the frames are, uint8 (height, width)."""
        return AnimationSource(replace(self._info, width=width, height=height), self._picks, True)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield frames from number `start` on.

        :raises MediaError: (while iterating) the file is no longer what it was when it was opened.
        """
        yield from prefetch(self._decode(start), DEPTH)

    def _decode(self, start: int) -> Iterator[Frame]:
        with open_picture(self._info.path) as picture:
            drawn = _drawn(picture, self._info.path, self._picks[start] if start < len(self._picks) else 0)
            shown, drawing, image = -1, picture, None
            for index in range(start, len(self._picks)):
                while shown < self._picks[index]:
                    found = next(drawn, None)
                    if found is None:
                        raise EOFError(f"frame {self._picks[index]} is no longer there")
                    (shown, drawing), image = found, None
                if image is None:
                    image = _fitted(_opacity(drawing) if self._opacity else as_rgb(drawing), self._info)
                yield Frame(index, self._info.times[index], image)


def _drawn(picture: Pillow.Image, path: Path, first: int = 0) -> Iterator[tuple[int, Pillow.Image]]:
    """The frames of an open animation from number `first` on, each with its number and valid until the next."""
    if picture.format == "GIF":
        # Each is drawn over those before it, so all of them are decoded.
        yield from ((number, frame) for number, frame in enumerate(gif_frames(picture, path)) if number >= first)
        return
    offset = _first_frame(picture)
    for number in range(first, getattr(picture, "n_frames", 1) - offset):
        picture.seek(offset + number)
        yield number, picture


class PicturesSource:
    """Frames that are files of their own, all of one size. Made by `open_source`."""

    def __init__(self, info: VideoInfo, files: Sequence[Path], opacity: bool = False) -> None:
        """`opacity`: the frames are how opaque they are."""
        self._info = info
        self._files = tuple(files)
        self._opacity = opacity

    @property
    def info(self) -> VideoInfo:
        return self._info

    def at_size(self, width: int, height: int) -> PicturesSource:
        """The same frames at another size."""
        return PicturesSource(replace(self._info, width=width, height=height), self._files, self._opacity)

    def opacity(self, width: int, height: int) -> PicturesSource:
        """How opaque the frames are, uint8 (height, width)."""
        return PicturesSource(replace(self._info, width=width, height=height), self._files, True)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield frames from number `start` on.

        :raises MediaError: (while iterating) a picture is damaged, or has another size than the first.
        """
        yield from prefetch(self._read(start), DEPTH)

    def _read(self, start: int) -> Iterator[Frame]:
        for index in range(start, len(self._files)):
            image = self._picture(self._files[index])
            _same_size(self._files[0], (self._info.source_width, self._info.source_height), self._files[index], image)
            exact = _fitted_exactly(image, self._info)
            yield Frame(index, self._info.times[index], shallow(exact), deep_only(exact))

    def _picture(self, path: Path) -> Image | DeepImage:
        if not self._opacity:
            return read_exact_picture(path) if self._info.deep else read_picture(path)
        with open_picture(path) as picture:
            return _opacity(first_shown(picture, path))


def _opacity(picture: Pillow.Image) -> Image:
    found = opacity_of(picture)
    width, height = upright_size(picture)
    return np.full((height, width), 255, np.uint8) if found is None else found


def _fitted(image: Image, info: VideoInfo) -> Image:
    """The part that is asked for, at the size that is."""
    return resize(cropped(image, info.crop), info.width, info.height)


def _fitted_exactly(image: Image | DeepImage, info: VideoInfo) -> Image | DeepImage:
    """The same of a picture of any depth."""
    deep = deep_only(image)
    return _fitted(shallow(image), info) if deep is None else resize(cropped(deep, info.crop), info.width, info.height)


def _same_size(first: Path, expected: tuple[int, int], path: Path, image: Image | DeepImage) -> None:
    """Raise a MediaError where `image` is not `expected` (width, height) like the picture `first`."""
    height, width = image.shape[:2]
    if (width, height) != expected:
        raise different_size(first, expected, path, (width, height))


def different_size(first: Path, expected: tuple[int, int], path: Path, size: tuple[int, int]) -> MediaError:
    """The error for a picture that does not fit the first one of its folder."""
    return MediaError(
        f"{path}: this picture is {size[0]}x{size[1]}, but {first.name}, the first of the folder, is "
        f"{expected[0]}x{expected[1]}. All frames of a clip must have one size: resize it or take it out."
    )


def _first_frame(picture: Pillow.Image) -> int:
    """Number of the first frame of the animation: an APNG may hold a still picture before it, for old viewers."""
    return 1 if picture.info.get("default_image") else 0


def animation_delays(path: Path, stop: int | None) -> list[Fraction]:
    """How long each frame is shown, in seconds, found by decoding every frame of an animation.

    :param path: an animated picture.
    :param stop: look at this many frames at most; of damage after them one frame is forgiven.
    :return: the delays; a delay of 0 counts as `NO_DELAY`.
    :raises MediaError: damaged; the message says how many frames are good.
    """
    delays: list[Fraction] = []
    wanted = stop if stop is not None else 1 << 62
    why = "it breaks off inside a frame"
    try:
        with open_picture(path) as picture:
            whole = _decode_delays(path, picture, wanted, delays)
    except MediaError as error:
        whole, why = False, str(error.__cause__ or error)
    if whole or len(delays) >= wanted - 1:
        return delays
    good = len(delays)
    advice = f", or paint the good part with --frames 0:{good}" if good else ""
    raise MediaError(
        f"{path}: the animation is damaged or cut off; {count_text(good, 'frame is', 'frames are')} good before the "
        f"break ({why}). Copy or download it again{advice}."
    )


def _decode_delays(path: Path, picture: Pillow.Image, wanted: int, delays: list[Fraction]) -> bool:
    """Append the delay of each frame once it is decoded; False where the file ends too early."""
    blocks = walk_gif(path) if picture.format == "GIF" else None
    for number, frame in _drawn(picture, path):
        if number == wanted:
            break
        frame.load()
        if blocks is not None:
            delay = Fraction(blocks.delays[number], 100)
        else:
            # APNG states a fraction, Pillow a float of it: give back the fraction.
            delay = Fraction((picture.info.get("duration") or 0) / 1000).limit_denominator(100_000)
        delays.append(delay or NO_DELAY)
    return blocks is None or blocks.whole


def animation_plays(path: Path) -> int:
    """How often the animation `path` is played; 0 for ever.

    :raises MediaError: it cannot be read.
    """
    with open_picture(path) as picture:
        if picture.format == "GIF":
            return walk_gif(path).plays
        return int(picture.info.get("loop") or 0)


def pictures_in(folder: Path) -> tuple[list[Path], list[tuple[int, int]], list[str]]:
    """The pictures of a folder in natural order (frame2 before frame10), their sizes, and remarks.

    Hidden files, folders and files that are no pictures are left out, with a remark.

    :raises MediaError: there is none, or a file with a picture's name cannot be read as one.
    """
    files: list[Path] = []
    sizes: list[tuple[int, int]] = []
    ignored: list[str] = []
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name.startswith("."):
            continue  # Thumbnails, .DS_Store: nobody put them there on purpose.
        if not path.is_file():
            ignored.append(path.name)
            continue
        try:
            with open_picture(path) as picture:
                sizes.append(upright_size(picture))
        except MediaError:
            if path.suffix.lower() in PICTURES:
                raise
            ignored.append(path.name)
        else:
            files.append(path)
    if not files:
        raise WrongFileError(f"{folder}: there is no picture in this folder. Choose one that holds the frames.")
    notes = []
    if ignored:
        noun = "entry is" if len(ignored) == 1 else "entries are"
        notes.append(f"{len(ignored)} {noun} no picture and left out: {first_few(ignored, 3)}.")
    return files, sizes, notes


def picture_numbers(files: Sequence[Path]) -> tuple[int, ...]:
    """The numbers at the end of the names of pictures; () where not all have one, or they differ in more than that."""
    found = [_NUMBERED.fullmatch(file.stem) for file in files]
    numbers = tuple(int(match.group(2)) for match in found if match)
    alike = {match.group(1).casefold() for match in found if match}
    rising = all(one < other for one, other in pairwise(numbers))
    return numbers if len(numbers) == len(files) and len(alike) == 1 and rising else ()


def gap_notes(numbers: Sequence[int]) -> tuple[str, ...]:
    """A remark where numbers are missing among those of the pictures."""
    gaps = [f"after {one} comes {other}" for one, other in pairwise(numbers) if other != one + 1]
    if not gaps:
        return ()
    return (f"The numbers of the pictures have gaps ({first_few(gaps, 3)}); nothing is shown in their place.",)


def upright_size(picture: Pillow.Image) -> tuple[int, int]:
    """Width and height of an open picture once it is turned as its EXIF orientation says."""
    width, height = picture.size
    turned = picture.getexif().get(0x0112) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key in which numbers inside a name count as numbers."""
    parts = re.split(r"(\d+)", path.name.casefold())
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return key, path.name
