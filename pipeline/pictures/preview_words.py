"""What is said of the cells of a preview, on its sheet and beside their commands."""

from __future__ import annotations

from pipeline.pictures.preview_cells import Cell, Cost, Preview
from pipeline.text import rough_duration_text, rough_size_text


def facts(found: Preview) -> list[str]:
    """The input in a few lines; the first one is its name."""
    height, width = found.shown[0].image.shape[:2]
    cell, size = found.cells[0], f"{found.width}x{found.height}"
    whole = f"a picture of {size}" if cell.item.still else f"{cell.frames} frames of {size}"
    return [cell.item.source.name, whole, *([f"shown at {width}x{height}"] if size != f"{width}x{height}" else [])]


def about(cell: Cell, found: Preview) -> list[str]:
    """What tells a cell from the others: its style first."""
    return [
        " + ".join(style.path.stem for style in cell.item.styles),
        f"strength {number(cell.settings.strength)}",
    ]


def costs(cost: Cost) -> list[str]:
    """What the whole job takes, as far as an estimate goes."""
    return [
        f"about {rough_duration_text(cost.seconds)}",
        f"{rough_size_text(cost.result + cost.work)} of disk",
        *([] if cost.memory is None else [f"{rough_size_text(cost.memory)} of memory"]),
    ]


def number(value: float) -> str:
    """The shortest text that is read as the same number."""
    return repr(float(value)).removesuffix(".0")
