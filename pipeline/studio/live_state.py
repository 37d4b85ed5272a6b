"""What the page of a job shows, handed on in files: neither the job nor the page ever waits for the other.

job  -> FOLDER/state.json, 12.painting.jpg, 12.input.jpg -> page
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.text import sanitize

_STATE = "state.json"
KEPT = 4
"""Pictures that are kept; an older one is no longer shown by anybody."""
POINTS = 200
"""Of a curve, at most."""
PLAYED, SEEN = (".mp4", ".webm", ".m4v", ".mov"), (".gif", ".webp", ".apng", ".png", ".jpg")
"""Endings of what browsers play as a video and show as a picture."""
ENDED = ("done", "stopped", "failed")


@dataclass(frozen=True)
class LiveState:
    """Where a job is, for people."""

    title: str
    """What is painted."""
    text: str = "Getting ready"
    """What is being done, or how it ended."""
    share: float = 0.0
    """How much of it is done, 0 to 1."""
    state: str = "running"
    """Or one of `ENDED`."""
    pictures: int = 0
    """How many have been handed out; the last one has this number."""
    notes: tuple[str, ...] = ()
    curves: Mapping[str, Sequence[tuple[float, float]]] | None = None
    """Name -> points: where along the clip, 0 to 1, and the value, 0 to 1 of the largest."""
    result: str = ""
    """A file that a browser can show; '' where there is none."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def write_state(folder: Path, state: LiveState) -> None:
    """Hand it on.

    :raises OSError: it cannot be written.
    """
    part = folder / f"{_STATE}.part"
    part.write_text(json.dumps(asdict(state)), encoding="utf-8")
    part.replace(folder / _STATE)


def read_state(folder: Path) -> LiveState:
    """What was handed on last.

    :raises OSError: nothing was, or the job is gone.
    """
    found = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    return LiveState(**{**found, "notes": tuple(found["notes"])})


def picture_files(folder: Path, number: int) -> tuple[Path, Path]:
    """The input and the painting of a picture."""
    return folder / f"{number}.input.jpg", folder / f"{number}.painting.jpg"


def shown_result(outputs: Sequence[Path]) -> str:
    """The first of the outputs that a browser can show; '' where there is none."""
    return next((str(one.resolve()) for one in outputs if one.suffix.lower() in PLAYED + SEEN and one.is_file()), "")


def curve(values: Mapping[int, float], frames: int) -> list[tuple[float, float]]:
    """Points of what is known of some frames of a clip; of many, the largest of those that lie together."""
    top = max(values.values(), default=0.0)
    found: dict[int, float] = {}
    for frame, value in values.items():
        place = frame * min(POINTS, frames) // frames
        found[place] = max(found.get(place, 0.0), value / top if top > 0 else 0.0)
    parts = max(1, min(POINTS, frames) - 1)
    return [(round(place / parts, 4), round(value, 4)) for place, value in sorted(found.items())]


def title_of(source: Path) -> str:
    """What a page calls a job."""
    return sanitize(source.name or source.resolve().name)
