"""The built-in network that is shipped: small, the one its record speaks of, and what it answers."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch

from pipeline.network.builtin import PLAN, WEIGHTS, builtin


def ramp() -> torch.Tensor:
    """A picture known by heart: red rises to the right, green downwards, blue along the diagonal."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    return torch.stack([x, y, (x + y) / 2]).unsqueeze(0)


def test_it_is_small_and_the_one_that_was_trained() -> None:
    data = WEIGHTS.read_bytes()
    assert len(data) <= 4_000_000
    record = json.loads(WEIGHTS.with_name("training.json").read_text())
    assert record["sha256"] == hashlib.sha256(data).hexdigest() == builtin().digest


def test_its_layers_carry_vggs_names() -> None:
    network = builtin()
    assert [layer for layer in network.layers if layer.endswith("_1") and layer.startswith("conv")] == [
        f"conv{block}_1" for block in range(1, 6)
    ]
    found = network.features(ramp(), ["conv4_2", "relu1_1"])
    assert found["conv4_2"].shape == (1, PLAN.blocks[3][1], 6, 8)
    assert found["relu1_1"].shape == (1, PLAN.blocks[0][0], 48, 64)


KNOWN = {
    "relu1_1": (1.49428, 13.7291),
    "relu2_2": (1.81681, 31.061),
    "relu3_2": (1.71796, 27.0897),
    "relu4_2": (1.53021, 25.9544),
    "relu5_1": (1.41649, 23.6696),
}


@pytest.mark.parametrize("layer", KNOWN)
def test_known_activations(layer: str) -> None:
    """Mean and largest value on the ramp: a changed file, layer, padding or normalisation shows here."""
    maps = builtin().features(ramp(), [layer])[layer]
    assert (float(maps.mean()), float(maps.max())) == pytest.approx(KNOWN[layer], rel=1e-4)
