"""How many bytes and how long, no more exactly than an estimate is."""

from __future__ import annotations


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
