"""The kernels of a GPU, as Triton's interpreter runs them on a CPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.network import kernels
from pipeline.network.kernels import Kernels, MotionKernels

SMALL = {"BLOCK": 32, "SUMMED": 16, "PARTS": 2}


def load_kernels(name: str, interpreted: bool = True) -> ModuleType:
    """A file of kernels, such as 'stage', apart from what others may have imported of it."""
    pytest.importorskip("triton", reason="there is no Triton for this system")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", str(int(interpreted)))
        path = Path(kernels.__file__).with_name(f"{name}_kernels.py")
        spec = importlib.util.spec_from_file_location(f"{name}_{interpreted}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    if interpreted:
        # Sums over blocks are taken number by number.
        for size, small in SMALL.items():
            if hasattr(module, size):
                setattr(module, size, small)
    return module


def interpreted_motion_kernels() -> MotionKernels:
    """Those that find motion."""
    search, refinement = load_kernels("search"), load_kernels("refinement")
    return MotionKernels(search.searched, search.densified, refinement.refined)


def interpreted_kernels() -> Kernels:
    """All of them."""
    stage, style, difference, descent = (load_kernels(one) for one in ("stage", "style", "difference", "descent"))
    return Kernels(
        stage.fused_stage,
        stage.first_stage,
        style.moment_losses,
        style.gram_losses,
        difference.squares,
        difference.roughness,
        difference.expected,
        descent.descend,
    )
