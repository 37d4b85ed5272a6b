"""The two calls that do everything, with the defaults of the command line."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.clip.clip import run_clip
from pipeline.clip.deadline import Deadline
from pipeline.clip.engine import open_engine
from pipeline.clip.events import OnEvent, ignore
from pipeline.clip.framing import (
    FLATTEN,
    KEEP,
    SDR,
    parse_alpha,
    parse_aspect,
    parse_colour,
    parse_depth,
    parse_gif_fps,
    parse_hdr,
    parse_output_size,
)
from pipeline.clip.in_memory import (
    Clip,
    ExemplarFrames,
    KeyframesGiven,
    Masks,
    PictureFiles,
    RegionStyles,
    Styles,
)
from pipeline.clip.jobs import ClipJob, StillJob
from pipeline.clip.parse import FrameRange, parse_audio, parse_bytes, parse_deadline, parse_frames, parse_rate
from pipeline.clip.python_words import in_python_words
from pipeline.clip.results import ClipResult, StillResult
from pipeline.clip.still import run_still
from pipeline.media.in_memory import Picture
from pipeline.settings import DEFAULT_PRESET, split_start
from pipeline.signals import between_events
from pipeline.style.frame import OnProgress


@in_python_words()
def stylize_image(
    content: Picture,
    style: Styles,
    output: str | Path | None = None,
    *,
    preset: str = DEFAULT_PRESET,
    weights: str | Path | None = None,
    device: str = "auto",
    init: Picture | None = None,
    upscale: bool = False,
    aspect: str | None = None,
    pad: str | None = None,
    output_size: str | int | None = None,
    alpha: str = FLATTEN,
    depth: int | None = None,
    region: RegionStyles = (),
    protect: Masks = (),
    overwrite: bool = False,
    restart: bool = False,
    accept: bool = False,
    on_event: OnEvent = ignore,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> StillResult:
    """Paint one picture. With an output, an interrupted call ends after the step under way and keeps the painting
    beside it; the same call goes on with that.

    :param content: the path of a file, an array (H, W, 3) of uint8 or of floats in 0..1, or an image of Pillow's.
    :param style: a picture likewise, several (in equal shares), or pictures with weights, as a mapping
        (`{"a.jpg": 0.7, "b.jpg": 0.3}`) or as pairs.
    :param output: where to write it; None only returns it.
    :param weights: a file of VGG-19's weights, instead of those on this machine.
    :param device: auto, cpu, cuda, cuda:N or mps.
    :param init: a picture to start from, resized to fit.
    :param upscale: let `size` enlarge a smaller content.
    :param aspect: shape of the result, such as '9:16': the content is cropped to it, or padded.
    :param pad: the colour of bars, such as 'black' or '#1a2b3c', to pad with instead of cropping.
    :param output_size: 'source', or pixels of the longer side, where the result is to have another size than `size`, at
        which it is painted. Enlarged, it gets the fine detail of the content.
    :param alpha: 'flatten' lays what is transparent on white, 'keep' keeps it.
    :param depth: 8 or None, or 16 bits a channel of a PNG; without one, they are in `.painted.deep`.
    :param region: parts of the picture in styles of their own: masks with their styles, as a mapping
        (`{"sky.png": "wave.jpg"}`) or as pairs. A mask is the path of a picture, white where the region is, or an array
        (H, W) of bool, of uint8 or of floats in 0..1.
    :param protect: masks of what is to stay as it is.
    :param overwrite: replace `output` where it exists.
    :param restart: throw away a half-finished painting that had other inputs or settings.
    :param accept: write the half-finished painting of an interrupted call as it is.
    :param on_event: told what happens, see `pipeline.clip.events`; of what is in memory, no name is told.
    :param on_progress: called after every step with the picture as it stands.
    :param settings: any field of `Settings`, for instance `size=256, strength=0.7`; `start` may also be the name of a
        picture, as `init`.
    :return: the picture (`.image`, uint8 (H, W, 3) RGB; `.pil`) with its losses (`.painted.losses`).
    :raises ReelbrushError: `str(error)` says what to do; nothing is written then.
    """
    settings, named = split_start(settings)
    init = named if init is None else init
    engine = open_engine(preset, _path(weights), device, settings)
    with PictureFiles(alpha=parse_alpha(alpha) == KEEP) as files:
        start = None if init is None else files.picture(init, "start")
        job = StillJob(
            files.picture(content, "content"), files.styles(style), _path(output), start, upscale, overwrite, restart,
            accept, **_framing(aspect, pad, output_size), alpha=parse_alpha(alpha),
            depth=None if depth is None else parse_depth(depth), **files.regions(region, protect),
        )  # fmt: skip
        # Without an output there is nothing beside which it could be kept.
        on_event = files.telling(on_event)
        with nullcontext(on_event) if output is None else between_events(on_event) as told:
            return run_still(job, engine, told, on_progress)


@in_python_words()
def stylize_video(
    source: Clip,
    style: Styles,
    output: str | Path,
    *,
    gif: str | Path | None = None,
    gif_size: int | None = None,
    gif_fps: Fraction | float | str | None = None,
    max_bytes: int | str | None = None,
    preset: str = DEFAULT_PRESET,
    weights: str | Path | None = None,
    device: str = "auto",
    frames: FrameRange | str | None = None,
    fps: Fraction | float | str | None = None,
    upscale: bool = False,
    aspect: str | None = None,
    pad: str | None = None,
    output_size: str | int | None = None,
    alpha: str = FLATTEN,
    depth: int | None = None,
    hdr: str = SDR,
    region: RegionStyles = (),
    protect: Masks = (),
    keyframes: KeyframesGiven = (),
    codec: str | None = None,
    quality: str | int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    keep: bool = False,
    audio: str | int = "default",
    shortest: bool = False,
    location: bool = False,
    exemplar: ExemplarFrames = (),
    init: Picture | None = None,
    budget: str | None = None,
    finish_by: str | None = None,
    on_event: OnEvent = ignore,
    **settings: Any,
) -> ClipResult:
    """Paint a video, an animated picture, a numbered folder, or frames in memory. After a crash, the same call goes on.

    :param source: a path; or frames, as an array (N, H, W, 3) or a list of arrays or images of Pillow's, which play at
        `fps` frames a second, 24 where nothing is said.
    :param style: as for `stylize_image`.
    :param output: a video, a GIF, or a folder for numbered pictures; the suffix decides.
    :param gif: a GIF beside it.
    :param gif_size: longest side of the GIF in pixels; the output itself may be the GIF.
    :param gif_fps: its frames a second.
    :param max_bytes: that it may take, such as '5MB'.
    :param frames: first frame and the one after the last, from 0; or a text, which may name times: '0:2s'.
    :param aspect, pad, output_size, alpha: as for `stylize_image`.
    :param depth: bits a channel: 8 or 10 of a video, 16 with ffv1; 8 or 16 of a folder of pictures. None is 8; 10 of a
        video whose input has more than 8, where no codec is asked for.
    :param hdr: 'sdr' writes what an ordinary screen shows of HDR, 'keep' writes HDR again.
    :param region, protect: likewise; a mask can be a video or a numbered folder, too.
    :param keyframes: what is painted otherwise at some times, to which it goes bit by bit: texts as on the command line
        ("4s: style=b.jpg, strength=0.8"), or tables with the same names: `{"at": "4s", "ease": "smooth", "style": b,
        "strength": 0.8, "colours": "keep", "style_scale": 2, "region": {1: "none"}}`. A time is a frame of the input
        (an int), a time in it ("1.5s"), or "shot 2"; a style is as above; a region is its mask, or its number from 1.
    :param audio: which audio track of the input a video gets: 'default', the one that players take, 'all', 'none', or
        a number from 1.
    :param shortest: cut sound that goes on after the last picture.
    :param location: take over where a video says that it was filmed.
    :param exemplar: the first frame as it should be painted; or any frames, as a mapping from their numbers in the
        input, or their times such as '1.5s', to pictures. They stay as they are, lead the frames before and after them
        in their shot, and count together as a style as much as the others.
    :param init: a picture that each shot starts from, resized to fit.
    :param budget: how long all may take, such as '8h' or '1h30m': frames get fewer steps where that is too short. The
        result then depends on the speed of the machine.
    :param finish_by: the same as a time of day, such as '07:00', or a date with a time.
    :param on_event: as for `stylize_image`.
    :param settings: any field of `Settings`.
    :return: where the results are (`.outputs`), and their frames (`.images()`).
    :raises ReelbrushError: `str(error)` says what to do.
    """
    until = parse_deadline(budget, finish_by)
    settings, named = split_start(settings)
    init = named if init is None else init
    engine = open_engine(preset, _path(weights), device, settings)
    deadline = None if until is None else Deadline(until)
    with PictureFiles(alpha=parse_alpha(alpha) == KEEP) as files:
        job = ClipJob(
            files.clip(source), files.styles(style), Path(output), _path(gif),
            parse_frames(frames) if isinstance(frames, str) else frames,
            None if fps is None else parse_rate(str(fps)), upscale, codec, quality, overwrite, restart, keep,
            parse_audio(str(audio)), shortest, location,
            exemplar=files.exemplars(exemplar),
            init=None if init is None else files.picture(init, "start"),
            **_framing(aspect, pad, output_size), alpha=parse_alpha(alpha),
            depth=None if depth is None else parse_depth(depth), hdr=parse_hdr(hdr),
            **files.regions(region, protect), keyframes=files.keyframes(keyframes),
            gif_size=gif_size, gif_fps=None if gif_fps is None else parse_gif_fps(str(gif_fps)),
            max_bytes=None if max_bytes is None else parse_bytes(str(max_bytes)),
        )  # fmt: skip
        result = run_clip(job, engine, files.telling(on_event), deadline)
        return replace(result, notes=files.in_words_of_call(*result.notes))


def _framing(aspect: str | None, pad: str | None, output_size: str | int | None) -> dict[str, Any]:
    """The fields of `Framing`, from what callers write."""
    return {
        "aspect": None if aspect is None else parse_aspect(aspect),
        "pad": None if pad is None else parse_colour(pad),
        "output_size": None if output_size is None else parse_output_size(output_size),  # type: ignore[arg-type]
    }


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
