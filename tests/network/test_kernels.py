"""The kernels of a GPU against plain torch, on a CPU through Triton's interpreter; and compiled for a GPU that need not
be there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from interpreted import interpreted_kernels, interpreted_motion_kernels, load_kernels
from kernel_errors import (
    LIMITS,
    descent_error,
    difference_error,
    errors_of_kernels,
    first_error,
    motion_error,
    style_error,
)
from tiny import CPU, CountingNetwork, picture
from torch import Tensor

from pipeline.network import base
from pipeline.network import kernels as kernels_file
from pipeline.network.base import Padding, Pooling
from pipeline.network.kernels import Pool, Stage, kernels_on, motion_kernels_on, plain_stage
from pipeline.style import objective, optimizers
from pipeline.style.losses import Statistic, content_target, moments
from pipeline.style.objective import ContentTerm, Objective, SmoothnessTerm, StyleTerm, TemporalTerm
from pipeline.style.optimizers import LBFGS
from pipeline.style.picture import to_tensor

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
POOLS: tuple[Pool, ...] = ("none", "average", "max")
PADDINGS: tuple[Padding, ...] = ("zeros", "replicate")


@pytest.fixture(scope="module")
def kernels() -> Iterator[ModuleType]:
    """Those of stages, as they run on a CPU."""
    yield load_kernels("stage")


def seeded(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def gradient_of(outputs: list[Tensor], weights: list[Tensor], of: Tensor) -> Tensor:
    total = sum((one * weight.to(one.dtype)).sum() for one, weight in zip(outputs, weights, strict=True))
    (gradient,) = torch.autograd.grad(total, of, retain_graph=True)  # type: ignore[arg-type]
    return gradient


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1, 5, 7, 6), torch.float32),
        ((2, 70, 3, 9), torch.float32),
        ((2, 70, 3, 9), torch.bfloat16),
        ((1, 1, 2, 3), torch.bfloat16),
        # So large that some programs see no border.
        ((1, 2, 11, 75), torch.float32),
    ],
)
def test_the_kernels_give_what_plain_torch_gives_in_float64(
    kernels: ModuleType, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """Values, and the gradient of what is handed on, of the rectified maps, and of both; to a rounding at the end."""
    eps = torch.finfo(dtype).eps
    for pool, pad, keep in product(POOLS, (True,) if shape[-1] == 75 else (False, True), (False, True)):
        generator = torch.Generator().manual_seed(1)
        raw, bias = seeded(generator, *shape).to(dtype), seeded(generator, shape[1]).to(dtype)
        raw = raw.contiguous(memory_format=torch.channels_last).requires_grad_()
        exact = raw.detach().double().requires_grad_()
        found = [one for one in kernels.fused_stage(raw, bias, pool, pad, keep) if one is not None]
        wanted = [one for one in plain_stage(exact, bias.double(), pool, pad, keep) if one is not None]
        assert len(found) == len(wanted) == 1 + keep
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one.double(), other, rtol=2 * eps, atol=2 * eps)
            assert one.dtype == dtype and one.is_contiguous(memory_format=torch.channels_last)
        weights = [seeded(generator, *one.shape).to(dtype) for one in found]
        for used in (slice(0, 1), slice(1, 2), slice(0, 2)) if keep else (slice(0, 1),):
            gradient = gradient_of(found[used], weights[used], raw)
            expected = gradient_of(wanted[used], weights[used], exact)
            torch.testing.assert_close(gradient.double(), expected, rtol=4 * eps, atol=8 * eps)
            assert gradient.dtype == dtype and gradient.is_contiguous(memory_format=torch.channels_last)


def objective_of(network: CountingNetwork) -> Objective:
    """Losses on maps before a pooling, after one, and at the end."""
    with torch.no_grad():
        style = network.features(to_tensor(picture(24, 20, 2)), LAYERS)
        content = network.features(to_tensor(picture(21, 19, 3)), ["relu1_2"])["relu1_2"]
    terms = [
        StyleTerm(
            {layer: moments(maps, "moments") for layer, maps in style.items()},
            dict.fromkeys(LAYERS, 1.0),
            1.0,
            "moments",
        ),
        ContentTerm({"relu1_2": content_target(content)}, {"relu1_2": 1.0}, 1.0),
    ]
    return Objective(network, terms)


def losses_and_gradient(network: CountingNetwork, staged: Stage | None) -> tuple[float, Tensor]:
    objective = objective_of(network)
    network.stage = staged
    image = to_tensor(picture(21, 19, 1)).requires_grad_()
    total = objective(image).total
    (gradient,) = torch.autograd.grad(total, image)
    return total.item(), gradient


@pytest.mark.parametrize(("padding", "pooling"), [("zeros", "average"), ("replicate", "average"), ("zeros", "max")])
@pytest.mark.parametrize("how", ["plain", "kernels"])
def test_a_network_with_stages_is_the_network(
    padding: Padding, pooling: Pooling, how: str, request: pytest.FixtureRequest
) -> None:
    """The same losses and the same gradient in the picture, at odd sizes."""
    staged = plain_stage if how == "plain" else request.getfixturevalue("kernels").fused_stage
    expected = losses_and_gradient(CountingNetwork(pooling).padded(padding), None)  # type: ignore[arg-type]
    total, gradient = losses_and_gradient(CountingNetwork(pooling).padded(padding), staged)  # type: ignore[arg-type]
    assert total == pytest.approx(expected[0], rel=1e-5)
    assert float((gradient - expected[1]).norm() / expected[1].norm()) < 1e-5


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("layers", [("relu1_1",), ("relu1_2", "relu2_1"), ("conv2_1", "relu1_1"), LAYERS])
def test_stages_give_every_map_that_is_asked_for(padding: Padding, layers: tuple[str, ...]) -> None:
    network, image = CountingNetwork().padded(padding), to_tensor(picture(13, 11))
    expected = network.features(image, layers)
    network.stage = plain_stage
    found = network.features(image, layers)
    assert found.keys() == expected.keys()
    for layer in layers:
        torch.testing.assert_close(found[layer], expected[layer])


def test_a_cpu_has_no_stages() -> None:
    assert CountingNetwork().placed(CPU, torch.float32, torch.channels_last).stage is None


def test_a_device_whose_kernels_do_not_run_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no C compiler, for one. Here there is no GPU at all."""
    pytest.importorskip("triton")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    kernels_file._tried.cache_clear()
    with pytest.warns(RuntimeWarning, match="fused kernels do not run on this device, so painting is slower: "):
        assert kernels_on(torch.device("cuda")) is None
    assert kernels_on(torch.device("cuda")) is None, "known, and not said again"
    kernels_file._tried.cache_clear()
    kernels_file._tried_motion.cache_clear()
    with pytest.warns(RuntimeWarning, match="kernels that find motion do not run on this device, so that is slower: "):
        assert motion_kernels_on(torch.device("cuda")) is None
    kernels_file._tried_motion.cache_clear()


