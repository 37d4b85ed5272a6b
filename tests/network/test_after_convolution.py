"""What follows a convolution: the kernels against plain torch, on a CPU through Triton's interpreter; and compiled for
a GPU that need not be there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from tiny import CountingNetwork, picture
from torch import Tensor

from pipeline.network import after_convolution
from pipeline.network.after_convolution import Stage, plain_stage
from pipeline.network.base import Padding
from pipeline.network.row_products import PIECE, plain_row_products
from pipeline.style.losses import content_target, moments
from pipeline.style.objective import ContentTerm, Objective, StyleTerm
from pipeline.style.picture import to_tensor

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
PADDINGS: tuple[Padding, ...] = ("zeros", "replicate")


def load_kernels(interpreted: bool) -> ModuleType:
    """The file of the kernels, apart from what others may have imported of it."""
    pytest.importorskip("triton", reason="there is no Triton for this system")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", str(int(interpreted)))
        spec = importlib.util.spec_from_file_location(
            f"kernels_{interpreted}", Path(after_convolution.__file__).with_name("fused_kernels.py")
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kernels() -> Iterator[ModuleType]:
    """As they run on a CPU."""
    return load_kernels(interpreted=True)


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
    for pool, pad, keep in product((False, True), (True,) if shape[-1] == 75 else (False, True), (False, True)):
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


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("how", ["plain", "kernels"])
def test_a_network_with_stages_is_the_network(padding: Padding, how: str, request: pytest.FixtureRequest) -> None:
    """The same losses and the same gradient in the picture, at odd sizes."""
    staged = plain_stage if how == "plain" else request.getfixturevalue("kernels").fused_stage
    expected = losses_and_gradient(CountingNetwork().padded(padding), None)  # type: ignore[arg-type]
    total, gradient = losses_and_gradient(CountingNetwork().padded(padding), staged)  # type: ignore[arg-type]
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


def test_a_cpu_and_a_network_that_takes_the_maximum_have_no_stages() -> None:
    for pooling in ("average", "max"):
        network = CountingNetwork(pooling)  # type: ignore[arg-type]
        assert network.placed(torch.device("cpu"), torch.float32, torch.channels_last).stage is None


def test_a_device_whose_kernels_do_not_run_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no C compiler, for one. Here there is no GPU at all."""
    pytest.importorskip("triton")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    after_convolution._tried.cache_clear()
    with pytest.warns(RuntimeWarning, match="fused kernels do not run on this device, so painting is slower: "):
        assert after_convolution.fused_stage_on(torch.device("cuda")) is None
    assert after_convolution.fused_stage_on(torch.device("cuda")) is None, "known, and not said again"
    after_convolution._tried.cache_clear()


@pytest.mark.parametrize("many", [1, 2])
@pytest.mark.parametrize("how", ["plain", "kernels"])
def test_products_of_rows(how: str, many: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not all shares of a row have as much to do."""
    module = request.getfixturevalue("kernels")
    monkeypatch.setattr(module, "SHARES", 3)
    generator = torch.Generator().manual_seed(1)
    for size in (PIECE, 2 * PIECE):
        products = plain_row_products if how == "plain" else module.row_products
        one, other = seeded(generator, 3, size), seeded(generator, many, size)
        expected = other.double() @ one.double().T
        found = products(one, other)
        assert found.shape == (many, 3)
        assert float((found - expected).abs().max()) < 1e-6 * size**0.5 * 10


@pytest.mark.parametrize("pool", [0, 1])
def test_the_kernels_compile_for_a_gpu(pool: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter takes what the compiler refuses. Along channels, 16 bytes are read at once."""
    triton = pytest.importorskip("triton")
    compiler = pytest.importorskip("triton.backends.compiler")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    module = load_kernels(interpreted=False)
    for kernel, choices in (
        (module._forward, {"KEEP": True}),
        (module._backward, {"HANDED_ON": True, "KEPT": True, "RAW": False}),
        (module._row_products, {"COUNT": 1 + pool, "SHARES": 32, "BLOCK": 1024}),
    ):
        constants: dict[str, object] = {"POOL": pool, "PAD": 1, "POSITIONS": 32, "CHANNELS": 64, **choices}
        constants = {name: constants[name] for name in kernel.arg_names if name in constants}
        types = {
            name: "constexpr" if name in constants
            else "i32" if "height" in name or "width" in name or name in {"channels", "size", "pieces"}
            else "*fp32" if kernel is module._row_products
            else "*bf16"
            for name in kernel.arg_names
        }  # fmt: skip
        whole = {
            (place,): [["tt.divisibility", 16]]
            for place, name in enumerate(kernel.arg_names)
            if types[name][0] == "*" or name in {"channels", "size"}
        }
        source = triton.compiler.ASTSource(kernel, types, constants, whole)
        made = triton.compile(source, target=compiler.GPUTarget("cuda", 90, 32), options=module.OPTIONS)
        assert "ld.global.v4.b32" in made.asm["ptx"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_on_a_gpu(dtype: torch.dtype) -> None:
    staged = after_convolution.fused_stage_on(torch.device("cuda"))
    assert staged is not None
    for pool, pad, keep in product((False, True), repeat=3):
        raw = torch.randn((1, 70, 33, 46), device="cuda", dtype=dtype).contiguous(memory_format=torch.channels_last)
        raw.requires_grad_()
        bias, exact = torch.randn(70, device="cuda", dtype=dtype), raw.detach().double().requires_grad_()
        found, wanted = staged(raw, bias, pool, pad, keep), plain_stage(exact, bias.double(), pool, pad, keep)
        gradients = [torch.autograd.grad(F.mse_loss(one[0], torch.ones_like(one[0])), of)[0]
                     for one, of in ((found, raw), (wanted, exact))]  # fmt: skip
        tolerance = 4 * torch.finfo(dtype).eps
        torch.testing.assert_close(found[0].double(), wanted[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(gradients[0].double(), gradients[1], rtol=10 * tolerance, atol=tolerance * 1e-2)
