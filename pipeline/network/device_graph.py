"""Work that is recorded once and replayed, where a device would wait for every piece of it to be launched."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import torch
from torch import Tensor

from pipeline.network.device import waits_for_launches
from pipeline.network.memory import is_out_of_memory

ALONE = threading.RLock()
"""Held while something is recorded, and by whoever has a device work beside the painting: what a thread records is that
thread's alone, but whatever waits for the whole device must not do so meanwhile."""

Work = Callable[[], Tensor]
"""Works on tensors that stay where they are, reads none of their values, and gives its result."""


class Recorder(Protocol):
    """How a device records work."""

    def warm_up(self, work: Work) -> Tensor:
        """Do the work as it is, such that it can be recorded after that."""
        ...

    def record(self, work: Work) -> tuple[Callable[[], object], Tensor]:
        """Record the work without doing it.

        :return: what does it, and where its result will stand each time.
        """
        ...


class CudaGraphs:
    """CUDA graphs. All of them share one pool of memory: they are never replayed two at a time, and what a replay
    leaves there beside its result is of no use to the next."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        # Every piece of work is warmed up and recorded on the stream that its workspaces belong to.
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> Tensor:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = work()
        current.wait_stream(self._stream)
        return result

    def record(self, work: Work) -> tuple[Callable[[], object], Tensor]:
        # torch.cuda.graph does the same, and would have torch import its compiler, which takes seconds.
        graph = torch.cuda.CUDAGraph()
        with ALONE, torch.cuda.stream(self._stream):
            torch.cuda.synchronize(self._device)
            # What other threads do meanwhile, such as the motion of frames ahead, is not recorded.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = work()
            except BaseException:
                with suppress(RuntimeError):
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph.replay, result


def recorder_of(device: torch.device) -> Recorder | None:
    """How a device records work; None where that gains nothing."""
    return CudaGraphs(device) if waits_for_launches(device) else None


class Recorded:
    """Work that is done as it is the first time, recorded the second time, and replayed from then on.

    It is given with each call and not kept: whoever owns both would wait, with all its tensors, for the search for
    cycles.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        """
        :param recorder: None does the work as it is each time.
        """
        self._recorder = recorder
        self._warm = False
        self._replay: Callable[[], object] | None = None
        self._result: Tensor

    def __call__(self, work: Work) -> Tensor:
        """Do the work. The result is written over by the next call.

        :param work: the same each time.
        :raises RuntimeError: memory ran out, or whatever the work itself raises.
        """
        if self._recorder is None:
            return work()
        if not self._warm:
            self._warm = True
            return self._recorder.warm_up(work)
        if self._replay is None and not self._record(self._recorder, work):
            return work()
        assert self._replay is not None
        self._replay()
        return self._result

    def _record(self, recorder: Recorder, work: Work) -> bool:
        try:
            self._replay, self._result = recorder.record(work)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            # The work itself is sound: it has been done once. It goes on as it is, slower by far, and that is said.
            warnings.warn(
                f"The steps of a painting cannot be recorded on this device, so each is launched piece by piece, which "
                f"is slower: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            self._recorder = None
        return self._replay is not None
