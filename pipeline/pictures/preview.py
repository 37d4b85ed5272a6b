"""`reelbrush preview`: frames of a clip under several settings on one sheet, and the command for each."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.batch.plan.blends import Blend, each_once, find_styles, labels
from pipeline.batch.plan.inputs import Input
from pipeline.batch.plan.item import Item
from pipeline.batch.plan.mistakes import Mistakes
from pipeline.batch.plan.naming import ending_for
from pipeline.batch.plan.options import Options
from pipeline.batch.plan.values import with_values
from pipeline.clip.styles import part_text
from pipeline.errors import UsageError
from pipeline.file_kind import no_file
from pipeline.media import check_picture_output, refuse_existing, refuse_same_file, write_picture
from pipeline.pictures.jobs import PreviewJob
from pipeline.pictures.lettering import is_legible
from pipeline.signals import defer_signals
from pipeline.text import number_text
from pipeline.types import OnCount

if TYPE_CHECKING:
    from pipeline.pictures.preview_paintings import Preview

STRENGTHS = (0.25, 0.5, 0.75)
"""That are compared where none are asked for."""


@dataclass(frozen=True)
class PreviewResult:
    """What was made."""

    cells: tuple[tuple[str, str], ...]
    """For each what it is and what it costs ('' where nothing was painted), and its command, ready for a shell."""
    notes: tuple[str, ...]


def run_preview(job: PreviewJob, on_count: OnCount) -> PreviewResult:
    """Paint the sheet, if it is wanted, and write the commands.

    :raises ReelbrushError: something cannot be read, painted or written.
    """
    items, cell = preview_items(job), job.cell
    if cell is not None and cell > len(items):
        raise UsageError(f"There is no cell {cell}: with these styles and strengths there are {len(items)}.")
    commands = [command_line(item, job.written) for item in items]
    heads, notes = [""] * len(items), tuple[str, ...]()
    if job.output is not None:
        check_picture_output(job.output)
        for path in dict.fromkeys(path for item in items for path in item.files_read):
            refuse_same_file(path, (job.output,))
        # A name that was mistyped is told before torch is imported.
        with defer_signals():
            from pipeline.pictures.preview_paintings import paint_preview
            from pipeline.pictures.preview_sheet import preview_sheet
        exists = partial(refuse_existing, job.output, job.overwrite)
        preview = paint_preview(items, job.count, job.device, on_count, exists)
        write_picture(job.output, preview_sheet(preview), overwrite=job.overwrite)
        heads = [
            f"{one.number}: {', '.join((one.style_name, one.strength_text, *one.cost.texts()))}"
            for one in preview.cells
        ]
        notes = _notes(preview)
    cells = tuple(zip(heads, commands, strict=True))
    return PreviewResult(cells if cell is None else cells[cell - 1 : cell], notes)


def preview_items(job: PreviewJob) -> list[Item]:
    """The job under every style and strength, in this order.

    :raises UsageError, SettingsError: with all that is wrong, a line each.
    """
    mistakes, home = Mistakes(), Path.cwd()
    options = with_values(
        Options(), {key: value for key, value in job.options.items() if value is not None}, home, mistakes
    )
    blends: list[Blend] = []
    for text in job.styles:
        with mistakes.collected():
            blends += find_styles(text, home)
    if not job.source.exists():
        with mistakes.collected():
            raise UsageError(no_file(job.source, "file or folder"))
    mistakes.check()
    blends = each_once(blends)
    names = labels(blends)
    ending = ending_for(Input(job.source, job.source.parent, job.source.is_dir(), searched=False), None)
    items = []
    for blend in blends:
        for strength in dict.fromkeys(job.strengths or STRENGTHS):
            # In hundredths, without a point, behind which an ending would be looked for.
            hundredths = f"{100 * strength:g}".replace(".", "_")
            output = Path(f"{job.source.resolve().stem}-{names[blend]}-{hundredths}{ending}")
            settings = {**options.settings, "strength": float(strength)}
            items.append(Item(output.name, job.source, blend, output, **{**options.shared(), "settings": settings}))
    if items[0].still and (options.frames is not None or options.fps is not None or options.keyframes):
        raise UsageError(f"{job.source} is a picture; --frames, --fps and --keyframe are for clips. Leave them out.")
    return items


def command_line(item: Item, written: Sequence[str]) -> str:
    """What paints it, ready for a shell.

    :param written: options as they were given.
    """
    return shlex.join(command_words(item, written))


def command_words(item: Item, written: Sequence[str]) -> list[str]:
    """The same word by word."""
    several = len(item.styles) > 1
    styles = [
        _short(style.path)
        + part_text(style.part)
        + (f":{number_text(style.weight)}" if several or style.weight != 1 else "")
        for style in item.styles
    ]
    words = ["reelbrush", "image" if item.still else "video", str(item.source)]
    words += [word for style in styles for word in ("--style", style)]
    words += ["--strength", number_text(item.settings["strength"]), *written]
    return [*words, "-o", str(item.output)]


def _notes(preview: Preview) -> tuple[str, ...]:
    cell = preview.cells[0]
    height, width = preview.frames[0].image.shape[:2]
    differs = (
        f"The sheet is painted at {width}x{height} in {preview.draft.steps} steps, the job at {preview.width}x"
        f"{preview.height} in {cell.settings.steps}: its strokes are finer against the whole, and the style "
        "goes further."
    )
    alone = "Each frame is painted by itself here; in the job it starts from the one before it."
    least = (
        "Disk is what the result and the frames on the way to it take together; time and memory were measured with a "
        "few steps."
    )
    names = dict.fromkeys((cell.item.source.name, *(one.style_name for one in preview.cells)))
    odd = [f"The sheet has no letters for {name}; it stands there without its name." for name in names
           if not is_legible(name)]  # fmt: skip
    same = (width, height, preview.draft.steps) == (preview.width, preview.height, cell.settings.steps)
    return (*([] if same else [differs]), *([] if cell.item.still else [alone]), least, *odd)


def _short(path: Path) -> str:
    """A path as one would type it here."""
    home = Path.cwd()
    return str(path.relative_to(home) if path.is_relative_to(home) else path)
