"""What is written on clips that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.media.lettering import is_legible


def clip_names(paths: Sequence[Path]) -> list[str]:
    """What tells clips apart: their names, or also their folders, where these are alike."""
    names = [path.name for path in paths]
    alike = len(set(names)) < len(names)
    return [f"{path.resolve().parent.name}/{path.name}" if alike else path.name for path in paths]


def legible_labels(labels: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The labels, with numbers in place of those for which there are no letters; and what to say of it."""
    odd = [f"'{label}'" for label in labels if not is_legible(label)]
    if not odd:
        return list(labels), ()
    shown = [label if is_legible(label) else str(number) for number, label in enumerate(labels, 1)]
    whose = "its number stands" if len(odd) == 1 else "their numbers stand"
    return shown, (f"There are no letters here for {', '.join(odd)}; {whose} there instead.",)
