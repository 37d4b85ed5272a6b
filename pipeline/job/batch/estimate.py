"""What a painting costs, before it is painted: seconds by what a step was measured to take, and room on the disk."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.job.batch.examine import Ready
from pipeline.job.batch.task import Timed
from pipeline.job.passes import again

FRAMES_A_SHOT = 120
"""Frames of a shot where nobody has looked yet; each one begins with a frame that costs more."""
PNG = 2.2
"""Bytes a pixel of a kept frame. Paintings of five clips had 1.6 to 2.2: strokes are hard to compress."""
VIDEO = 0.35
"""Bytes a pixel of a frame in a video, at the most; lossless ones have as many as a PNG."""
GIF = 0.9


@dataclass(frozen=True)
class Room:
    """Bytes on the disk."""

    result: int
    """That stay."""
    work: int
    """That are needed while it is painted."""


def seconds_of(ready: Ready, timed: Timed) -> float:
    """Seconds that a painting takes one worker, from the first frame to the last."""
    if ready.item.still:
        return timed.first * timed.step + timed.frame
    settings, frames = ready.settings, ready.subject.frames
    if settings.carry == "none":
        return frames * (timed.first * timed.step + timed.frame)
    shots = 1 + (frames - 1) // FRAMES_A_SHOT
    steps = timed.first * shots + settings.carried_steps * (frames - shots)
    steps += again(settings, frames).carried_steps * (frames - shots) * (ready.passes - 1)
    return steps * timed.step + ready.frames * timed.frame


def room_of(ready: Ready) -> Room:
    """Room that a painting needs."""
    pixels = ready.subject.width * ready.subject.height * ready.subject.frames
    if ready.item.still:
        return Room(round(PNG * pixels), 0)
    suffix = ready.item.output.suffix.lower()
    dense = suffix == "" or ready.item.quality == "lossless" or ready.item.codec in ("ffv1", "prores")
    a_pixel = PNG if dense else GIF if suffix == ".gif" else VIDEO
    result = pixels * (a_pixel + (GIF if ready.item.gif else 0))
    return Room(round(result), round(PNG * pixels * min(2, ready.passes)))
