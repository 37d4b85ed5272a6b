"""What a painting was made from before and what it would be made from now: what is different, in words."""

from __future__ import annotations

import json

_WORDS = {
    "input": "the input",
    "styles": "the style",
    "network": "the network",
    "reelbrush": "the version of Reelbrush",
    "frames": "--frames",
    "fps": "--fps",
    "upscale": "--upscale",
    "codec": "--codec",
    "quality": "--quality",
    "gif": "--gif",
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
