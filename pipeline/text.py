"""Sizes and durations in words, exactly and as estimates."""

from __future__ import annotations


def megabytes(count: int) -> str:
    """'3 kB', '2.1 MB'."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def gigabytes(count: int) -> str:
    """The same, and '1.4 GB' from a thousand megabytes on."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else megabytes(count)


def spoken(seconds: float) -> str:
    """'45 s', '3 min 20 s', '2 h 05 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def bytes_roughly(count: int) -> str:
    """With two digits, for an estimate: '850 kB', '770 MB', '1.4 GB'."""
    value = float(f"{max(1000, count):.1e}")
    unit, name = next(pair for pair in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= pair[0])
    return f"{value / unit:.3g} {name}"


def time_roughly(seconds: float) -> str:
    """How long something takes, for an estimate: '8 s', '45 s', '5 min', '2 h 10 min', '11 h'."""
    if seconds < 115:
        step = 1 if seconds < 10 else 5 if seconds < 60 else 10
        return f"{max(1, step * round(seconds / step))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    minutes = 10 * round(seconds / 600)
    rest = f" {minutes % 60} min" if minutes % 60 and minutes < 600 else ""
    return f"{minutes // 60 if minutes < 600 else round(seconds / 3600)} h{rest}"
