"""Which channels sound has, and where they go in a layout that the encoder takes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.media.ffmpeg import run

_NAMED = re.compile(r"^(\S+)\s+([A-Z0-9]+(?:\+[A-Z0-9]+)*)$", re.MULTILINE)
_CUSTOM = re.compile(r"^\d+ channels \(([A-Z0-9+]+)\)$")
_COUNTED = re.compile(r"^(\d+) channels")
_ORDERS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""What channels without a layout are taken for, by their number."""

_SAME = {
    **{"SL": "BL", "SR": "BR", "BL": "SL", "BR": "SR", "LFE2": "LFE"},
    **{"DL": "FL", "DR": "FR", "BIL": "FL", "BIR": "FR"},
}
"""Speakers that stand for one another: the surround pair is called side in one layout and back in the next."""
_NEAR = {
    **{"FC": ("FL+FR",), "BC": ("BL+BR", "SL+SR", "FL+FR"), "FLC": ("FL",), "FRC": ("FR",)},
    **{"SL": ("BL", "FL"), "SR": ("BR", "FR"), "BL": ("SL", "FL"), "BR": ("SR", "FR")},
    **{"WL": ("SL", "BL", "FL"), "WR": ("SR", "BR", "FR"), "TC": ("FC", "FL+FR")},
    **{"TFL": ("FL",), "TFC": ("FC", "FL+FR"), "TFR": ("FR",), "TSL": ("SL", "BL", "FL"), "TSR": ("SR", "BR", "FR")},
    **{"TBL": ("BL", "SL", "FL"), "TBC": ("BC", "BL+BR", "SL+SR", "FL+FR"), "TBR": ("BR", "SR", "FR")},
    **{"BFL": ("FL",), "BFC": ("FC", "FL+FR"), "BFR": ("FR",)},
}
"""Where a channel is mixed in that has no place: the first of these that all exist, 3 dB lower."""


@dataclass(frozen=True)
class Mix:
    """How the channels of a stream become those of another layout."""

    layout: str
    """Of the result, as ffmpeg calls it."""
    channels: int
    filter: str
    """What does it, for `-af`."""
    whole: bool
    """Every channel has a place of its own."""


def channel_count(layout: str) -> int:
    """How many channels a layout has; 2 where that is not known."""
    counted = _COUNTED.match(layout)
    return int(counted.group(1)) if counted else len(_layouts().get(layout, ("FL", "FR")))


def mix_for(layout: str, taken: Sequence[str]) -> Mix | None:
    """The layout among `taken` in which most channels of `layout` keep their place, and the way into it.

    :param layout: as `Stream.layout`.
    :param taken: layouts that the encoder takes.
    :return: None where the channels are not known.
    """
    channels = _channels(layout)
    if not channels:
        counted = _COUNTED.match(layout)
        return _pairs(int(counted.group(1))) if counted else None
    best = max(taken, key=lambda name: (_fit(channels, _layouts()[name]), -len(_layouts()[name])))
    into = _layouts()[best]
    whole = all(_has_place(one, channels, into) for one in channels)
    rows: dict[str, list[tuple[float, int]]] = {one: [] for one in into}
    for index, one in enumerate(channels):
        for gain, place in _places(one, channels, into):
            rows[place].append((gain, index))
    loudest = max(1.0, *(sum(gain for gain, _ in row) for row in rows.values()))
    mixed = [_row(number, row, loudest) for number, row in enumerate(rows.values())]
    return Mix(best, len(into), f"pan={best}|{'|'.join(mixed)}", whole)


def _row(number: int, row: Sequence[tuple[float, int]], loudest: float) -> str:
    # A channel that nothing goes into is silent; the filter wants a source for it all the same.
    return f"c{number}=" + ("+".join(f"{gain / loudest:.4f}*c{index}" for gain, index in row) or "0*c0")


def _pairs(count: int) -> Mix:
    """Channels of which nothing is known are pairs, as mixers and recorders number them: left, right, left, ..."""
    sides = (range(side, count, 2) for side in (0, 1))
    left, right = ([(1.0, index) for index in side] for side in sides)
    rows = (_row(0, left, len(left)), _row(1, right, len(right)))
    return Mix("stereo", 2, f"pan=stereo|{'|'.join(rows)}", whole=False)


def _channels(layout: str) -> tuple[str, ...]:
    if custom := _CUSTOM.match(layout):
        return tuple(custom.group(1).split("+"))
    counted = _COUNTED.match(layout)
    if counted and 1 <= int(counted.group(1)) <= len(_ORDERS):
        layout = _ORDERS[int(counted.group(1)) - 1]
    return _layouts().get(layout, ())


def _fit(channels: Sequence[str], into: Sequence[str]) -> int:
    """How well channels go into a layout: two for each that has a place, one for each that is heard from nearby."""
    nearby = (one in _NEAR and all(place in into for place in _NEAR[one][0].split("+")) for one in channels)
    return sum(2 if _has_place(one, channels, into) else near for one, near in zip(channels, nearby, strict=True))


def _has_place(one: str, channels: Sequence[str], into: Sequence[str]) -> bool:
    return one in into or (one in _SAME and _SAME[one] in into and _SAME[one] not in channels)


def _places(one: str, channels: Sequence[str], into: Sequence[str]) -> list[tuple[float, str]]:
    """The gains with which a channel goes into others; none for a low-frequency channel that has no place."""
    if one in into:
        return [(1.0, one)]
    if _has_place(one, channels, into):
        return [(1.0, _SAME[one])]
    for places in _NEAR.get(one, ()):
        if all(place in into for place in places.split("+")):
            return [(math.sqrt(0.5), place) for place in places.split("+")]
    return []


@lru_cache(maxsize=1)
def _layouts() -> dict[str, tuple[str, ...]]:
    """Every layout that this ffmpeg knows, with its channels in their order."""
    listed = run(["-layouts"]).out.decode("utf-8", "replace").partition("DECOMPOSITION")[2]
    return {name: tuple(channels.split("+")) for name, channels in _NAMED.findall(listed)}
