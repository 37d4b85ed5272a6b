"""Texts that a user writes, turned into what jobs want."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from pipeline.errors import UsageError

RANGE = re.compile(r"(\d*):(\d*)")
BYTES = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*([kmg]?i?)b?", re.IGNORECASE)
UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}

OF_CLIPS = ("carried_steps", "carry", "flow", "temporal_weight", "long_term", "passes", "loop", "cuts")
"""Settings that do nothing to a picture."""
OF_A_PICTURE = {"passes": 1, "loop": False}
"""What nevertheless is true of one."""


def refuse_clip_settings(given: Mapping[str, object]) -> None:
    """Make sure that nothing is asked of a picture that only a clip can have.

    :param given: settings that were typed for this very picture. A file of settings may serve clips as well.
    :raises UsageError: one of them does nothing to a picture.
    """
    for name, value in given.items():
        if name in OF_CLIPS and OF_A_PICTURE.get(name) != value:
            raise UsageError(
                f"{name} is a setting of clips and does nothing to a single picture, which is painted once. Leave out "
                f"--set {name}=...; 'reelbrush video' paints clips."
            )


def parse_frames(text: str) -> tuple[int | None, int | None]:
    """'A:B' -> (A, B): from frame A (counted from 0) up to, not including, B; either may be left out.

    :raises UsageError: not of that form, or nothing between the two.
    """
    found = RANGE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--frames {text!r} is not a range. Write A:B, for instance 0:48, 100: or :25.")
    first, last = (int(part) if part else None for part in found.groups())
    if last is not None and last <= (first or 0):
        raise UsageError(f"--frames {text!r} holds no frame: the end has to lie behind the start.")
    return first, last


def parse_rate(text: str) -> Fraction:
    """'25', '12.5' or '24000/1001' -> frames a second.

    :raises UsageError: not a number above zero, or above 1000.
    """
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps {text!r} is not a frame rate. Write for instance 25, 12.5 or 24000/1001.")
    return rate


def parse_bytes(text: str) -> int:
    """'5MB', '800kB', '1.5 MB', '512KiB' or '300000' -> how many bytes that is; a kB has 1000 of them.

    :raises UsageError: no number of bytes above zero.
    """
    found = BYTES.fullmatch(text.strip())
    count = int(Fraction(found[1]) * UNITS.get(found[2].lower(), 0)) if found else 0
    if count < 1:
        raise UsageError(f"--max-bytes {text!r} is no size of a file. Write for instance 5MB, 800kB or 1.5MB.")
    return count


def parse_names(text: str) -> tuple[str, ...]:
    """'conv1_1, conv2_1' -> the names, in order, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def parse_ratios(text: str) -> tuple[float, ...]:
    """'0.01, 0.1, 1' -> the numbers.

    :raises UsageError: one of them is no number above zero.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < ratio < float("inf") for ratio in found):
        raise UsageError(f"--ratios {text!r} is not a list of numbers above zero. Write for instance 0.01,0.1,1.")
    return found
