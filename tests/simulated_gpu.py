"""A GPU that is not there: its tensors are computed by the CPU, and refused wherever they meet one of the CPU, as CUDA
refuses them. It shows what is left behind in the wrong memory, on any machine.

Its steps are recorded on `tape.Tape`; its kernels run in Triton's interpreter, or not at all. What it cannot show:
speed, numbers of other hardware, copies that are still under way, and graphs as CUDA records them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial, wraps
from typing import Any
from unittest.mock import patch

import torch
from tape import Tape
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten
from torch.utils.weak import WeakIdKeyDictionary

from pipeline.clip import still
from pipeline.motion import device_flow
from pipeline.network import base
from pipeline.network.kernels import Kernels, MotionKernels
from pipeline.style import objective, optimizers, step_runner

GPU = torch.device("cuda", 0)
aten = torch.ops.aten
FROM_BOTH = {aten.copy_.default, aten.index.Tensor, aten._index_put_impl_.default, aten.index_put_.default}
"""Operations that take tensors of the CPU beside those of a GPU."""
MAKERS = (
    *("empty", "zeros", "ones", "full", "tensor", "as_tensor", "arange", "linspace", "eye", "rand", "randn"),
    *("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like"),
)
"""Functions of torch that are told the device."""

_to = Tensor.to
_of_autograd: Any = WeakIdKeyDictionary()
_launches: list[Callable[[list[Tensor]], None]] = []

# Starting a kernel is no operation of torch. Here it is one, so that it is recorded with the others.
_library = torch.library.Library("simulated", "DEF")
_library.define("launch(int number, Tensor(a!)[] tensors) -> ()")
_library.impl("launch", lambda number, tensors: _launches[number](tensors), "CompositeExplicitAutograd")


class OnGpu(Tensor):
    """A tensor of that GPU. For torch's own code it is one of the CPU; all of ours sees the GPU."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> OnGpu:
        made: OnGpu = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=held.device,
        )
        made.held = held.detach()
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        given = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
        if func not in FROM_BOTH:
            refuse_strangers(func, given)
        if kwargs.get("device") is not None:
            # From torch's own code: what Python asks for, `moved` and `_making` have seen to.
            kwargs["device"] = torch.device("cpu")
        if func is aten.copy_.default and not isinstance(args[0], OnGpu):
            args[0].copy_(args[1].held)
            return args[0]
        if func is aten.mm.dtype:
            one, other = _held(args[:2])
            return OnGpu(one.float() @ other.float())
        result = func(*_held(args), **_held(kwargs))
        return return_and_correct_aliasing(func, args, kwargs, tree_map_only(Tensor, OnGpu, result))

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return GPU

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        return moved(self, *args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> Tensor:
        return moved(self, "cpu")

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    def new_tensor(self, *args: Any, **kwargs: Any) -> Tensor:
        return OnGpu(self.held.new_tensor(*args, **kwargs))

    def __deepcopy__(self, memo: Any) -> Tensor:
        return OnGpu(self.held.clone())

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A file of tensors is read to the CPU whatever they were on.
        return self.held.__reduce_ex__(protocol)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"OnGpu({self.held!r})"


def _held(values: Any) -> Any:
    return tree_map_only(OnGpu, lambda one: one.held, values)


def refuse_strangers(work: object, given: list[Tensor]) -> None:
    """:raises RuntimeError: tensors of both kinds; a single number may come from the CPU."""
    if any(one.dim() and not isinstance(one, OnGpu) and not _is_of_autograd(one) for one in given):
        kinds = ", ".join(f"{tuple(one.shape)} on {one.device.type}" for one in given)
        raise RuntimeError(f"{work}: expected all tensors to be on the same device, but got {kinds}")


def _is_of_autograd(one: Tensor) -> bool:
    """Whether it is the zeros that autograd makes where a result got no gradient: it would make them on the GPU. They
    are known again when a step is replayed."""
    if one not in _of_autograd and torch._C._current_graph_task_id() != -1:
        with torch.utils._python_dispatch._disable_current_modes():
            if not one.any():
                _of_autograd[one] = True
    return one in _of_autograd


class _Upload(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, one: Tensor) -> Tensor:
        return OnGpu(one.detach().clone())

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient.held


class _Download(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, one: Any) -> Tensor:
        held: Tensor = one.held
        return held.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return OnGpu(gradient)


def moved(one: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to`, for both kinds."""
    copy = kwargs.pop("copy", False)
    if args and isinstance(args[0], Tensor):
        args = (args[0].device, args[0].dtype)
    device, dtype, _, form = torch._C._nn._parse_to(*args, **kwargs)  # type: ignore[attr-defined]
    stored = {} if form is None else {"memory_format": form}
    converted: Tensor = _to(one, dtype=one.dtype if dtype is None else dtype, copy=copy, **stored)
    here = isinstance(one, OnGpu)
    if here == (here if device is None else device.type == "cuda"):
        return converted
    travelled: Tensor = (_Download if here else _Upload).apply(converted)
    return travelled


def _making(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(make)
    def made(*args: Any, device: Any = None, pin_memory: bool = False, **kwargs: Any) -> Tensor:
        if device is None:
            return make(*args, **kwargs)
        gradient = kwargs.pop("requires_grad", False)
        result = make(*_held(args), device="cpu", **kwargs)
        return (OnGpu(result) if torch.device(device).type == "cuda" else result).requires_grad_(gradient)

    return made


def _launching(launch: Callable[..., None]) -> Callable[..., None]:
    def launched(executor: Any, *args: Any, **kwargs: Any) -> None:
        values, form = tree_flatten((args, kwargs))
        places = [n for n, one in enumerate(values) if isinstance(one, Tensor)]
        tensors = [values[n] for n in places]
        if any(isinstance(one, OnGpu) for one in tensors):
            refuse_strangers(executor.fn, [one[None] if one.dim() == 0 else one for one in tensors])

        def run(held: list[Tensor]) -> None:
            now = dict(enumerate(values)) | dict(zip(places, held, strict=True))
            args, kwargs = tree_unflatten(now.values(), form)
            launch(executor, *args, **kwargs)

        _launches.append(run)
        torch.ops.simulated.launch(len(_launches) - 1, tensors)

    return launched


class _Stream:
    def __init__(self, device: object = None) -> None: ...

    def wait_stream(self, other: _Stream) -> None: ...


def _tape(device: torch.device) -> Tape | None:
    return Tape() if device.type == "cuda" else None


def _only_there(there: Any, device: torch.device) -> Any:
    return there if device.type == "cuda" else None


@contextmanager
def simulated_gpu(painting: Kernels | None = None, motion: MotionKernels | None = None) -> Iterator[None]:
    """A machine with that GPU.

    :param painting, motion: its kernels, see `interpreted`; it has none otherwise.
    """
    cuda: dict[str, Any] = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "get_device_name": lambda *_: "simulated",
        "get_device_capability": lambda *_: (9, 0),
        "max_memory_reserved": lambda *_: 2**30,
        "synchronize": lambda *_: None,
        "empty_cache": lambda: None,
        "Stream": _Stream,
        "current_stream": _Stream,
        "stream": lambda *_: nullcontext(),
        "device": lambda *_: nullcontext(),
    }
    changes: list[tuple[Any, str, Any]] = [
        *((torch.cuda, name, value) for name, value in cuda.items()),
        *((torch, name, _making(getattr(torch, name))) for name in MAKERS),
        (Tensor, "to", moved),
        # What a parameter holds would be exchanged, and the parameter itself stay one of the CPU.
        (torch.__future__, "_overwrite_module_params_on_conversion", True),
        # It asks the driver.
        *(
            (torch.optim.Optimizer, name, lambda self: None)
            for name in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check")
            if hasattr(torch.optim.Optimizer, name)
        ),
        *((module, "recorder_of", _tape) for module in (step_runner, device_flow)),
        *((module, "kernels_on", partial(_only_there, painting)) for module in (base, objective, optimizers, still)),
        (device_flow, "motion_kernels_on", partial(_only_there, motion)),
    ]
    with suppress(ImportError):
        from triton.runtime.interpreter import GridExecutor

        changes.append((GridExecutor, "__call__", _launching(GridExecutor.__call__)))
    with ExitStack() as changed:
        # What kernels were given would stay in memory.
        changed.callback(_launches.clear)
        for change in changes:
            changed.enter_context(patch.object(*change))
        yield
