"""Texts that a user writes, turned into what jobs want."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TypeAlias

from pipeline.errors import UsageError
from pipeline.text import count_text

FrameRange: TypeAlias = tuple[int | Fraction | None, int | Fraction | None]
"""Where frames begin and before which they end: a frame, counted from 0, or, as a Fraction, a time in seconds; None:
at the start, and at the end."""

BYTES = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*([kmg]?i?)b?", re.IGNORECASE)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?")
SMALLEST_FILE = 35
"""Bytes of a GIF of a single pixel: header, two colours, one image, end. Other animations take more."""
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


def parse_frames(text: str) -> FrameRange:
    """'A:B' -> (A, B): from A up to, not including, B; either may be left out. '0:48' are frames, counted from 0, and
    '1.5s:1m30s' times.

    :raises UsageError: not of that form, or nothing between the two.
    """
    start, colon, end = text.strip().lower().partition(":")
    try:
        first, last = parse_bound(start.strip()), parse_bound(end.strip() if colon else "?")
    except ValueError:
        raise UsageError(
            f"--frames {text!r} is not a range. Write A:B, for instance 0:48, 100: or :25; or times, such as 0:2s."
        ) from None
    # Which frame is shown at a time is known when the clip is opened.
    comparable = not first or type(first) is type(last)
    if last is not None and comparable and last <= (first or 0):
        raise UsageError(f"--frames {text!r} holds no frame: the end has to lie behind the start.")
    return first, last


def parse_bound(text: str) -> int | Fraction | None:
    """A frame, a time, or None for nothing said.

    :raises ValueError: it is none of them.
    """
    if not text or text.isdecimal():
        return int(text) if text else None
    found = SPAN.fullmatch(text)
    # A number with a point, and without a unit, could be either.
    if not found or not text[-1].isalpha():
        raise ValueError(text)
    hours, minutes, seconds = (Fraction(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


AUDIO = ("default", "all", "none")
"""Words for which audio tracks are taken."""


def parse_audio(text: str) -> str | int:
    """Which audio track: 'default', 'all', 'none', or a number from 1.

    :raises UsageError: it is none of these.
    """
    word = text.strip().lower()
    if word in AUDIO:
        return word
    if not word.isascii() or not word.isdecimal() or int(word) < 1:
        raise UsageError(f"--audio {text!r} is none of {', '.join(AUDIO)}, and no number of a track, from 1.")
    return int(word)


def frames_text(frames: FrameRange) -> str:
    """A range as `parse_frames` reads it: '0:48', '3:', '1.5s:2s'."""
    return ":".join("" if bound is None else bound_text(bound) for bound in frames)


def bound_text(bound: int | Fraction) -> str:
    """'48' for a frame, '1.5 s' without its space for a time."""
    return str(bound) if isinstance(bound, int) else f"{float(bound):.10g}s"


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
    if count < SMALLEST_FILE:
        raise UsageError(
            f"--max-bytes {text!r}: no animation is as small as {count_text(count, 'byte')}. Say of what there are so "
            "many, for instance 5MB, 800kB or 1.5MB."
        )
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


def parse_budget(text: str) -> float:
    """'8h', '90m', '1h30m', '45s' or a number of seconds -> seconds.

    :raises UsageError: not of that form, or nothing at all.
    """
    found = SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise UsageError(
            f"--budget {text!r} is not a length of time. Write for instance 8h, 90m, 1h30m or 3600 (seconds)."
        )
    return total


def parse_finish_by(text: str, now: datetime) -> datetime:
    """'07:00' -> the next time that a local clock shows this; or a date with a time, '2026-03-01 07:00'.

    :param now: what the clock of the machine shows.
    :return: with its time zone.
    :raises UsageError: no such time, or one that has passed.
    """
    now = now.astimezone()
    clock = CLOCK.fullmatch(text.strip())
    try:
        if clock:
            hour, minute, second = (int(part or 0) for part in clock.groups())
            # Without a time zone, or the night on which clocks are changed would be an hour off.
            local = now.replace(tzinfo=None)
            then = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (then if then > local else then + timedelta(days=1)).astimezone()
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    if when is None or len(text.strip()) <= len("2026-03-01"):
        raise UsageError(
            f"--finish-by {text!r} is not a time. Write a time of day such as 07:00, or a date with a time such as "
            f"{(now + timedelta(days=1)):%Y-%m-%d} 07:00."
        )
    when = when.astimezone()
    if when <= now:
        raise UsageError(f"--finish-by {text!r} has passed: it is {now:%Y-%m-%d %H:%M}. Name a time to come.")
    return when


def parse_deadline(
    budget: str | None, finish_by: str | None, clock: Callable[[], datetime] = datetime.now
) -> float | None:
    """The end that two options ask for, as `time.time()` counts; None where neither is given.

    :raises UsageError: both are given, or one cannot be read.
    """
    if budget is not None and finish_by is not None:
        raise UsageError("--budget and --finish-by both say when to be done. Give one of them.")
    if budget is not None:
        return clock().timestamp() + parse_budget(budget)
    return None if finish_by is None else parse_finish_by(finish_by, clock()).timestamp()
