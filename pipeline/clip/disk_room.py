"""Room on the disk that a clip needs, known before its first frame is painted."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.finished_outputs import output_options
from pipeline.clip.jobs import ClipJob
from pipeline.errors import DiskFullError
from pipeline.media.prefetch import HELD
from pipeline.media.reframe import layout_of
from pipeline.media.sink import is_folder
from pipeline.text import size_text

PNG = 2.2
"""Bytes a pixel of a kept frame. Paintings of five clips had 1.6 to 2.2: strokes are hard to compress."""
DEEP_PNG = 5.2
"""The same of one with 16 bits a channel; of the lower ones no two are alike."""
VIDEO = 0.35
"""Bytes a pixel of a frame in a video, at the most; lossless ones have as many as a PNG."""
GIF = 0.9
DENSE = ("ffv1", "prores")
"""Codecs with as many as a PNG."""
_STILLS = (".png", ".apng")


@dataclass(frozen=True)
class Room:
    """Bytes on the disk."""

    result: int
    """That stay."""
    work: int
    """That are needed while it is painted."""


def clip_room(job: ClipJob, painted: tuple[int, int], kept: tuple[int, int], frames: int, passes: int) -> Room:
    """Room that a clip needs, roughly.

    :param painted: (width, height) of its frames.
    :param kept: as for `output_layout`.
    """
    kept_frame = DEEP_PNG if job.paints_deep else PNG
    area = painted[0] * painted[1]
    result, work = 0.0, kept_frame * area * frames * min(2, passes)
    if passes > 1:
        # On the way back the input waits there, but for what memory holds.
        work += kept_frame * area * max(0, frames - HELD // (3 * area))
    for path in job.outputs:
        made = output_options(job, path)
        layout = layout_of(painted, kept, made["output_size"], job.ratio, job.pad, even=True)
        pixels = layout.canvas[0] * layout.canvas[1] * frames
        if path.suffix.lower() == ".gif":
            result += min(GIF * pixels, made["max_bytes"] or GIF * pixels)
            # Its frames wait until all colours are known.
            work += PNG * pixels
        else:
            dense = (
                is_folder(path)
                or path.suffix.lower() in _STILLS
                or made["quality"] == "lossless"
                or made["codec"] in DENSE
            )
            result += ((DEEP_PNG if made["depth"] == 16 else PNG) if dense else VIDEO) * pixels
    return Room(round(result), round(work))


def free_bytes(folder: Path) -> int:
    """What is free where a folder is, or will be."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
    return shutil.disk_usage(there).free


def check_room(folder: Path, needed: int, what: str, advice: str = "") -> None:
    """See that there is room, before work begins; the need is an estimate, so half of it is enough.

    :param what: needs it: 'this clip'.
    :param advice: what else could be done.
    :raises DiskFullError: there is not half of it.
    """
    free = free_bytes(folder)
    if needed > 2 * free:
        raise DiskFullError(
            f"{folder}: {what} needs about {size_text(needed)}, and {size_text(free)} are free there. Make room, "
            f"choose another folder with -o, or paint {advice}smaller (--size)."
        )
