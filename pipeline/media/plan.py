"""What a sink is to write, and what each kind of it must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from pipeline.media.frame import Image
from pipeline.media.sound import Sound


@dataclass(frozen=True)
class SinkPlan:
    """A clip to be written. The fields are the arguments of `open_sink`."""

    path: Path
    width: int
    height: int
    times: tuple[Fraction, ...]
    duration: Fraction
    rate: Fraction
    variable: bool
    sound: Sound | None
    metadata: Mapping[str, str]
    overwrite: bool
    work: Path | None


class Writer(Protocol):
    """One kind of result. `write` runs in a thread, everything else in the caller's."""

    notes: list[str]

    def write(self, image: Image, position: int) -> None:
        """Encode the frame at `position`; they come in order."""
        ...

    def seal(self) -> None:
        """Complete the part and check it. Raises an OutputError where it is not what it should be."""
        ...

    def publish(self) -> None:
        """Give the sealed part its name."""
        ...

    def interrupt(self) -> None:
        """Make a `write` that waits return soon; called from another thread."""
        ...

    def discard(self) -> None:
        """Remove every temporary file."""
        ...
