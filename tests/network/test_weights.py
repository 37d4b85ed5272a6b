"""Weights files: read safely, kept in the cache, fetched, found again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from loopback import Loopback, serve
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.errors import WeightsError
from pipeline.network import weights as weights_module
from pipeline.network.download import ADDRESS_VARIABLE, download_vgg19, published_url
from pipeline.network.tensor_file import file_sha256, load_weights, read_metadata, save_weights, tensors_sha256
from pipeline.network.vgg import TENSORS
from pipeline.network.weights import PUBLISHED, find_vgg19, import_weights, open_vgg19, weights_table

FORMATS = ("zip.pth", "legacy.pth", "x.safetensors")


@pytest.fixture(scope="session")
def tensors() -> dict[str, Tensor]:
    """Seeded, under the names of torchvision's state dict; the classifier, nine tenths of it, is made small."""
    generator = torch.Generator().manual_seed(3)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in torchvision.models.vgg19(weights=None).state_dict().items()}
    return {
        name: torch.rand(shape if name.startswith("features") else (2,) * len(shape), generator=generator) / 100
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="session")
def published(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vgg19-<its hash>.pth, 80 MB, saved the old way as the published file is."""
    path = tmp_path_factory.mktemp("published") / "file"
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path.rename(path.with_name(f"vgg19-{file_sha256(path)[:8]}.pth"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(published: Path) -> Iterator[Loopback]:
    with serve(published.read_bytes()) as served:
        yield served


def sha8(path: Path) -> str:
    return path.stem.split("-")[1]


def write(path: Path, state: dict[str, Tensor]) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=not path.name.startswith("legacy"))
    return path


# --- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_the_same(tmp_path: Path, name: str) -> None:
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(1)}
    found = load_weights(write(tmp_path / name, state))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("part", [0.01, 0.5, 0.999])
@pytest.mark.parametrize("name", FORMATS)
def test_truncated_file(tmp_path: Path, name: str, part: float) -> None:
    path = write(tmp_path / name, {"a": torch.rand(300, 300)})
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(WeightsError, match=rf"{name} \(.* [kM]B\) cannot be read .*: it is truncated") as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"<html>please log in</html>", b"\0" * 64, b"\xff" * 8 + b"{}", b"PK\x03\x04"]
)
def test_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vgg19.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as a file of tensors"):
        load_weights(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights file .*nowhere\.pth"):
        load_weights(tmp_path / "nowhere.pth")
    with pytest.raises(WeightsError, match="Is a directory"):
        load_weights(tmp_path)
    with pytest.raises(WeightsError, match="no weights file"):
        file_sha256(tmp_path / "nowhere.pth")


class Malicious:
    """Unpickled by a careless reader, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path, mark = tmp_path / "vgg19.pth", tmp_path / "mark"
    torch.save({"features.0.weight": Malicious(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="would run code from the file, so it was refused"):
        load_weights(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()  # the trap was armed


@pytest.mark.parametrize("thing", [[torch.ones(1)], torch.ones(1), {}, {"state_dict": {"a": torch.ones(1)}}, {1: 2}])
def test_no_state_dict(tmp_path: Path, thing: object) -> None:
    torch.save(thing, tmp_path / "vgg19.pth")
    with pytest.raises(WeightsError, match="not a state dict"):
        load_weights(tmp_path / "vgg19.pth")


def test_hash_of_tensors_is_of_names_and_values() -> None:
    state = {"a": torch.ones(2), "b": torch.zeros(2, dtype=torch.bfloat16)}
    assert tensors_sha256(state) == tensors_sha256(dict(reversed(state.items())))
    assert tensors_sha256(state) != tensors_sha256({**state, "a": torch.ones(2) * 2})


def test_written_file_has_the_usual_rights_and_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save_weights(tmp_path / "deep" / "x.safetensors", {"a": torch.ones(2)}, {"k": "v"})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.safetensors"]
    mode = (tmp_path / "deep" / "x.safetensors").stat().st_mode
    assert stat.S_IMODE(mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert read_metadata(tmp_path / "deep" / "x.safetensors") == {"k": "v"}


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="TORCH_HOME"):
        save_weights(tmp_path / "file" / "x.safetensors", {"a": torch.ones(2)}, {})


# --- importing, finding, opening ---------------------------------------------------------------------------


def test_import_keeps_the_convolutions(published: Path, tensors: dict[str, Tensor], cache: Path) -> None:
    kept = import_weights(published)
    assert kept == cache / f"vgg19-{sha8(published)}-conv.safetensors"
    found = load_file(kept)
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[name], tensors[name]) for name in TENSORS)
    notes = read_metadata(kept)
    assert notes["source"] == published.name
    assert notes["source_sha256"] == file_sha256(published)
    assert notes["preprocessing"] == "torchvision"
    assert [path.name for path in cache.iterdir()] == [kept.name]


def test_full_and_trimmed_file_are_one_network(published: Path, tensors: dict[str, Tensor]) -> None:
    full = open_vgg19(published)
    kept = import_weights(published)
    trimmed = open_vgg19(pooling="max")
    assert trimmed.digest == full.digest == file_sha256(published)
    assert (full.pooling, trimmed.pooling) == ("average", "max")
    for network in (full, trimmed):
        assert torch.equal(network.convolutions["conv5_4"].weight, tensors["features.34.weight"])

    before = kept.stat().st_mtime_ns
    assert import_weights(published) == kept
    assert import_weights(kept) == kept  # carried over from another machine
    assert kept.stat().st_mtime_ns == before


def test_half_precision_is_kept_as_float32(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path / "half.safetensors", {name: tensors[name].half() for name in TENSORS})
    found = load_weights(import_weights(path))
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}


def test_import_of_another_network_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "vgg16.pth", {"features.0.weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match=r"vgg16\.pth do not fit: tensor 'features\.0\.weight'"):
        import_weights(path)
    assert not cache.exists()


def test_damage_in_the_cache_is_seen_and_mended(published: Path) -> None:
    kept = import_weights(published)
    with kept.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"\0\0\0")
    with pytest.raises(WeightsError, match="is damaged: its values are not those"):
        open_vgg19()
    with pytest.raises(WeightsError, match="--overwrite"):
        import_weights(published)
    assert import_weights(published, overwrite=True) == kept
    open_vgg19()


def test_name_that_promises_another_file(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path / "vgg19-dcbb9e9d.pth", tensors)
    with pytest.raises(WeightsError, match="not the file its name promises"):
        open_vgg19(path)


def test_caffe_is_known_by_its_name(tensors: dict[str, Tensor], tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "vgg19-d01eb7cb.pth", tensors)
    kept = import_weights(path)
    assert kept == cache / "vgg19-d01eb7cb-conv.safetensors"
    assert read_metadata(kept)["preprocessing"] == "caffe"
    for network in (open_vgg19(path), open_vgg19()):
        assert torch.equal(network.convolutions["conv1_1"].weight, tensors["features.0.weight"].flip(1))
        assert network.plan.std == (1 / 255,) * 3


def test_caffe_is_known_by_its_content(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensors: dict[str, Tensor]
) -> None:
    monkeypatch.setitem(weights_module.PUBLISHED, "caffe", sha8(published))
    renamed = tmp_path / "renamed.pth"
    renamed.symlink_to(published)
    assert open_vgg19(renamed).plan.std == (1 / 255,) * 3
    assert open_vgg19(renamed, preprocessing="torchvision").plan.std == (0.229, 0.224, 0.225)


def test_preprocessing_of_the_future(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    state = {name: tensors[name] for name in TENSORS}
    save_weights(tmp_path / "x.safetensors", state, {"preprocessing": "lab"})
    with pytest.raises(WeightsError, match="preprocessing 'lab'"):
        open_vgg19(tmp_path / "x.safetensors")


def test_which_file_is_found(cache: Path) -> None:
    assert find_vgg19() is None
    cache.mkdir(parents=True)
    names = [
        "vgg19-aaaaaaaa-conv.safetensors",
        "vgg19-00000000-conv.safetensors",
        "vgg19-d01eb7cb.pth",
        "vgg19-d01eb7cb-conv.safetensors",
        "vgg19-dcbb9e9d.pth",
        "vgg19-dcbb9e9d-conv.safetensors",
    ]
    for age, name in enumerate(names):  # each goes before those named earlier
        (cache / name).touch()
        os.utime(cache / name, (age, age))
        assert find_vgg19() == cache / name


def test_table(cache: Path, published: Path) -> None:
    assert [(row.name, row.state) for row in weights_table()] == [
        ("vgg19 (packaged)", "present"),
        ("vgg19", "absent"),
        ("vgg19 (caffe)", "absent"),
    ]
    kept = import_weights(published)
    (cache / "vgg19-dcbb9e9d.pth").write_bytes(b"12345")
    rows = {row.name: row for row in weights_table()}
    assert (rows["vgg19"].state, rows["vgg19"].size) == ("present", 5)
    imported = rows[f"vgg19 ({sha8(published)})"]
    assert (imported.where, imported.size, imported.state) == (kept, kept.stat().st_size, "present")


# --- fetching ----------------------------------------------------------------------------------------------


def test_published_address_is_the_file_we_know() -> None:
    assert published_url().endswith(f"/vgg19-{PUBLISHED['torchvision']}.pth")


def test_download_keeps_the_convolutions_alone(
    server: Loopback, published: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, server.url(published.name))
    server.cuts = [30_000_000]
    seen: list[tuple[int, int | None]] = []
    kept = download_vgg19(lambda done, total: seen.append((done, total)), pause=0.01)
    assert seen[-1] == (published.stat().st_size, published.stat().st_size)
    assert [path.name for path in cache.iterdir()] == [kept.name]
    assert read_metadata(kept)["source"] == published.name
    assert [request.get("Range") for request in server.requests] == [None, "bytes=30000000-"]

    assert download_vgg19() == kept == find_vgg19()
    assert len(server.requests) == 2  # the second call found it
    notes, values = read_metadata(kept), tensors_sha256(load_weights(kept))
    assert import_weights(published, overwrite=True) == kept  # the same by hand
    assert (read_metadata(kept), tensors_sha256(load_weights(kept))) == (notes, values)


def test_file_of_torchvision_is_used_as_it_is(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "vgg19-dcbb9e9d.pth").touch()
    assert download_vgg19(url="http://127.0.0.1:1/vgg19-dcbb9e9d.pth") == cache / "vgg19-dcbb9e9d.pth"


@pytest.mark.parametrize("name", ["vgg19-0123abcd.pth", "mirror.pth"])
def test_wrong_content_is_removed(cache: Path, name: str) -> None:
    expected = "0123abcd" if "-" in name else PUBLISHED["torchvision"]
    said = rf"not the expected file.*not {expected}\. It was removed"
    with serve(b"<html>please log in</html>") as served, pytest.raises(WeightsError, match=said):
        download_vgg19(url=served.url(name))
    assert list(cache.iterdir()) == []


def test_another_network_at_the_address(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "other.pth", {"features.0.weight": torch.zeros(3)})
    with serve(path.read_bytes()) as served, pytest.raises(WeightsError, match="do not fit"):
        download_vgg19(url=served.url("other.pth"), expected_hash=file_sha256(path))
    assert list(cache.iterdir()) == []


def test_interrupted_download_says_that_it_goes_on(server: Loopback, published: Path, cache: Path) -> None:
    server.cuts = [10_000_000, 0]
    with pytest.raises(WeightsError, match=r"10\.0 MB of .* are kept in .*: run the command again"):
        download_vgg19(url=server.url(published.name), retries=0)
    assert find_vgg19() is None
    server.cuts = []
    assert download_vgg19(url=server.url(published.name)) == find_vgg19()
    assert server.requests[-1]["Range"] == "bytes=10000000-"
