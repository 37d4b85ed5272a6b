"""Small paintings that are painted again, and how a test changes what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jobs import SMALL, paint_picture

from pipeline.clip.events import Event, Started
from pipeline.clip.jobs import ReplayJob
from pipeline.clip.provenance import JOB
from pipeline.clip.replay import run_replay
from pipeline.media import read_metadata, read_picture, write_picture
from reelbrush import stylize_image


def paint_once(folder: Path) -> Path:
    """Make a picture `c.png`, its style `s.png` and its painting `o.png` in a folder. Returns that."""
    paint_picture(folder / "c.png")
    paint_picture(folder / "s.png", seed=9)
    stylize_image(folder / "c.png", folder / "s.png", folder / "o.png", **still())
    return folder


def still(**settings: Any) -> dict[str, Any]:
    return {**SMALL, "precision": "auto", "seed": 5, "start": "noise", **settings}


def again(result: Path, output: Path, **more: Any) -> list[Event]:
    """Replay on the CPU; what it told. The frames are those of the result, where the two are of one kind."""
    told: list[Event] = []
    found = run_replay(ReplayJob(result, output, device="cpu", **more), told.append)
    assert found.differing == (0 if result.suffix == output.suffix else None)
    return told


def notes(told: list[Event]) -> str:
    return " ".join(next(event for event in told if isinstance(event, Started)).notes)


def altered(painted: Path, output: Path, change: Any = None, **texts: str | None) -> Path:
    """The painting with other metadata: `change` changes the job in place, `texts` replace texts, or remove them."""
    said: dict[str, Any] = {**read_metadata(painted / "o.png"), **texts}
    if change is not None:
        job = json.loads(said[JOB])
        said[JOB] = json.dumps(change(job) or job)
    write_picture(output, read_picture(painted / "o.png"), metadata={k: v for k, v in said.items() if v is not None})
    return output
