"""Open anything that has frames: a video, an animation, a folder of pictures, a single picture."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.frame_numbers import FrameNumbers
from pipeline.media.deep_pictures import picture_bits, picture_notes
from pipeline.media.display_conversion import converted, is_hdr, screen_notes
from pipeline.media.file_streams import read_contents
from pipeline.media.frame import FrameSource, VideoInfo
from pipeline.media.gif_blocks import walk_gif
from pipeline.media.picture_sources import (
    AnimationSource,
    PicturesSource,
    animation_delays,
    animation_plays,
    different_size,
    gap_notes,
    picture_numbers,
    pictures_in,
    upright_size,
)
from pipeline.media.pictures import NotAPictureError, animated, open_picture
from pipeline.media.probe import Probe, Span, check_readable, probe
from pipeline.media.resize import centre_crop, fit_size
from pipeline.media.suffixes import MOTION_JPEG, ending
from pipeline.media.timing import mean_rate, on_grid, regular_rate
from pipeline.media.video_source import VideoSource, input_matrix
from pipeline.text import count_text
from pipeline.types import OnProgress

FOLDER_RATE = Fraction(24)
"""Frames a second of a folder of pictures, which states none."""

_CLOSE, _NAMED = 12, 3
"""Of complaints about frames: nearer ones are told as one; how many are told of."""

ON_WHITE = "The clip has an alpha channel; what is transparent is laid on white."

Slice = tuple["int | Fraction | None", "int | Fraction | None"]
"""First frame and the frame before which to stop, counted from 0; or, as a Fraction, times in seconds: from the first
frame that is shown then or later, to the last that is shown before. None: from the start, to the end."""


@dataclass(frozen=True)
class _Request:
    """What the caller wants of the source, besides its path."""

    size: int | None
    upscale: bool
    frames: Slice | None
    """As it was asked for; without times once these are known."""
    fps: Fraction | None
    crop: Fraction | None = None
    notes: tuple[str, ...] = ()
    deep: bool = False

    @property
    def first(self) -> int:
        """The first frame; known once `in_frames` has made a frame of a time."""
        first = self.frames[0] if self.frames else None
        assert not isinstance(first, Fraction)
        return first or 0

    @property
    def stop(self) -> int | None:
        """The frame before which to stop; None: at the end, and while it is a time that no frame is known of."""
        stop = self.frames[1] if self.frames else None
        return None if isinstance(stop, Fraction) else stop

    @property
    def part(self) -> tuple[int | None, int | None] | None:
        """As `VideoInfo.part`, once no bound is a time any more."""
        if self.frames is None:
            return None
        first, stop = self.frames
        assert not isinstance(first, Fraction)
        assert not isinstance(stop, Fraction)
        return first, stop

    def in_frames(self, path: Path, times: Sequence[Fraction], duration: Fraction) -> _Request:
        """The same with frames for times.

        :raises UsageError: no frame is shown then.
        """
        if self.frames is None or not any(isinstance(bound, Fraction) for bound in self.frames):
            return self
        first, stop = (bisect_left(times, at) if isinstance(at, Fraction) else at for at in self.frames)
        start, end = self.frames
        if isinstance(start, Fraction) and first == len(times):
            raise UsageError(
                f"{path}: no frame begins at {_seconds(start)} or later; the last of its {len(times)} begins at "
                f"{_seconds(times[-1])}."
            )
        if stop is not None and stop <= (first or 0):
            raise UsageError(
                f"{path}: between the start and the end that --frames names no frame begins. Frame {first or 0} begins "
                f"at {_seconds(times[min(first or 0, len(times) - 1)])}."
            )
        late = isinstance(end, Fraction) and end > duration
        note = f"The clip lasts {_seconds(duration)}, so it is painted to its end and not to {_seconds(end or 0)}."
        return replace(self, frames=(first, stop), notes=(note,) if late else ())


@dataclass(frozen=True)
class _Timeline:
    """The frames that remain after slicing and resampling."""

    picks: list[int]
    """For each frame its number in the file."""
    times: tuple[Fraction, ...]
    duration: Fraction
    rate: Fraction
    variable: bool
    notes: tuple[str, ...]


def open_source(
    path: str | Path,
    *,
    size: int | None = None,
    upscale: bool = False,
    frames: Slice | None = None,
    fps: Fraction | int | None = None,
    crop: Fraction | None = None,
    deep: bool = False,
    on_progress: OnProgress | None = None,
) -> FrameSource:
    """Open `path` and find out all about it; the frames themselves are read later, one by one.

    :param path: a video, a GIF, WebP, APNG or AVIF animation, a folder of pictures or a picture.
    :param size: pixels of the longer side, see `fit_size`; None keeps the size.
    :param upscale: allow `size` to enlarge.
    :param frames: use only these frames of the file, `(a, b)`: b is the first that is not used. See `Slice`.
    :param fps: frames a second. Frames of a video or an animation are repeated or left out so that it lasts as long as
        before; a folder is played at this rate.
    :param crop: width divided by height of the part of each frame that is used, the largest one from its centre; None:
        all of it. `size` is that of this part.
    :param deep: frames come with as many bits a channel as there are, of a video and of PNG and TIFF pictures.
    :param on_progress: called while a video is looked through with the frames counted so far and the number expected.
    :return: a source whose `info` describes what `frames()` yields: the final size, times from 0, the final rate.
    :raises MediaError: it cannot be read, or is damaged: then the message says how many frames are good.
    :raises UsageError: `size`, `frames` or `fps` are impossible.
    """
    path = Path(path)
    request = replace(_checked_request(size, upscale, frames, fps), crop=crop, deep=deep)
    if path.is_dir():
        return _open_folder(path, request)
    check_readable(path)
    kind = _kind(path)
    if kind == "animation":
        return _open_animation(path, request)
    if kind == "picture":
        return _open_picture(path, request)
    return _open_video(path, request, on_progress)


def _checked_request(size: int | None, upscale: bool, frames: Slice | None, fps: Fraction | int | None) -> _Request:
    first, stop = frames or (None, None)
    first = first or 0
    alike = isinstance(first, Fraction) is isinstance(stop, Fraction)
    if first < 0 or (stop is not None and (stop <= 0 or (alike and stop <= first))):
        raise UsageError(
            f"The frames {first}:{'' if stop is None else stop} are none. Give the first frame, counted from 0, and "
            "the one before which to stop, for instance 0:100."
        )
    if fps is not None and fps <= 0:
        raise UsageError(f"{fps} frames a second is no rate. Give a number above 0.")
    return _Request(size, upscale, frames, None if fps is None else Fraction(fps))


def _kind(path: Path) -> str:
    if ending(path) in MOTION_JPEG:
        return "video"
    try:
        with open_picture(path) as picture:
            # Cut off early enough, an animation looks like a picture.
            cut_off = picture.format == "GIF" and not walk_gif(path).whole
            return "animation" if cut_off or animated(picture) else "picture"
    except NotAPictureError:
        return "video"


def _open_video(path: Path, request: _Request, on_progress: OnProgress | None) -> VideoSource:
    # One more than is used: its time is where the last one ends.
    begin = (request.frames or (0,))[0] or 0
    probed = probe(path, first=begin, stop=None if request.stop is None else request.stop + 1, on_progress=on_progress)
    request = request.in_frames(path, probed.times, probed.duration)
    line = _timeline(path, probed.times, probed.duration, None if probed.variable else probed.rate, request)
    header, contents = probed.header, read_contents(path)
    aspect = header.pixel_aspect
    width = max(1, round(header.width * aspect)) if aspect > 1 else header.width
    height = max(1, round(header.height / aspect)) if aspect < 1 else header.height
    # Colour is shared by neighbours.
    crop = centre_crop(width, height, request.crop, step=2)
    final = fit_size(*(crop[2:] if crop else (width, height)), request.size, request.upscale, even=True)
    info = VideoInfo(
        path=path,
        kind="video",
        width=final[0],
        height=final[1],
        rate=line.rate,
        times=line.times,
        duration=line.duration,
        variable=line.variable,
        audio=None if contents.default_sound is None else contents.default_sound.codec,
        rotation=header.rotation,
        colour="" if input_matrix(header) else header.colour_space,
        notes=(*line.notes, *_video_notes(probed, request.deep)),
        alpha=header.alpha,
        bits=header.bits,
        deep=request.deep and header.bits > 8 and not header.alpha,
        hdr=header.colour_transfer if is_hdr(header) and converted(header) else "",
        start=probed.origin + probed.times[request.first],
        sound_beyond=tuple(_beyond(probed, span) for span in probed.sounds) if request.stop is None else (),
        contents=contents,
        source_width=width,
        source_height=height,
        crop=crop,
        part=request.part,
        in_file=FrameNumbers.of_picks(line.picks),
    )
    return VideoSource(info, header, line.picks)


def _beyond(probed: Probe, sound: Span | None) -> Fraction:
    return Fraction(0) if sound is None else max(Fraction(0), sound[1] - probed.duration)


def _video_notes(probed: Probe, deep: bool) -> list[str]:
    notes = screen_notes(probed.header)
    if probed.header.pixel_aspect != 1:
        notes.append("The stored pixels are not square; the picture is stretched to how it is meant to be seen.")
    if probed.header.bits > 8 and (not deep or probed.header.alpha):
        notes.append(f"The clip has {probed.header.bits} bits a channel; it is painted from 8 of them.")
    if probed.header.alpha:
        notes.append(ON_WHITE)
    if probed.doubtful:
        notes.append(
            f"ffmpeg complained while it decoded frames near {_places(probed.doubtful)}, which may be damaged: "
            f"{probed.remark}. Look at the clip there."
        )
    elif probed.remark:
        notes.append(f"ffmpeg complained, though every picture that is painted is there: {probed.remark}.")
    return notes


def _places(frames: Sequence[int]) -> str:
    """'number 12', 'numbers 12 and 40', or 'numbers 12, 40, 77 and others': complaints close to one another are one."""
    apart: list[int] = []
    for one in sorted(frames):
        if not apart or one > apart[-1] + _CLOSE:
            apart.append(one)
    *before, last = [str(one) for one in apart[:_NAMED]] + (["others"] if len(apart) > _NAMED else [])
    return f"numbers {', '.join(before)} and {last}" if before else f"number {last}"


def _open_animation(path: Path, request: _Request) -> AnimationSource:
    delays = animation_delays(path, None if request.stop is None else request.stop + 1)
    times = [Fraction(0)]
    for delay in delays:
        times.append(times[-1] + delay)
    duration = times.pop()
    request = request.in_frames(path, times, duration)
    rate = None
    if len(set(delays)) == 1:
        rate = 1 / delays[0]
    line = _timeline(path, times, duration, rate, request)
    with open_picture(path) as picture:
        width, height = upright_size(picture)
    info = _picture_info(path, "animation", (width, height), line, request)
    return AnimationSource(replace(info, plays=animation_plays(path)), line.picks)


def _open_folder(path: Path, request: _Request) -> PicturesSource:
    files, sizes, notes = pictures_in(path)
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            raise different_size(files[0], sizes[0], file, size)
    if request.fps is None:
        notes.append(f"A folder of pictures states no frame rate; {FOLDER_RATE} frames a second are assumed.")
    request = request.in_frames(path, *_even(files, request))
    known = picture_numbers(files)
    line, files = _stills(path, files, request, tuple(notes))
    numbers = tuple(known[pick] for pick in line.picks) if known else ()
    info = _picture_info(path, "folder", sizes[0], line, request)
    return PicturesSource(
        replace(
            info,
            numbers=numbers,
            bits=picture_bits(files[0]),
            deep=request.deep,
            notes=(*info.notes, *gap_notes(numbers), *picture_notes(files[0], request.deep)),
        ),
        files,
    )


def _open_picture(path: Path, request: _Request) -> PicturesSource:
    with open_picture(path) as picture:
        size = upright_size(picture)
        picture.load()  # damage should show now, not when it is painted
    request = request.in_frames(path, *_even([path], request))
    line, files = _stills(path, [path], request, picture_notes(path, request.deep))
    info = _picture_info(path, "picture", size, line, request)
    return PicturesSource(replace(info, bits=picture_bits(path), deep=request.deep), files)


def _stills(path: Path, files: list[Path], request: _Request, notes: tuple[str, ...]) -> tuple[_Timeline, list[Path]]:
    """A regular timeline over pictures, at the rate asked for: here `fps` is the rate, not a resampling."""
    rate = request.fps or FOLDER_RATE
    line = _timeline(path, *_even(files, request), rate, replace(request, fps=None), notes)
    return line, [files[pick] for pick in line.picks]


def _even(files: list[Path], request: _Request) -> tuple[list[Fraction], Fraction]:
    """When each of the pictures is shown, and how long all of them are."""
    rate = request.fps or FOLDER_RATE
    return [k / rate for k in range(len(files))], len(files) / rate


def _picture_info(path: Path, kind: str, size: tuple[int, int], line: _Timeline, request: _Request) -> VideoInfo:
    crop = centre_crop(*size, request.crop)
    width, height = fit_size(*(crop[2:] if crop else size), request.size, request.upscale, even=True)
    return VideoInfo(
        path=path,
        kind=kind,
        width=width,
        height=height,
        rate=line.rate,
        times=line.times,
        duration=line.duration,
        variable=line.variable,
        audio=None,
        notes=line.notes,
        source_width=size[0],
        source_height=size[1],
        crop=crop,
        part=request.part,
        in_file=FrameNumbers.of_picks(line.picks),
    )


def _timeline(
    path: Path,
    times: list[Fraction] | tuple[Fraction, ...],
    duration: Fraction,
    rate: Fraction | None,
    request: _Request,
    notes: tuple[str, ...] = (),
) -> _Timeline:
    """Slice, then resample. `rate` is None where the frames are not regular."""
    count, first, notes = len(times), request.first, (*notes, *request.notes)
    if first >= count:
        raise UsageError(f"{path}: there is no frame {first}. The last one is number {count - 1}, counted from 0.")
    if request.stop is not None and request.stop > count:
        there = count_text(count, "frame")
        notes = (*notes, f"The clip has only {there}, so frames {first}:{request.stop} end there.")
    stop = count if request.stop is None else min(request.stop, count)
    end = times[stop] if stop < count else duration
    cut = [time - times[first] for time in times[first:stop]]
    duration = end - times[first]
    picks = list(range(first, stop))
    if request.fps is not None:
        picks = [first + shown for shown in on_grid(cut, duration, request.fps)]
        cut = [k / request.fps for k in range(len(picks))]
        return _Timeline(picks, tuple(cut), len(picks) / request.fps, request.fps, False, notes)
    if rate is None and len(cut) > 1:
        rate = regular_rate(cut, Fraction(0), None)
        if rate is not None and duration != len(cut) / rate:
            rate = None  # the last frame is shown longer or shorter than the others
    variable = rate is None and len(cut) > 1
    return _Timeline(picks, tuple(cut), duration, rate or mean_rate(len(cut), duration), variable, notes)


def _seconds(time: Fraction | int) -> str:
    return f"{float(time):.10g} s"
