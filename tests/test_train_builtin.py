"""The training of the built-in network: what is asked of it; folding changes what is stored, not what is seen."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import train_builtin
from train_builtin import Recipe, Training
from training.photos import CANVAS, crops, read_photos
from training.tasks import NAMES, Batch, Contrast, Denoise, Rotation, statistics
from training.trainee import Trainee, folded, with_mean_activation_one

from pipeline.network.base import Network
from pipeline.network.builtin import PLAN

TINY_BLOCKS = ((4, 4), (6, 6), (8, 8), (8, 8), (8,))


def photos(count: int, side: int = 64) -> torch.Tensor:
    """Coloured clouds under light from above, uint8 (count, 3, side, side)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 9, 9, generator=generator)
    light = torch.linspace(1, 0.1, 9).view(9, 1)
    return (F.interpolate(coarse * light, (side, side), mode="bilinear") * 255).to(torch.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photos on disk."""
    found = tmp_path / "photos"
    found.mkdir()
    for number, photo in enumerate(photos(4)):
        Pillow.fromarray(np.ascontiguousarray(photo.permute(1, 2, 0).numpy())).save(found / f"{number}.png")
    return found


@pytest.fixture(scope="module")
def trainee() -> Trainee:
    """Not trained, but with statistics in its batch norms."""
    torch.manual_seed(0)
    found = Trainee(PLAN)
    found.train()
    for _ in range(3):
        found(photos(8).float() / 255)
    return found.eval()


def test_batch_norm_is_folded_away(trainee: Trainee) -> None:
    image = photos(1).float() / 255
    found = Network(PLAN, folded(trainee)).features(image, ["relu2_2", "relu5_1"])
    blocks = trainee(image)
    torch.testing.assert_close(found["relu2_2"], blocks[1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found["relu5_1"], blocks[4], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_every_map_is_scaled_and_the_picture_seen_is_the_same(trainee: Trainee, pooling: str) -> None:
    """Up to a factor a map; maps that answer as much as the others of their layer have a mean of one."""
    pictures = photos(6)
    plain = folded(trainee)
    scaled = with_mean_activation_one(PLAN, plain, pictures, pooling)  # type: ignore[arg-type]
    before, after = (
        Network(PLAN, weights, pooling).features(pictures.float() / 255, ["relu3_1", "relu5_1"])  # type: ignore[arg-type]
        for weights in (plain, scaled)
    )
    for layer, maps in after.items():
        means, raw = maps.mean((0, 2, 3)), before[layer].mean((0, 2, 3))
        usual = raw > 0.1 * raw.mean()
        assert usual.any()
        torch.testing.assert_close(means[usual], torch.ones_like(means[usual]), rtol=1e-3, atol=1e-3)
        gain = (means / raw.clamp(min=1e-12)).view(1, -1, 1, 1)
        torch.testing.assert_close(maps[:, usual], (before[layer] * gain)[:, usual], rtol=1e-2, atol=1e-3)


def test_photos_of_a_folder_and_of_a_zip_are_the_same(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"inside/{file.name}")
        archive.writestr("inside/readme.txt", "not a photo")
    found = read_photos(folder)
    assert found.shape == (4, 3, CANVAS, CANVAS)
    assert torch.equal(found, read_photos(packed))


def test_a_place_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no photo"):
        read_photos(tmp_path)
    with pytest.raises(SystemExit, match="neither a folder nor a zip"):
        read_photos(Path(__file__))


def test_crops_are_seeded_and_keep_their_colour() -> None:
    red = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    red[:, 0] = 200
    chosen = torch.zeros(20, dtype=torch.long)
    first, again = (crops(red, chosen, 16, 0.04, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == (20, 3, 16, 16)
    assert torch.equal(first, again)
    assert not torch.equal(first, crops(red, chosen, 16, 0.04, torch.Generator().manual_seed(4)))
    assert float(first.min()) >= 0 and float(first.max()) <= 1
    assert bool((first[:, 0] > 0.5).all()) and bool((first[:, 1:] < 0.3).all())


def test_statistics_are_mean_and_deviation() -> None:
    maps = torch.rand(2, 3, 8, 5, generator=torch.Generator().manual_seed(0))
    found = statistics(maps)
    torch.testing.assert_close(found[:, :3], maps.mean((2, 3)))
    torch.testing.assert_close(found[:, 3:], (maps.var((2, 3), unbiased=False) + 1e-5).sqrt())


def batch_of(count: int = 6) -> Batch:
    cut = photos(count, 32).float() / 255
    return Batch(cut, cut, torch.arange(count) % (count // 2))


def test_rotation_turns_each_crop_by_what_it_asks_for() -> None:
    batch = batch_of(12)
    Rotation(PLAN).distort(batch, torch.Generator().manual_seed(0))
    assert batch.turns is not None and len(set(batch.turns.tolist())) == 4
    for crop, seen, turn in zip(batch.crops, batch.seen, batch.turns.tolist(), strict=True):
        assert torch.equal(torch.rot90(crop, turn, (1, 2)), seen)


def test_denoising_adds_noise_and_wants_the_crops_back() -> None:
    batch = batch_of()
    task = Denoise(PLAN)
    task.distort(batch, torch.Generator().manual_seed(0))
    noise = (batch.seen - batch.crops).flatten(1).std(1)
    assert 0 < float(noise.min()) < float(noise.max()) < Denoise.NOISE
    assert float(batch.seen.min()) >= 0 and float(batch.seen.max()) <= 1
    # An answer that is right has no loss, whatever the noise.
    task.fine, task.coarse = _Answer(batch.crops), _Answer(F.avg_pool2d(batch.crops, 4))  # type: ignore[assignment]
    assert float(task.loss([torch.zeros(1)] * 5, batch)) == 0
    task.fine = _Answer(batch.crops + 0.25)  # type: ignore[assignment]
    assert float(task.loss([torch.zeros(1)] * 5, batch)) == pytest.approx(0.25)


class _Answer(torch.nn.Module):
    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.answer


def test_contrast_prefers_crops_of_one_photo_to_look_alike() -> None:
    task = Contrast(PLAN)
    task.heads = torch.nn.ModuleList([torch.nn.Identity()])
    alike = torch.eye(3).repeat(2, 1).view(6, 3, 1, 1).expand(6, 3, 2, 2)
    batch = batch_of(6)
    batch.chosen = torch.tensor([0, 1, 2, 0, 1, 2])
    right = task.loss([alike], batch)
    batch.chosen = torch.tensor([0, 1, 2, 1, 2, 0])
    assert float(right) < 0.5 * float(task.loss([alike], batch))


@pytest.mark.parametrize("name", NAMES)
def test_every_task_teaches_the_network(name: str) -> None:
    """A few steps at a tiny size lower its loss, and the gradient reaches the first convolution."""
    recipe = Recipe((name,), TINY_BLOCKS, steps=60, batch=16, crop=32, rate=1e-2)
    training = Training(recipe, photos(4))
    first = training.trainee.convolutions["1_1"].weight.detach().clone()
    losses = [training.step()[name] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.95 * np.mean(losses[:10])
    assert not torch.equal(first, training.trainee.convolutions["1_1"].weight)  # type: ignore[arg-type]


def test_tasks_mix_and_the_seed_decides() -> None:
    recipe = Recipe(("instance", "rotation", "denoise"), TINY_BLOCKS, steps=3, batch=4, crop=16)

    def weights(seed: int) -> torch.Tensor:
        training = Training(Recipe(**{**recipe.__dict__, "seed": seed}), photos(4), photos(2))
        for _ in range(3):
            assert set(training.step()) == set(recipe.tasks)
        return training.weights()["conv5_1.weight"]

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_an_adversary_hurts_and_keeps_within_its_reach() -> None:
    training = Training(Recipe(("instance",), TINY_BLOCKS, batch=8, crop=32, adversary=0.05), photos(4))
    training.tasks.eval(), training.trainee.eval()
    batch = training.batch(training.generator)
    clean, before = batch.seen, training.total(training.losses(batch)).item()
    training.disturb(batch)
    change = (batch.seen - clean).abs()
    assert 0 < float(change.max()) <= 0.05 + 1e-6
    assert training.total(training.losses(batch)).item() > before
    assert not batch.seen.requires_grad


def test_a_checkpoint_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    recipe = Recipe(("instance", "denoise"), TINY_BLOCKS, steps=4, batch=4, crop=16)
    # One after the other: dropout draws from the one generator that torch has.
    whole = Training(recipe, photos(4))
    for _ in range(4):
        whole.step()
    broken = Training(recipe, photos(4))
    for _ in range(2):
        broken.step()
    train_builtin.write_atomically(tmp_path / "checkpoint.pt", torch.save, broken.state())
    resumed = Training(recipe, photos(4))
    resumed.go_on_from(tmp_path / "checkpoint.pt")
    assert resumed.done == 2
    for _ in range(2):
        resumed.step()
    for name, weight in whole.weights().items():
        assert torch.equal(weight, resumed.weights()[name])
    other = Training(Recipe(("instance",), TINY_BLOCKS, steps=4), photos(4))
    with pytest.raises(SystemExit, match="another recipe"):
        other.go_on_from(tmp_path / "checkpoint.pt")


def test_the_script_writes_weights_that_load_and_their_recipe(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(train_builtin, "HELD_OUT_CROPS", 128)
    arguments = [str(folder), "--more", str(folder), "--out", str(out), "--device", "cpu"]
    arguments += ["--steps", "2", "--batch", "4", "--crop", "32"]
    monkeypatch.setattr(sys, "argv", ["train_builtin.py", *arguments])
    train_builtin.main()
    network = Network(PLAN, load_file(out / "weights.safetensors"))
    assert torch.isfinite(network.features(photos(1).float() / 255, ["relu5_1"])["relu5_1"]).all()
    record = json.loads((out / "training.json").read_text())
    assert (record["photos"], record["more"], record["tasks"], record["steps"]) == (4, 4, ["instance", "denoise"], 2)
    assert sorted(file.name for file in out.iterdir()) == ["training.json", "weights.safetensors"]
