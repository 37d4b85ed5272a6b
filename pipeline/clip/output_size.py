"""At which size the results of a job are written, and what a person is told of sizes."""

from __future__ import annotations

from pipeline.clip.framing import SOURCE, Framing
from pipeline.media.frame import VideoInfo
from pipeline.media.reframe import Layout, layout_of


def output_layout(framing: Framing, painted: tuple[int, int], kept: tuple[int, int], clip: bool) -> Layout:
    """From the painting to a result.

    :param painted: (width, height) at which it is painted.
    :param kept: of the part of the input that is painted, before it is resized.
    :param clip: whether a codec may want even sides.
    """
    return layout_of(painted, kept, framing.output_size, framing.ratio, framing.pad, clip)


def info_layout(framing: Framing, info: VideoInfo) -> Layout:
    """The same for a clip, by what is known of it."""
    return output_layout(framing, (info.width, info.height), info.kept, True)


def size_notes(framing: Framing, layout: Layout, source: tuple[int, int], kept: tuple[int, int]) -> tuple[str, ...]:
    """Which part of the input is painted, at which size, and at which size that is written; a sentence each.

    :param source: (width, height) of the input.
    """
    notes = []
    if kept != source:
        notes.append(f"Cropped to {framing.aspect}: the {_size(kept)} in the middle of {_size(source)}.")
    if layout.painted[0] < kept[0] or layout.painted[1] < kept[1]:
        notes.append(f"Painted at {_size(layout.painted)} of {_size(kept)}{_written(framing, layout)}.")
    elif layout.enlarges:
        notes.append(f"Painted at {_size(layout.painted)}{_written(framing, layout)}.")
    if layout.inner != layout.canvas:
        notes.append(f"Padded to {framing.aspect}: {_size(layout.inner)} between bars, {_size(layout.canvas)} in all.")
    return tuple(notes)


def _written(framing: Framing, layout: Layout) -> str:
    if layout.enlarges:
        return f", enlarged to {_size(layout.inner)} with the fine detail of the input"
    if framing.output_size is None:
        return f", and written so; --output-size {SOURCE} makes it as large as the input"
    return f", and written at {_size(layout.inner)}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
