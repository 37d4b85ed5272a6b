"""Open anything that has frames: a video, an animation, a folder of pictures, a single picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.media.frame import FrameSource, VideoInfo
from pipeline.media.gif_blocks import walk_gif
from pipeline.media.picture_sources import (
    AnimationSource,
    PicturesSource,
    animation_delays,
    different_size,
    pictures_in,
    upright_size,
)
from pipeline.media.pictures import NotAPictureError, animated, open_picture
from pipeline.media.probe import OnProgress, Probe, check_readable, probe
from pipeline.media.resize import fit_size
from pipeline.media.timing import mean_rate, on_grid, regular_rate
from pipeline.media.video_source import VideoSource, input_matrix

FOLDER_RATE = Fraction(24)
"""Frames a second of a folder of pictures, which states none."""

Slice = tuple["int | None", "int | None"]
"""First frame and the frame before which to stop, counted from 0; None: from the start, to the end."""


@dataclass(frozen=True)
class _Request:
    """What the caller wants of the source, besides its path."""

    size: int | None
    upscale: bool
    first: int
    stop: int | None
    fps: Fraction | None


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
    on_progress: OnProgress | None = None,
) -> FrameSource:
    """Open `path` and find out all about it; the frames themselves are read later, one by one.

    Args:
        path: a video, a GIF, WebP, APNG or AVIF animation, a folder of pictures or a picture.
        size: pixels of the longer side, see `fit_size`; None keeps the size.
        upscale: allow `size` to enlarge.
        frames: use only these frames of the file, `(a, b)`: b is the first that is not used.
        fps: frames a second. Frames of a video or an animation are repeated or left out so that it lasts as
            long as before; a folder is played at this rate.
        on_progress: called while a video is looked through with the frames seen and the number expected.

    Returns:
        A source whose `info` describes what `frames()` yields: the final size, times from 0, the final rate.

    Raises:
        MediaError: it cannot be read, or is damaged: then the message says how many frames are good.
        UsageError: `size`, `frames` or `fps` are impossible.
    """
    path = Path(path)
    request = _checked_request(size, upscale, frames, fps)
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
    if first < 0 or (stop is not None and stop <= first):
        raise UsageError(
            f"The frames {first}:{'' if stop is None else stop} are none. Give the first frame, counted from 0, and "
            "the one before which to stop, for instance 0:100."
        )
    if fps is not None and fps <= 0:
        raise UsageError(f"{fps} frames a second is no rate. Give a number above 0.")
    return _Request(size, upscale, first, stop, None if fps is None else Fraction(fps))


def _kind(path: Path) -> str:
    try:
        with open_picture(path) as picture:
            # Cut off early enough, an animation looks like a picture.
            cut_off = picture.format == "GIF" and not walk_gif(path).whole
            return "animation" if cut_off or animated(picture) else "picture"
    except NotAPictureError:
        return "video"


def _open_video(path: Path, request: _Request, on_progress: OnProgress | None) -> VideoSource:
    # One more than is used: its time is where the last one ends.
    probed = probe(path, stop=None if request.stop is None else request.stop + 1, on_progress=on_progress)
    line = _timeline(path, probed.times, probed.duration, None if probed.variable else probed.rate, request)
    header = probed.header
    aspect = header.pixel_aspect
    width = max(1, round(header.width * aspect)) if aspect > 1 else header.width
    height = max(1, round(header.height / aspect)) if aspect < 1 else header.height
    final = fit_size(width, height, request.size, request.upscale, even=True)
    info = VideoInfo(
        path=path,
        kind="video",
        width=final[0],
        height=final[1],
        rate=line.rate,
        times=line.times,
        duration=line.duration,
        variable=line.variable,
        audio=probed.audio,
        rotation=header.rotation,
        colour="" if input_matrix(header) else header.colour_space,
        notes=(*line.notes, *_video_notes(probed)),
        start=probed.origin + probed.times[request.first],
        source_width=width,
        source_height=height,
    )
    return VideoSource(info, header, line.picks)


def _video_notes(probed: Probe) -> list[str]:
    notes = []
    if probed.header.colour_transfer in ("smpte2084", "arib-std-b67"):
        kind = "PQ" if probed.header.colour_transfer == "smpte2084" else "HLG"
        notes.append(f"The clip is HDR ({kind}); it is not tone-mapped, so colours look dull.")
    if probed.header.interlaced:
        notes.append("The clip is interlaced; it is not deinterlaced, so moving edges show combs.")
    if probed.header.pixel_aspect != 1:
        notes.append("The stored pixels are not square; the picture is stretched to how it is meant to be seen.")
    if probed.remark:
        notes.append(f"The decoder complained, though it could go on: {probed.remark}.")
    return notes


def _open_animation(path: Path, request: _Request) -> AnimationSource:
    delays = animation_delays(path, None if request.stop is None else request.stop + 1)
    times = [Fraction(0)]
    for delay in delays:
        times.append(times[-1] + delay)
    duration = times.pop()
    rate = None
    if len(set(delays)) == 1:
        rate = 1 / delays[0]
    line = _timeline(path, times, duration, rate, request)
    with open_picture(path) as picture:
        width, height = upright_size(picture)
    return AnimationSource(_picture_info(path, "animation", (width, height), line, request), line.picks)


def _open_folder(path: Path, request: _Request) -> PicturesSource:
    files, sizes, notes = pictures_in(path)
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            raise different_size(files[0], sizes[0], file, size)
    if request.fps is None:
        notes.append(f"A folder of pictures states no frame rate; {FOLDER_RATE} frames a second are assumed.")
    line, files = _stills(path, files, request, tuple(notes))
    return PicturesSource(_picture_info(path, "folder", sizes[0], line, request), files)


def _open_picture(path: Path, request: _Request) -> PicturesSource:
    with open_picture(path) as picture:
        size = upright_size(picture)
        picture.load()  # damage should show now, not when it is painted
    line, files = _stills(path, [path], request, ())
    return PicturesSource(_picture_info(path, "picture", size, line, request), files)


def _stills(path: Path, files: list[Path], request: _Request, notes: tuple[str, ...]) -> tuple[_Timeline, list[Path]]:
    """A regular timeline over pictures, at the rate asked for: here `fps` is the rate, not a resampling."""
    rate = request.fps or FOLDER_RATE
    cut = _Request(request.size, request.upscale, request.first, request.stop, None)
    times = [k / rate for k in range(len(files))]
    line = _timeline(path, times, len(files) / rate, rate, cut, notes)
    return line, [files[pick] for pick in line.picks]


def _picture_info(path: Path, kind: str, size: tuple[int, int], line: _Timeline, request: _Request) -> VideoInfo:
    width, height = fit_size(*size, request.size, request.upscale, even=True)
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
    count, first = len(times), request.first
    if first >= count:
        raise UsageError(f"{path}: frame {first} is not among its {count}, which count from 0 to {count - 1}.")
    if request.stop is not None and request.stop > count:
        notes = (*notes, f"There are only {count} frames, so frames {first}:{request.stop} end there.")
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
