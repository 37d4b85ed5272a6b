"""What is known of a painting before its first frame: that it can be made, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.batch.plan.item import Item
from pipeline.settings import Settings


@dataclass(frozen=True)
class Subject:
    """What an input is, once it is opened."""

    width: int
    height: int
    """Size of the painting in pixels."""
    frames: int
    part: tuple[int | None, int | None] | None = None
    """As `VideoInfo.part`: the frames that a range of times means."""


@dataclass(frozen=True)
class CheckedItem:
    """A painting that can be made."""

    item: Item
    subject: Subject
    settings: Settings
    identity: str
    """All that its result depends on."""
    passes: int

    @property
    def frames(self) -> int:
        """Frames to paint, every pass counted."""
        return self.subject.frames * self.passes


@dataclass(frozen=True)
class RejectedItem:
    """Why a painting cannot be made."""

    item: Item
    text: str
    """A paragraph."""
