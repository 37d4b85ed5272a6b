"""Events as JSON, one object a line, for programs that watch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipeline.job.events import Event, Scanned, Stepped


def as_json(event: Event) -> str:
    """One line: {"event": "frame_done", "frame": 3, …}; paths are texts."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    return json.dumps({"event": name, **asdict(event)}, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_reporter(write: Callable[[str], None]) -> Callable[[Event], None]:
    """An `OnEvent` that writes every event but single steps and scanned frames, of which there are thousands."""

    def report(event: Event) -> None:
        if not isinstance(event, (Stepped, Scanned)):
            write(as_json(event))

    return report
