"""What is known of an item before its first frame: that it can be painted, or why not, and what has changed since it
was painted."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.batch.plan.item import Item
from pipeline.clip.output_size import output_layout
from pipeline.media.pixels import ANY_PICTURES, Pictures
from pipeline.motion.shots import Shot
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
    kept: tuple[int, int] = (0, 0)
    """As `VideoInfo.kept`: size of what is painted, before it is resized."""
    pictures: Pictures = ANY_PICTURES
    """What a codec has to take of it; its size is another one once it is written."""
    parts: tuple[Shot, ...] = ()
    """Of a clip with keyframes, what is painted anew, as far as it is known before its shots are; (): one shot."""


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
    def written(self) -> tuple[int, int]:
        """Width and height of the result."""
        subject = self.subject
        return output_layout(self.item, (subject.width, subject.height), subject.kept, not self.item.still).canvas

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


_WORDS = {
    "input": "the input",
    "styles": "the style",
    "init": "--start",
    "exemplar": "--exemplar",
    "region": "--region",
    "protect": "--protect",
    "keyframes": "--keyframe",
    "network": "the network",
    "reelbrush": "the version of Reelbrush",
    "frames": "--frames",
    "fps": "--fps",
    "cuts": "--cuts",
    "upscale": "--upscale",
    "aspect": "--aspect",
    "pad": "--pad",
    "output_size": "--output-size",
    "alpha": "--alpha",
    "depth": "--depth",
    "hdr": "--hdr",
    "codec": "--codec",
    "quality": "--quality",
    "gif": "--gif",
    "gif_size": "--gif-size",
    "gif_fps": "--gif-fps",
    "max_bytes": "--max-bytes",
    "audio": "--audio",
    "shortest": "--shortest",
    "location": "--location",
}
"""What `CheckedItem.identity` names, as a person calls it."""


def changes(before: str, now: str) -> str:
    """'the style, size 64 -> 48'; both as `CheckedItem.identity`."""
    old, new = json.loads(before), json.loads(now)
    found = [_WORDS[key] for key in _WORDS if old.get(key) != new.get(key)]
    had, has = old.get("settings", {}), new.get("settings", {})
    found += [f"{name} {had.get(name)} -> {has.get(name)}" for name in has if had.get(name) != has.get(name)]
    return ", ".join(found)


def same_input(before: str | None, now: str) -> bool:
    """Whether both were made from the same content, whatever its file is called."""
    return before is not None and json.loads(before).get("input") == json.loads(now).get("input")
