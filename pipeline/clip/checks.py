"""What can be known of a job before anything is loaded: whether its files are there, and its results can be written.

Torch takes seconds to import; whoever has mistyped a name hears of it at once. What is in the files shows later.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.clip.finished_outputs import output_options, says_how_made
from pipeline.clip.framing import flag
from pipeline.clip.jobs import HALF, ClipJob, StillJob
from pipeline.clip.styles import StylePicture
from pipeline.errors import UsageError, WrongFileError
from pipeline.file_kind import no_file
from pipeline.media import check_output, check_picture_output, refuse_existing, refuse_same_file
from pipeline.media.outputs import cannot_make, check_name, in_the_way
from pipeline.media.probe import check_readable
from pipeline.media.sink import check_encoding
from pipeline.motion.given_cuts import parse_cuts
from pipeline.settings import Settings


def check_clip(job: ClipJob, settings: Settings, *, more: bool = False) -> None:
    """See that a clip can be painted, as far as the names of its files say it.

    That an output exists is told last. Where a job asks for something of which only its files show whether it can be,
    `run_clip` tells it once they are open.

    :param more: whether something else is asked for that shows later, such as a device.
    :raises MediaError: an input is missing, empty or cannot be read.
    :raises OutputError: an output exists, or cannot be written.
    :raises UsageError: an output would replace an input, or another output, or cannot be encoded as is asked for.
    """
    job.check_framing()
    if job.gif is not None and job.gif.resolve() == job.output.resolve():
        raise UsageError(f"The output and the GIF beside it are the same file: {job.output}. Name two files.")
    _check_gif(job)
    check_name(job.output, job.work.suffix)
    for one in job.keyframes:
        for style in one.all_styles:
            if not style.path.is_file():
                raise UsageError(f"--keyframe {one.head!r}: {no_file(style.path, 'style picture')}")
    # A folder is looked at more closely once it is known what is in it, or goes into it.
    folders = {job.source, *(path for mask in job.masks for path in mask.paths)}
    for path in job.files_read:
        if path not in folders or not path.is_dir():
            check_readable(path)
    for path in job.files_read:
        refuse_same_file(path, job.outputs)
    _check_outputs(job)
    if not more and not _shows_in_clip(job, settings):
        for path in job.outputs:
            # What an earlier run of this job may have finished is compared once all inputs are read.
            if not path.is_dir() and not (path.exists() and says_how_made(path)):
                refuse_existing(path, job.overwrite)


def _check_outputs(job: ClipJob) -> None:
    """See that there can be such outputs, and what lies beside them."""
    for path in job.outputs:
        options = output_options(job, path)
        check_encoding(path, options["codec"], options["quality"], options["depth"])
        if not path.is_dir():
            check_output(path)
    if in_the_way(job.work):
        raise cannot_make(job.work, what="work folder")


def shows_in_picture(job: StillJob) -> bool:
    """Whether a job asks for something of which only its files show whether it can be."""
    return bool(job.masks) or job.keeps_alpha or job.accept or _shows_in_pictures(job.styles, job.init)


def _shows_in_clip(job: ClipJob, settings: Settings) -> bool:
    """The same of a clip."""
    in_time = (job.frames, job.rate, job.keyframes, job.exemplar, isinstance(job.audio, int))
    of_settings = (settings.loop, parse_cuts(settings.cuts).given, settings.flow.startswith("raft"))
    return any((*in_time, *of_settings, job.masks, _shows_in_pictures(job.all_styles, job.init)))


def _shows_in_pictures(styles: Sequence[StylePicture], init: Path | None) -> bool:
    """The same of the pictures to paint with: a part of one has to lie in it."""
    return init is not None or any(style.part is not None for style in styles)


def _check_gif(job: ClipJob) -> None:
    """See that what is asked of a GIF is asked of one.

    :raises UsageError: it is not, or its name is that of something else.
    """
    if job.gif is not None and job.gif.suffix.lower() != ".gif":
        raise UsageError(
            f"{job.gif}: --gif makes a GIF beside the output. Choose a name that ends in .gif, for instance "
            f"{job.gif.stem or 'out'}.gif."
        )
    for name in job.gif_options:
        if job.the_gif is None:
            raise UsageError(
                f"{flag(name)} is for a GIF, and there is none. Name one with --gif FILE.gif, or leave it out."
            )
        if job.the_gif == job.output and name == "gif_size" and job.output_size is not None:
            raise UsageError(
                f"{flag(name)} and --output-size both say how large {job.output} should be. Give one of them."
            )
        if job.the_gif == job.output and name == "max_bytes" and job.quality is not None:
            raise UsageError(f"{flag(name)} and --quality both say how {job.output} is encoded. Give one of them.")


def check_still(job: StillJob, *, more: bool = False) -> None:
    """See that a picture can be painted, as far as the names of its files say it; as `check_clip`."""
    job.check_framing()
    if job.content.is_dir():
        raise WrongFileError(
            f"{job.content}: this is a folder. Name a picture in it, or paint all of them with reelbrush video."
        )
    for path in job.files_read:
        check_readable(path)
    named_png = job.output is None or job.output.suffix.lower() == ".png"
    if job.depth not in (None, 8, 16 if named_png else 8):
        raise UsageError(
            f"{job.output or 'A picture'}: a picture has 8 bits a channel, or 16 in a .png, and not {job.depth}. Leave "
            "--depth out, or choose a name that ends in .png."
        )
    if job.output is not None:
        for path in job.files_read:
            refuse_same_file(path, (job.output,))
        check_name(job.output, HALF)
        check_picture_output(job.output)
        if not more and not shows_in_picture(job) and not (job.output.is_file() and says_how_made(job.output)):
            refuse_existing(job.output, job.overwrite)
