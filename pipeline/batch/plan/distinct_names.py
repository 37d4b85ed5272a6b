"""Names that would be the same, told apart."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from hashlib import sha256

Claim = frozenset[str]
"""Folded names that a thing needs for itself; one that ends in '/' is a folder, which it shares with others."""


def folded(name: str) -> str:
    """Equal for names that some file system takes for the same: macOS and Windows ignore case, macOS how accents are
    composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def digest(text: str) -> str:
    """Eight characters that depend on nothing but the text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def tell_apart(count: int, ways: int, claim: Callable[[int, int], Claim]) -> list[int]:
    """Choose for each of several things one of the ways to name it, so that no two need the same name.

    All that would be called alike change to the first later way in which they are not; nothing else does. So a name
    does not depend on the order of the things, nor on things that have nothing to do with it.

    :param count: the number of things.
    :param ways: the number of ways, from the plainest name to one that nothing else should have.
    :param claim: what a thing, by its number, needs in a way, by its number.
    :return: for each thing the number of the way. Where even the last ways are alike they stay so.
    """
    chosen, last = [0] * count, ways - 1
    claims = [claim(k, 0) for k in range(count)]
    while groups := [group for group in _alike(claims) if any(chosen[k] < last for k in group)]:
        before = list(chosen)
        for group in groups:
            later = range(min(last, max(before[k] for k in group) + 1), ways)
            found = next((way for way in later if _differ([claim(k, way) for k in group])), last)
            for k in group:
                chosen[k] = max(chosen[k], found)
        claims = [
            claim(k, way) if way != old else was
            for k, (way, old, was) in enumerate(zip(chosen, before, claims, strict=True))
        ]
    return chosen


def alike(claims: Sequence[Claim]) -> list[int]:
    """The numbers of the things that need a name which another one has."""
    return sorted({k for group in _alike(claims) for k in group})


def _alike(claims: Sequence[Claim]) -> list[list[int]]:
    """The things that need the same name; and those for which a name is a file where for others it is a folder."""
    owners: dict[str, list[int]] = defaultdict(list)
    for k, claim in enumerate(claims):
        for name in claim:
            owners[name].append(k)
    files = {name: things for name, things in owners.items() if not name.endswith("/")}
    return [things for name, things in files.items() if len(things) > 1 or f"{name}/" in owners]


def _differ(claims: Sequence[Claim]) -> bool:
    needed = [name for claim in claims for name in claim if not name.endswith("/")]
    return len(needed) == len(set(needed))