@pytest.mark.heavy
def test_the_kernels_for_losses_and_steps_give_what_plain_torch_gives() -> None:
    found = {
        "first stage": first_error(load_kernels("stage").first_stage, CPU),
        "moments": style_error(load_kernels("style"), CPU, "moments"),
        "Gram matrices": style_error(load_kernels("style"), CPU, "gram"),
        "differences": difference_error(load_kernels("difference"), CPU),
        "L-BFGS": descent_error(load_kernels("descent"), CPU),
        "motion": motion_error(interpreted_motion_kernels(), CPU),
    }
    assert {name: error for name, error in found.items() if not error < LIMITS[name]} == {}


@pytest.mark.parametrize("statistic", ["moments", "gram"])
def test_an_objective_and_steps_with_kernels_are_those_without(
    statistic: Statistic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All terms, in bfloat16, at an odd size: losses, and where a few steps lead."""
    all_of_them = interpreted_kernels()
    weights = torch.rand((1, 1, 13, 11), generator=torch.Generator().manual_seed(1))
    expected = to_tensor(picture(13, 11, 4)), weights
    found = []
    for there in (None, all_of_them):
        for module in (base, objective, optimizers):
            monkeypatch.setattr(module, "kernels_on", lambda device, there=there: there)
        network = CountingNetwork().padded("replicate").placed(CPU, torch.bfloat16, torch.channels_last)
        assert (network.stage is None) == (network.first_stage is None) == (there is None)
        image = to_tensor(picture(13, 11, 1))
        with torch.no_grad():
            style = network.features(to_tensor(picture(12, 14, 2)), LAYERS)
            content = network.features(to_tensor(picture(13, 11, 3)), ["relu1_2"])["relu1_2"]
        terms = [
            StyleTerm({one: moments(maps, statistic) for one, maps in style.items()}, dict.fromkeys(LAYERS, 0.5), 2.0,
                      statistic),
            ContentTerm({"relu1_2": content_target(content)}, {"relu1_2": 1.0}, 1.0),
            SmoothnessTerm(2.0),
            TemporalTerm([expected] * 2, 50.0),
        ]  # fmt: skip
        whole = Objective(network, terms)
        losses = whole(image.clone().requires_grad_()).floats()
        optimizer = LBFGS(image, 0.1, 3)
        steps = [float(optimizer.step(whole).total) for _ in range(3)]
        found.append([*losses.values(), *steps])
    assert found[1] == pytest.approx(found[0], rel=0.03)
    assert found[1][-1] < 0.9 * found[1][0]


def compiled(module: ModuleType, name: str, constants: dict[str, object], types: dict[str, str]) -> str:
    """The code for an H100, of arrays in float32 and sizes that sixteen divides where nothing else is said."""
    triton, compiler = pytest.importorskip("triton"), pytest.importorskip("triton.backends.compiler")
    kernel = getattr(module, name)
    of = {one: "constexpr" if one in constants else types.get(one, "i32" if one in SIZES else "*fp32")
          for one in kernel.arg_names}  # fmt: skip
    constants = {one: constants[one] for one in kernel.arg_names if one in constants}
    whole = {(place,): [["tt.divisibility", 16]] for place, one in enumerate(kernel.arg_names)
             if of[one][0] == "*" or one in {"channels", "length", "size"}}  # fmt: skip
    source = triton.compiler.ASTSource(kernel, of, constants, whole)
    made = triton.compile(source, target=compiler.GPUTarget("cuda", 90, 32), options=module.OPTIONS)
    return str(made.asm["ptx"])


SIZES = {
    "height", "width", "channels", "out_height", "out_width", "known_width", "size", "programs", "length", "history",
    "positions", "parts", "share", "area", "rows", "columns", "count",
}  # fmt: skip
MAPS = dict.fromkeys(("raw", "bias", "handed_on", "rectified", "of_handed_on", "of_rectified", "known", "gradient",
                      "weight", "taps", "rows", "high", "low", "maps"), "*bf16")  # fmt: skip
STATE = {"ring": "*i32", "rows": "*fp32", "products": "*fp64", "uphill": "fp32", "back": "fp32",
         "least_cosine": "fp32", "sign": "fp32"}  # fmt: skip
POOLED = {pool: {"POOL": int(pool != "none"), "MAXIMUM": pool == "max"} for pool in POOLS}
POSITIONS = {"POSITIONS": 32, "CHANNELS": 64}
BLOCK = {"BLOCK": 2048, "PROGRAMS": 512}
PAIRS = {"HISTORY": 32, "PARTS": 32}


@pytest.mark.parametrize(
    ("file", "name", "constants", "types"),
    [
        *[("stage", "_forward", {**POOLED[pool], "PAD": 1, "KEEP": True, **POSITIONS}, MAPS) for pool in POOLS],
        *[("stage", "_backward", {**POOLED[pool], "PAD": 1, "HANDED_ON": 1, "KEPT": 1, "RAW": 0, **POSITIONS}, MAPS)
          for pool in POOLS],
        ("stage", "_first_forward", {"REPLICATE": 1, "KEEP": True, **POSITIONS}, MAPS),
        ("stage", "_first_backward", {"REPLICATE": 1, "HANDED_ON": True, "KEPT": True, **POSITIONS}, MAPS),
        ("stage", "_gather", {"REPLICATE": 1, "POSITIONS": 512}, {"taps": "*bf16"}),
        ("style", "_channel_sums", {"SUMMED": 128, "CHANNELS": 64}, MAPS),
        ("style", "_moment_loss", {"PARTS": 16, "ROWS": 8, "CHANNELS": 512}, {**MAPS, "weight": "fp32"}),
        ("style", "_gram_loss", {"RELATIVE": True, "ROWS": 8, "CHANNELS": 512},
         {**MAPS, "share": "fp32", "weight": "fp32"}),
        *[("style", "_gradient", {"SUMS": sums, "POSITIONS": 128, "WIDTH": 64, "DEPTH": 64}, MAPS)
          for sums in (False, True)],
        ("difference", "_squares", BLOCK, {"maps": "*bf16", "share": "fp32"}),
        ("difference", "_squares_gradient", BLOCK, {"maps": "*bf16", "gradient": "*bf16", "share": "fp32"}),
        ("difference", "_roughness", BLOCK, {"down_share": "fp32", "across_share": "fp32"}),
        ("difference", "_expected", {**BLOCK, "FIRST": False}, {"share": "fp32"}),
        ("descent", "_differences", BLOCK, STATE),
        ("descent", "_decide", BLOCK, {**STATE, "back": "fp32"}),
        ("descent", "_learn", BLOCK, STATE),
        ("descent", "_products", {**BLOCK, "BOTH": True, "PARTS": 32}, STATE),
        ("descent", "_solve_back", PAIRS, STATE),
        ("descent", "_solve_forward", PAIRS, {key: one for key, one in STATE.items() if key != "back"}),
        ("descent", "_combine", {**BLOCK, "SCALED": True, "SQUARES": True}, STATE),
        ("descent", "_move", BLOCK, STATE),
        ("search", "_search", {"PATCH": 8, "STRIDE": 4, "DESCENTS": 4, "PATCHES": 8}, {"damping": "fp32"}),
        ("search", "_medians", {"PIXELS": 256}, {}),
        ("search", "_densify", {"STRIDE": 4, "PIXELS": 256}, {}),
        ("refinement", "_equations", {"PIXELS": 256},
         dict.fromkeys(("smoothness", "brightness", "slopes", "rough", "flat"), "fp32")),
        ("refinement", "_sweep", {"PIXELS": 256}, {"weight": "fp32"}),
    ],
)  # fmt: skip
def test_the_kernels_compile_for_a_gpu(
    file: str, name: str, constants: dict[str, object], types: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The interpreter takes what the compiler refuses. Along channels, and along pairs, 16 bytes are read at once."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    module = load_kernels(file, interpreted=False)
    code = compiled(module, name, {**constants, "FACTORS": getattr(module, "FACTORS", None)}, types)
    if name in {"_forward", "_backward", "_channel_sums", "_products", "_combine", "_squares"}:
        assert "ld.global.v4.b32" in code
    if name in {"_first_forward", "_gradient", "_first_backward"}:
        assert "mma" in code, "a product of matrices by the units for that"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_on_a_gpu(dtype: torch.dtype) -> None:
    known = kernels_on(torch.device("cuda"))
    assert known is not None
    staged = known.stage
    for pool, pad, keep in product(POOLS, (False, True), (False, True)):
        raw = torch.randn((1, 70, 33, 46), device="cuda", dtype=dtype).contiguous(memory_format=torch.channels_last)
        raw.requires_grad_()
        bias, exact = torch.randn(70, device="cuda", dtype=dtype), raw.detach().double().requires_grad_()
        found, wanted = staged(raw, bias, pool, pad, keep), plain_stage(exact, bias.double(), pool, pad, keep)
        gradients = [torch.autograd.grad(F.mse_loss(one[0], torch.ones_like(one[0])), of)[0]
                     for one, of in ((found, raw), (wanted, exact))]  # fmt: skip
        tolerance = 4 * torch.finfo(dtype).eps
        torch.testing.assert_close(found[0].double(), wanted[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(gradients[0].double(), gradients[1], rtol=10 * tolerance, atol=tolerance * 1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_all_kernels_on_a_gpu() -> None:
    found = errors_of_kernels(torch.device("cuda"))
    assert {name: error for name, error in found.items() if not error < LIMITS[name]} == {}
