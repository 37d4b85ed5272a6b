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

Inputs = tuple[Tensor | None, ...]
"""What is another for every frame: its content, float32 (1, 3, H, W), and what else it depends on."""
Build = Callable[..., Objective]
"""Of the inputs, one after the other."""
Measure = Callable[[Tensor], dict[str, ChannelStatistics]]


@dataclass
class _Kept:
    inputs: Inputs
    work: Recorded
    given: tuple[object, ...]
    """Kept, so that nothing else takes their place in memory: they are known by that."""
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

    def objective(self, build: Build, inputs: Inputs, *given: object) -> Objective:
        """What `build` makes of the inputs. What was given out for inputs of that form before is written over: a
        `StepRunner` has to have loaded it.

        :param build: reads no value back; gives the same for the same inputs and whatever is `given`.
        :param given: what it depends on beside them; the same is the same object.
        """
        kept = self._kept_for(Objective, inputs, given)
        if kept is None:
            return build(*inputs)

        def work() -> Tensor:
            kept.objective = build(*kept.inputs)
            # All of them are looked at: some are worked out of others then.
            *_, last = tensors_in(kept.objective.terms)
            return last

        kept.work(work)
        assert kept.objective is not None
        # Not the same one: a runner that has loaded it would take it for what it has.
        return kept.objective.with_terms(kept.objective.terms)

    def statistics(self, measure: Measure, content: Tensor, *given: object) -> dict[str, ChannelStatistics]:
        """What `measure` finds of a content, float32 (1, 3, H, W), as `objective`; it stays what it is."""
        kept = self._kept_for(ChannelStatistics, (content,), given)
        if kept is None:
            return measure(content)

        def work() -> Tensor:
            (seen,) = kept.inputs
            assert seen is not None
            found = measure(seen)
            kept.layers = {layer: len(one.mean) for layer, one in found.items()}
            return torch.cat([part for one in found.values() for part in (one.mean, one.variance)])

        values = kept.work(work).clone()
        parts = iter(torch.split(values, [count for count in kept.layers.values() for _ in range(2)]))
        return {layer: ChannelStatistics(next(parts), next(parts)) for layer in kept.layers}

    def _kept_for(self, kind: type, inputs: Inputs, given: tuple[object, ...]) -> _Kept | None:
        """The work for such inputs, which have been copied there; None where it should not be recorded."""
        recorder, content = self._runners.recorder, inputs[0]
        assert content is not None
        if recorder is None or content.shape[2] * content.shape[3] > KEPT_PIXELS:
            return None
        key = (kind, form_of(inputs), *map(id, given))
        kept = self._kept.pop(key, None)
        if kept is None:
            own = tuple(None if one is None else torch.empty_like(one) for one in inputs)
            kept = _Kept(own, Recorded(recorder), given)
        self._kept[key] = kept
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        for mine, other in zip(kept.inputs, inputs, strict=True):
            if mine is not None and other is not None:
                mine.copy_(other)
        return kept

    def clear(self) -> None:
        """Give back all that is kept."""
        self._kept.clear()
