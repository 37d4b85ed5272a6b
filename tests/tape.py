"""A recorder for the CPU that is as blind as a CUDA graph: it takes down which operations ran on which tensors, and
replays these and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from pipeline.network.device_graph import Work

READS_BACK = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default}
# Values that come from the host: a graph would have to wait for them, too.
COMES_FROM_THE_HOST = {torch.ops.aten.lift_fresh.default, torch.ops.aten.lift_fresh_copy.default}


class Operations(TorchDispatchMode):
    """Every operation that runs; fails where one moves a value to the host or from it."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in READS_BACK | COMES_FROM_THE_HOST:
            raise AssertionError(f"{func}: a value goes from the device to the host, or the other way")
        result = func(*args, **(kwargs or {}))
        self.ran.append((func, args, kwargs or {}, result))
        return result


class Tape:
    """See above. What was recorded is counted."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def warm_up(self, work: Work) -> Tensor:
        """The work itself."""
        return work()

    def record(self, work: Work) -> tuple[Callable[[], object], Tensor]:
        """What replays it, and the result. Other than on a GPU the work runs here: what it has changed is put back."""
        self.recorded += 1
        before = _Before()
        with before, Operations() as operations:
            result = work()
        before.put_back()

        def replay() -> None:
            self.replayed += 1
            with torch.no_grad():
                for func, args, kwargs, then in operations.ran:
                    _write(then, func(*args, **kwargs))

        return replay, result


class _Before(TorchDispatchMode):
    """What stood in the memory that operations write to before the first one did."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {**dict(zip((one.name for one in func._schema.arguments), args, strict=False)), **(kwargs or {})}
        for argument in func._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                for one in tree_flatten(given.get(argument.name))[0]:
                    memory = one.untyped_storage()
                    self._held.setdefault(memory.data_ptr(), (memory, memory.clone()))
        return func(*args, **(kwargs or {}))

    def put_back(self) -> None:
        """As it was."""
        for memory, held in self._held.values():
            memory.copy_(held)


def _write(then: Any, now: Any) -> None:
    """The results of an operation to where they stood when it was recorded."""
    for one, other in zip(tree_flatten(then)[0], tree_flatten(now)[0], strict=True):
        if isinstance(one, Tensor) and one.data_ptr() != other.data_ptr():
            one.detach().copy_(other)
