"""Events as JSON, one object a line, for programs that watch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipeline.batch.events import BatchEvent, Checking, ItemEvent
from pipeline.clip.events import Event, Scanned, Stepped


def as_json(event: Event | BatchEvent) -> str:
    """One line: {"event": "frame_done", "frame": 3, …}; paths are texts. What happens to a painting of a batch names
    it: {"event": "frame_done", "item": "a.mp4", …}."""
    if isinstance(event, ItemEvent):
        return json.dumps({"event": _name(event.event), "item": event.name, **asdict(event.event)}, default=_plain)
    return json.dumps({"event": _name(event), **asdict(event)}, default=_plain)


def _name(event: Event | BatchEvent) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_reporter(write: Callable[[str], None]) -> Callable[[Event | BatchEvent], None]:
    """An `OnEvent` that writes every event but single steps and scanned frames, of which there are thousands."""

    def report(event: Event | BatchEvent) -> None:
        what = event.event if isinstance(event, ItemEvent) else event
        if not isinstance(what, (Stepped, Scanned, Checking)):
            write(as_json(event))

    return report
