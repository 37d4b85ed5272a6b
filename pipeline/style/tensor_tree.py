"""The tensors in nested frozen values, such as the terms of an objective: to copy them, and to write new ones there."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

from torch import Tensor


def tensors_in(value: object) -> Iterator[Tensor]:
    """Every tensor in it."""
    if isinstance(value, Tensor):
        yield value
    for _, part in _parts(value) or ():
        yield from tensors_in(part)


def form_of(value: object) -> Hashable:
    """What has to be the same of two objectives, for the steps of one to be those of the other with other tensors."""
    if isinstance(value, Tensor):
        return tuple(value.shape), value.stride(), value.dtype
    parts = _parts(value)
    if parts is None:
        assert isinstance(value, Hashable)
        return value
    return type(value).__name__, tuple((name, form_of(part)) for name, part in parts)


def copied(value: Any) -> Any:
    """The same with tensors of its own."""
    if isinstance(value, Tensor):
        return value.clone()
    parts = _parts(value)
    if parts is None:
        return value
    copies: dict[str, Any] = {name: copied(part) for name, part in parts}
    if isinstance(value, Mapping):
        return dict(zip(value, copies.values(), strict=True))
    if not is_dataclass(value):
        return tuple(copies.values())
    # Not made anew: what is worked out of the fields is copied with them.
    made = copy(value)
    vars(made).update(copies)
    return made


def _parts(value: object) -> Iterator[tuple[str, Any]] | None:
    """What a target is made of, by name, in an order that is always the same; None of what has no parts.

    What a dataclass works out of its fields once belongs to it.
    """
    if is_dataclass(value):
        worked_out = [name for name, one in vars(type(value)).items() if isinstance(one, cached_property)]
        return ((name, getattr(value, name)) for name in [*(one.name for one in fields(value)), *worked_out])
    if isinstance(value, Mapping):
        return ((str(key), one) for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ((str(place), one) for place, one in enumerate(value))
    return None
