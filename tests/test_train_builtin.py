"""The script that trains the built-in network: folding and scaling change what is stored, not what is seen."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import train_builtin as training

from pipeline.network.base import Network, StackPlan
from pipeline.network.builtin import PLAN


def photos(count: int, side: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 9, 9, generator=generator) * 255
    return F.interpolate(coarse, (side, side), mode="bilinear").to(torch.uint8)


@pytest.fixture(scope="module")
def trainee() -> training.Trainee:
    """Not trained, but with statistics in its batch norms."""
    torch.manual_seed(0)
    found = training.Trainee(4)
    found.train()
    for _ in range(3):
        found(photos(8).float() / 255)
    return found.eval()


def test_batch_norm_is_folded_away(trainee: training.Trainee) -> None:
    image = photos(1).float() / 255
    weights = training.folded(trainee)
    x = (image - trainee.mean) / trainee.std
    for suffix in ("1_1", "1_2"):
        expected = trainee.norms[suffix](trainee.convolutions[suffix](x))
        found = F.conv2d(x, weights[f"conv{suffix}.weight"], weights[f"conv{suffix}.bias"], padding=1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        x = F.relu(expected)


def test_every_map_is_scaled_and_the_picture_seen_is_the_same(trainee: training.Trainee) -> None:
    """Up to a factor a map; maps that answer as much as the others of their layer have a mean of one."""
    pictures = photos(6)
    plain = training.folded(trainee)
    scaled = training.with_mean_activation_one(plain, pictures)
    before, after = (
        Network(training_plan(), weights).features(pictures.float() / 255, ["relu3_1", "relu5_1"])
        for weights in (plain, scaled)
    )
    for layer, maps in after.items():
        means, raw = maps.mean((0, 2, 3)), before[layer].mean((0, 2, 3))
        usual = raw > 0.1 * raw.mean()
        assert usual.any()
        torch.testing.assert_close(means[usual], torch.ones_like(means[usual]), rtol=1e-3, atol=1e-3)
        gain = (means / raw.clamp(min=1e-12)).view(1, -1, 1, 1)
        torch.testing.assert_close(maps[:, usual], (before[layer] * gain)[:, usual], rtol=1e-2, atol=1e-3)


def training_plan() -> StackPlan:
    """The network as it is trained: zeros beyond the border."""
    return replace(PLAN, padding="zeros")


def test_a_few_steps_give_weights_that_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(photos(4)):
        Pillow.fromarray(np.ascontiguousarray(photo.permute(1, 2, 0).numpy())).save(folder / f"{number}.png")
    out = tmp_path / "out"
    monkeypatch.setattr(training, "HELD_OUT_CROPS", 128)
    arguments = [str(folder), "--out", str(out), "--steps", "2", "--batch", "4", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["train_builtin.py", *arguments])
    training.main()
    network = Network(PLAN, load_file(out / "weights.safetensors"))
    assert torch.isfinite(network.features(photos(1).float() / 255, ["relu5_1"])["relu5_1"]).all()
    assert json.loads((out / "training.json").read_text())["photos"] == 4
