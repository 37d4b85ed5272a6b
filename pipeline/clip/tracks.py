"""The quantities of a painting over time: each goes from one keyframe that names it to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, TypeVar

from pipeline.clip.jobs import ClipJob
from pipeline.clip.keyframes import HOLD, SMOOTH, Keyframe, region_number
from pipeline.clip.styles import StylePicture
from pipeline.settings import Settings

T = TypeVar("T")
Mixture = Mapping[Any, float]
"""Shares of what is mixed, 1 together."""
STOPS = 2.0
"""Stops of an octave between two style scales, at each of which the statistics of the style are found: strokes grow,
and are no mixture of fine and coarse ones."""


@dataclass(frozen=True)
class StyleUse:
    """A style picture as some frames have it."""

    style: StylePicture
    """Its weight does not count."""
    colours: str
    scale: float | tuple[float, ...]


@dataclass(frozen=True)
class _Key:
    time: Fraction
    ease: str
    value: Any


@dataclass(frozen=True)
class Mixtures:
    """What is painted at a time."""

    strength: float
    colours: Mixture
    parts: tuple[Mixture, ...]
    """Of the rest and of each region, shares by `StyleUse`."""
    presence: tuple[float, ...]


class Tracks:
    """The quantities of a job, each over time."""

    def __init__(self, job: ClipJob, settings: Settings, timed: Sequence[tuple[Fraction, Keyframe]]) -> None:
        def track(start: Any, read: Callable[[Keyframe], Any]) -> list[_Key]:
            return _from_start([_Key(time, one.ease, read(one)) for time, one in timed if read(one) is not None], start)

        self._by_hand = _mixture([StylePicture(one.path) for one in job.exemplar])
        self._strength = track(settings.strength, lambda one: one.strength)
        self._colours = track({settings.colours: 1.0}, lambda one: {one.colours: 1.0} if one.colours else None)
        self._scale = track(settings.style_scale, lambda one: one.style_scale)
        self._styles = [track(_mixture(job.styles), lambda one: _mixture(one.styles) if one.styles else None)]
        self._presence = []
        for number, region in enumerate(job.region):
            mine = [
                (time, one.ease, key.styles)
                for time, one in timed
                for key in one.regions
                if region_number(key, job.region) == number
            ]
            styles = [_Key(time, ease, _mixture(own)) for time, ease, own in mine if own]
            presence = _from_start([_Key(time, ease, float(bool(own))) for time, ease, own in mine], 1.0)
            self._styles.append(list(_at_once(_from_start(styles, _mixture(region.styles)), presence)))
            self._presence.append(presence)

    @property
    def parts(self) -> int:
        return len(self._styles)

    def at(self, time: Fraction) -> Mixtures:
        strength = _value(self._strength, time, _between)
        colours = _value(self._colours, time, _mixed)
        scales = _value(self._scale, time, _scales, lambda scale: {scale: 1.0})
        parts = []
        for number, track in enumerate(self._styles):
            styles = _value(track, time, _mixed)
            if number == 0 and self._by_hand:
                # What was painted by hand counts as much as all others together, whatever these are.
                styles = _mixed(styles, self._by_hand, 0.5)
            parts.append(
                {
                    StyleUse(style, word, scale): a * b * c
                    for (style, a), (word, b), (scale, c) in product(styles.items(), colours.items(), scales.items())
                    if a * b * c
                }
            )
        presence = tuple(_value(track, time, _between) for track in self._presence)
        return Mixtures(strength, colours, tuple(parts), presence)


def _from_start(said: Sequence[_Key], start: Any) -> list[_Key]:
    """A track; what the options say is a keyframe at the start, unless another one is there."""
    return [*([] if said and said[0].time <= 0 else [_Key(Fraction(0), HOLD, start)]), *said]


def _at_once(styles: Sequence[_Key], presence: Sequence[_Key]) -> Iterator[_Key]:
    """The styles of a region: one that comes back from not being there has its new style from the first of it on."""
    for one in styles:
        before = next((key for key in reversed(presence) if key.time < one.time), None)
        yield one if before is None or before.value else _Key(before.time, HOLD, one.value)


def _mixture(styles: Sequence[StylePicture]) -> Mixture:
    """Shares of style pictures; one that comes twice counts for both."""
    total = sum(style.weight for style in styles)
    found: dict[StylePicture, float] = {}
    for style in styles:
        bare = StylePicture(style.path, part=style.part)
        found[bare] = found.get(bare, 0.0) + style.weight / total
    return found


def _value(
    track: Sequence[_Key],
    time: Fraction,
    between: Callable[[Any, Any, float], T],
    alone: Callable[[Any], T] = lambda value: value,
) -> T:
    """What a quantity is at a time: that of the last keyframe, or on the way from there to the next one."""
    place = sum(one.time <= time for one in track) - 1
    here, there = track[max(0, place)], track[min(place + 1, len(track) - 1)]
    if there.time <= time or there.ease == HOLD or here.value == there.value or time <= here.time:
        return alone(here.value)
    share = float((time - here.time) / (there.time - here.time))
    return between(here.value, there.value, share * share * (3 - 2 * share) if there.ease == SMOOTH else share)


def _between(one: float, other: float, share: float) -> float:
    return one + share * (other - one)


def _mixed(one: Mixture, other: Mixture, share: float) -> Mixture:
    keys = dict.fromkeys((*one, *other))
    return {key: (1 - share) * one.get(key, 0.0) + share * other.get(key, 0.0) for key in keys}


def _scales(
    one: float | tuple[float, ...], other: float | tuple[float, ...], share: float
) -> Mapping[float | tuple[float, ...], float]:
    """Between two scales by the logarithm, in stops that mix with their neighbours alone."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return {one: 1 - share, other: share}
    count = max(1, round(STOPS * abs(math.log2(other / one))))
    place = share * count
    low = min(int(place), count - 1)
    stops = [one if at == 0 else other if at == count else one * (other / one) ** (at / count) for at in (low, low + 1)]
    return {stops[0]: 1 - (place - low), stops[1]: place - low}
