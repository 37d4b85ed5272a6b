"""What frames are painted towards, found by work that is recorded once for a size and replayed for every frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.network.device_graph import Recorded
from pipeline.style.adain import ChannelStatistics
from pipeline.style.objective import Objective
from pipeline.style.step_runner import KEPT_PIXELS, StepRunners
from pipeline.style.tensor_tree import form_of, tensors_in

MOST_KEPT = 8
"""Kinds of frames whose work is kept."""

Build = Callable[..., Objective]
"""Of a content, and of numbers where there are some."""
Measure = Callable[[Tensor], dict[str, ChannelStatistics]]


@dataclass
class _Kept:
    content: Tensor
    work: Recorded
    given: tuple[object, ...]
    """Kept, so that nothing else takes their place in memory: they are known by that."""
    numbers: Tensor | None = None
    objective: Objective | None = None
    layers: dict[str, int] = field(default_factory=dict)
    """Channels of each, of statistics."""


class RecordedObjectives:
    """Finds the objectives and statistics of frames: the network's maps of the content, and what is made of them.

    That is some three hundred small pieces of work, which take a device less time than to be launched one by one.
    """

    def __init__(self, runners: StepRunners) -> None:
        """
        :param runners: that load them; nothing is recorded where they record nothing.
        """
        self._runners = runners
        self._kept: dict[Hashable, _Kept] = {}

    def objective(self, build: Build, content: Tensor, *given: object, numbers: Tensor | None = None) -> Objective:
        """What `build` makes of a content, float32 (1, 3, H, W). What was given out for a content of that size before
        is written over: a `StepRunner` has to have loaded it.

        :param build: reads no value back; gives the same for the same content and whatever is `given`.
        :param given: what it depends on beside the content; the same is the same object.
        :param numbers: on which it depends as well, and which are others for every content.
        """
        kept = self._kept_for(Objective, content, given, numbers)
        if kept is None:
            return build(*_inputs(content, numbers))

        def work() -> Tensor:
            kept.objective = build(*_inputs(kept.content, kept.numbers))
            # All of them are looked at: some are worked out of others then.
            *_, last = tensors_in(kept.objective.terms)
            return last

        kept.work(work)
        assert kept.objective is not None
        # Not the same one: a runner that has loaded it would take it for what it has.
        return kept.objective.with_terms(kept.objective.terms)

    def statistics(self, measure: Measure, content: Tensor, *given: object) -> dict[str, ChannelStatistics]:
        """What `measure` finds of a content, as `objective`; it stays what it is."""
        kept = self._kept_for(ChannelStatistics, content, given)
        if kept is None:
            return measure(content)

        def work() -> Tensor:
            found = measure(kept.content)
            kept.layers = {layer: len(one.mean) for layer, one in found.items()}
            return torch.cat([part for one in found.values() for part in (one.mean, one.variance)])

        values = kept.work(work).clone()
        parts = iter(torch.split(values, [count for count in kept.layers.values() for _ in range(2)]))
        return {layer: ChannelStatistics(next(parts), next(parts)) for layer in kept.layers}

    def _kept_for(
        self, kind: type, content: Tensor, given: tuple[object, ...], numbers: Tensor | None = None
    ) -> _Kept | None:
        """The work for such a content, which has been copied there; None where it should not be recorded."""
        recorder = self._runners.recorder
        if recorder is None or content.shape[2] * content.shape[3] > KEPT_PIXELS:
            return None
        key = (kind, form_of(content), form_of(numbers), *map(id, given))
        own = None if numbers is None else torch.empty_like(numbers)
        kept = self._kept.pop(key, None) or _Kept(torch.empty_like(content), Recorded(recorder), given, own)
        self._kept[key] = kept
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        kept.content.copy_(content)
        if kept.numbers is not None and numbers is not None:
            kept.numbers.copy_(numbers)
        return kept

    def clear(self) -> None:
        """Give back all that is kept."""
        self._kept.clear()


def _inputs(content: Tensor, numbers: Tensor | None) -> tuple[Tensor, ...]:
    return (content,) if numbers is None else (content, numbers)
