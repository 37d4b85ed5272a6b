"""How many bytes, as a person says it."""

from __future__ import annotations


def megabytes(count: int) -> str:
    """'3 kB', '2.1 MB'."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def gigabytes(count: int) -> str:
    """The same, and '1.4 GB' from a thousand megabytes on."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else megabytes(count)
