"""Which frame of a painted clip belongs to which frame of its input; other programs keep neither count nor rate."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction

from pipeline.errors import UsageError
from pipeline.media import FrameSource, Image, VideoInfo, resize
from pipeline.pictures.fitting import STRETCH
from pipeline.pictures.frame_access import frames_by_number, frames_shown_at
from pipeline.text import count_text

EARLY = Fraction(1, 100)
"""Seconds by which a container's clock may show a frame too early: a GIF counts in hundredths of a second."""


@dataclass(frozen=True)
class Alignment:
    """The frames that are compared."""

    pairs: tuple[tuple[int, int], ...]
    """Number of the input's frame and of the painting's, for each; neither ever falls."""
    times: tuple[Fraction, ...]
    """When each is shown, in seconds."""
    duration: Fraction
    rate: Fraction
    variable: bool
    notes: tuple[str, ...]
    """What a person should know of the choice, a sentence each."""


def align_frames(source: VideoInfo, painting: VideoInfo) -> Alignment:
    """Align two clips: by number where both have as many frames, by time where they last equally long.

    Matched by time, the clip with fewer frames leads, and each of its frames is compared with what the other one shows
    at that moment.

    :raises UsageError: they do not belong together: proportions, or both count and duration differ; or there are
        fewer than two frames.
    """
    _check_proportions(source, painting)
    if min(source.frames, painting.frames) < 2:
        few = source if source.frames < 2 else painting
        raise UsageError(f"{few.path}: there is only one frame. Flicker needs two clips of at least two frames each.")
    if source.frames == painting.frames:
        return _align_by_number(source, painting)
    _check_durations(source, painting)
    lead, other = (painting, source) if painting.frames < source.frames else (source, painting)
    early = min(EARLY, other.duration / other.frames / 4)
    shown = frames_shown_at(other.times, (time + early for time in lead.times))
    pairs = tuple((one, number) if lead is painting else (number, one) for number, one in enumerate(shown))
    note = (
        f"{source.path.name} has {count_text(source.frames, 'frame')} ({_rate(source)} a second), "
        f"{painting.path.name} has {painting.frames} ({_rate(painting)}): each frame of {lead.path.name} is compared "
        "with the one shown at the same time."
    )
    return Alignment(pairs, lead.times, lead.duration, lead.rate, lead.variable, (note,))


def aligned_frames(
    source: FrameSource, painting: FrameSource, pairs: Sequence[tuple[int, int]]
) -> Generator[tuple[Image, Image], None, None]:
    """The pairs that `align_frames` chose, both in the painting's size."""
    width, height = painting.info.width, painting.info.height
    contents = frames_by_number(source, (content for content, _ in pairs))
    paintings = frames_by_number(painting, (painted for _, painted in pairs))
    with closing(contents), closing(paintings):
        for content, painted in zip(contents, paintings, strict=True):
            yield resize(content, width, height), painted


def aligned_inputs(source: FrameSource, pairs: Sequence[tuple[int, int]]) -> Generator[Image, None, None]:
    """The input's frames alone, in its own size."""
    yield from frames_by_number(source, (content for content, _ in pairs))


def _align_by_number(source: VideoInfo, painting: VideoInfo) -> Alignment:
    notes: tuple[str, ...] = ()
    both_timed = "folder" not in (source.kind, painting.kind)
    if both_timed and abs(source.duration - painting.duration) > 2 * source.duration / source.frames:
        notes = (
            f"Both have {count_text(source.frames, 'frame')}, but {source.path.name} lasts {_seconds(source)} and "
            f"{painting.path.name} {_seconds(painting)}: they are matched by number, and times are the input's.",
        )
    # A folder knows no times of its own.
    clock = painting if source.kind == "folder" else source
    pairs = tuple((number, number) for number in range(source.frames))
    return Alignment(pairs, clock.times, clock.duration, clock.rate, clock.variable, notes)


def _check_proportions(source: VideoInfo, painting: VideoInfo) -> None:
    """The height may be off by the two pixels to which codecs round, and by `STRETCH`."""
    # Before any resizing, which rounds as well.
    width, height = source.kept if all(source.kept) else (source.width, source.height)
    if abs(height * painting.width / width - painting.height) <= 2 + STRETCH * painting.height:
        return
    raise UsageError(
        f"{painting.path} ({painting.width}x{painting.height}) does not have the proportions of {source.path} "
        f"({width}x{height}), so their pixels cannot be compared. Name the clip that it was painted from."
    )


def _check_durations(source: VideoInfo, painting: VideoInfo) -> None:
    for info in (source, painting):
        if info.kind == "folder":
            raise UsageError(
                f"{source.path} has {count_text(source.frames, 'frame')} and {painting.path} has {painting.frames}, "
                "and the pictures of a folder have no times to match them by. Name with --frames A:B the frames of the "
                "input that were painted."
            )
    slack = max(2 * max(info.duration / info.frames for info in (source, painting)), source.duration / 50)
    if abs(source.duration - painting.duration) <= slack:
        return
    raise UsageError(
        f"{painting.path} ({count_text(painting.frames, 'frame')}, {_seconds(painting)}) does not last as long as "
        f"{source.path} ({count_text(source.frames, 'frame')}, {_seconds(source)}), so it is unknown which frames "
        "belong together. If only a part was painted, name it with --frames A:B; otherwise name the clip that it was "
        "painted from."
    )


def _seconds(info: VideoInfo) -> str:
    return f"{float(info.duration):.2f} s"


def _rate(info: VideoInfo) -> str:
    return f"{float(info.rate):.4g}"
