"""RAFT: its weights are found, checked and fetched; its flows have the frames' size; and a job can be carried by it.

The published weights cannot be here: seeded random ones in the same format stand in for them.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from jobs import SHALLOW, paint_picture
from loopback import serve
from moving import panned
from PIL import Image as Pillow
from tiny import CPU, picture
from torch import Tensor, nn
from torchvision.models import optical_flow

from pipeline.clip.jobs import ReplayJob
from pipeline.clip.replay import run_replay
from pipeline.clip.warm_start import open_flow
from pipeline.errors import StoreError, WeightsError
from pipeline.media import read_metadata
from pipeline.motion.flow import DIS, Dis, both_ways
from pipeline.motion.raft import SMALLEST, UPDATES, Raft
from pipeline.motion.track import track
from pipeline.network.device_graph import ALONE
from pipeline.network.download import RAFT_VARIABLE, download_raft
from pipeline.network.raft import RAFTS, missing_raft, open_raft, raft_address, raft_place, raft_table
from pipeline.network.tensor_file import file_sha256
from pipeline.settings import resolve
from reelbrush import stylize_video

SMALL = {"device": "cpu", **SHALLOW, "levels": 1, "steps": 3, "carried_steps": 3, "passes": 1}


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of torchvision's raft_small, 4 MB."""
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    with torch.random.fork_rng():
        torch.manual_seed(5)
        torch.save(optical_flow.raft_small().state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def published(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if that file were the published one; returns where it would lie."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(RAFT_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setitem(RAFTS, "raft-small", replace(RAFTS["raft-small"], digits=file_sha256(file)[:8]))
    return raft_place("raft-small")


@pytest.fixture
def here(file: Path, published: Path) -> Path:
    published.parent.mkdir(parents=True)
    published.write_bytes(file.read_bytes())
    return published


class Echo(nn.Module):
    """Gives back what it was shown: the flow is red and green of the first picture, in -1..1."""

    corr_block = SimpleNamespace()

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__()
        self.pause = pause
        self.seen: list[tuple[int, ...]] = []

    def forward(self, first: Tensor, second: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.seen.append(tuple(first.shape))
        self.kept = first
        time.sleep(self.pause)
        return [torch.zeros_like(first[:, :2]), self.kept[:, :2]]


def red_and_green(image: np.ndarray) -> np.ndarray:
    return image[..., :2].astype(np.float32) / 127.5 - 1


# ---- the flow


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (64, 96), (127, 129), (128, 136), (150, 131)])
def test_any_size_is_padded_to_what_raft_takes_and_cut_back(size: tuple[int, int]) -> None:
    echo = Echo()
    image = picture(*size)
    found = Raft(echo, "echo", CPU)(image, image)
    assert found.dtype == np.float32 and found.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(found, red_and_green(image), atol=1e-6)
    ((_, _, height, width),) = echo.seen
    assert height % 8 == width % 8 == 0
    assert height == max(SMALLEST, -(-size[0] // 8) * 8) and width == max(SMALLEST, -(-size[1] // 8) * 8)


def test_both_directions_are_one_batch_and_in_order() -> None:
    echo = Echo()
    a, b = picture(40, 50, seed=1), picture(40, 50, seed=2)
    there, back = both_ways(a, b, Raft(echo, "echo", CPU))
    np.testing.assert_allclose(there, red_and_green(a), atol=1e-6)
    np.testing.assert_allclose(back, red_and_green(b), atol=1e-6)
    assert [shape[0] for shape in echo.seen] == [2]


def test_two_threads_do_not_disturb_each_other() -> None:
    raft = Raft(Echo(pause=0.02), "echo", CPU)
    images = [picture(20, 30, seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for image, found in zip(images, pool.map(lambda image: raft(image, image), images), strict=True):
            np.testing.assert_allclose(found, red_and_green(image), atol=1e-6)


def test_it_waits_while_steps_are_recorded() -> None:
    raft, image = Raft(Echo(), "echo", CPU), picture(20, 30)
    with ThreadPoolExecutor(1) as pool:
        with ALONE:
            found = pool.submit(raft, image, image)
            assert not wait([found], timeout=0.2).done
        np.testing.assert_allclose(found.result(timeout=60), red_and_green(image), atol=1e-6)


def test_the_flow_is_that_of_torchvision(here: Path, file: Path) -> None:
    a, b = panned(3, 1, 128, 136)
    network = optical_flow.raft_small()
    network.load_state_dict(torch.load(file, weights_only=True))
    prepare = optical_flow.Raft_Small_Weights.C_T_V2.transforms()
    tensors = prepare(*(torch.from_numpy(image).permute(2, 0, 1)[None] for image in (a, b)))
    with torch.no_grad():
        want = network.eval()(*tensors, num_flow_updates=UPDATES)[-1][0].permute(1, 2, 0).numpy()
    method = open_flow(resolve(overrides={"flow": "raft-small"}), CPU)
    scale = max(1.0, float(np.abs(want).max()))
    np.testing.assert_allclose(method(a, b) / scale, want / scale, atol=1e-4)
    there, back = method.both_ways(a, b)
    np.testing.assert_allclose(there / scale, want / scale, atol=1e-4)
    np.testing.assert_array_equal(method(a, b), method(a, b))
    assert track(a, b, method).flow.shape == (128, 136, 2)
    assert back.shape == there.shape
    assert not any(parameter.requires_grad for parameter in method._network.parameters())  # type: ignore[attr-defined]


def test_frames_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="different size"):
        Raft(Echo(), "echo", CPU)(picture(20, 30), picture(20, 31))


def test_dis_gives_both_ways_what_it_gives_each_way() -> None:
    a, b = panned(3, 1)
    there, back = Dis().both_ways(a, b)
    np.testing.assert_array_equal(there, DIS(a, b))
    np.testing.assert_array_equal(back, DIS(b, a))


# ---- the weights


@pytest.mark.parametrize("kind", list(RAFTS))
def test_published_address_is_the_file_we_know(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert raft_address(kind).endswith(f"/{RAFTS[kind].name}")
    assert missing_raft(kind).count("\n") == 0
    for way in (f"weights download {kind}", RAFTS[kind].name, "--flow dis"):
        assert way in missing_raft(kind)


def test_every_published_file_is_of_a_network_that_torchvision_has() -> None:
    for file in RAFTS.values():
        assert callable(getattr(optical_flow, file.model))


def test_opened_it_has_its_digest_in_its_name(here: Path) -> None:
    method = open_flow(resolve(overrides={"flow": "raft-small"}), CPU)
    assert method.name == f"raft-small ({file_sha256(here)[:8]})"
    assert open_flow(resolve(), CPU) is DIS


def test_missing_weights_are_no_reason_to_take_another_method() -> None:
    with pytest.raises(WeightsError) as caught:
        open_flow(resolve(overrides={"flow": "raft"}), CPU)
    assert str(caught.value) == missing_raft("raft")


def test_a_file_that_is_not_what_its_name_promises(here: Path) -> None:
    with here.open("r+b") as damaged:
        damaged.seek(-1000, 2)
        damaged.write(b"\0\0\0")
    with pytest.raises(WeightsError, match=r"not the file its name promises.*weights download raft-small"):
        open_raft("raft-small")


def spoiled(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    first = next(iter(state))
    if name == "lacks":
        return {key: tensor for key, tensor in state.items() if key != first}
    return {**state, first: torch.zeros(3) if name == "shape" else torch.full_like(state[first], torch.nan)}


@pytest.mark.parametrize(("kind", "said"), [("lacks", "is missing"), ("shape", r"has shape \(3,\)"), ("nan", "NaN")])
def test_tensors_of_another_network(
    kind: str, said: str, file: Path, published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pth"
    torch.save(spoiled(torch.load(file, weights_only=True), kind), other)
    monkeypatch.setitem(RAFTS, "raft-small", replace(RAFTS["raft-small"], digits=file_sha256(other)[:8]))
    place = raft_place("raft-small")
    with serve(other.read_bytes()) as served, pytest.raises(WeightsError, match=said):
        download_raft("raft-small", url=served.url("x"))
    assert list(place.parent.iterdir()) == []


def test_a_download_goes_on_is_checked_and_is_done_once(
    file: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int | None]] = []
    with serve(file.read_bytes()) as served:
        monkeypatch.setenv(RAFT_VARIABLE, served.url("mirror"))
        served.cuts = [1_500_000]
        kept = download_raft("raft-small", lambda done, total: seen.append((done, total)), pause=0.01)
        assert download_raft("raft-small") == kept == published
        assert [request.get("Range") for request in served.requests] == [None, "bytes=1500000-"]
    assert seen[-1] == (file.stat().st_size,) * 2
    assert [path.name for path in published.parent.iterdir()] == [published.name]
    assert open_raft("raft-small").digest == file_sha256(file)


def test_wrong_content_is_removed(published: Path) -> None:
    with serve(b"<html>please log in</html>") as served, pytest.raises(WeightsError, match="not the expected file"):
        download_raft("raft-small", url=served.url(RAFTS["raft-small"].name))
    assert list(published.parent.iterdir()) == []


def test_the_table_tells_what_is_here(here: Path) -> None:
    rows = {row.name: row for row in raft_table()}
    assert (rows["raft"].state, rows["raft"].size) == ("absent", 0)
    assert (rows["raft-small"].state, rows["raft-small"].size) == ("present", here.stat().st_size)
    assert rows["raft"].where.name == "raft_large_C_T_SKHT_V2-ff5fadd5.pth"


# ---- jobs


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, image in enumerate(panned(2, 1, 32, 48)):
        Pillow.fromarray(image).save(folder / f"{number}.png")
    return {"source": folder, "style": paint_picture(tmp_path / "style.png", seed=9), **SMALL}


def test_a_job_is_carried_by_raft_and_says_so(here: Path, job: dict[str, Any], tmp_path: Path) -> None:
    stylize_video(**job, output=tmp_path / "out.gif", flow="raft-small", keep=True)
    assert f"raft-small ({file_sha256(here)[:8]})" in str(read_metadata(tmp_path / "out.gif"))
    with pytest.raises(StoreError, match=r"differs in flow \("):
        stylize_video(**job, output=tmp_path / "out.gif", flow="dis", overwrite=True)


def test_a_replay_wants_the_same_raft(
    here: Path, job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stylize_video(**job, output=tmp_path / "out.gif", flow="raft-small")
    run_replay(ReplayJob(tmp_path / "out.gif", tmp_path / "again.gif", device="cpu"))
    assert (tmp_path / "again.gif").read_bytes() == (tmp_path / "out.gif").read_bytes()
    was = file_sha256(here)[:8]
    with torch.random.fork_rng():
        torch.manual_seed(6)
        torch.save(optical_flow.raft_small().state_dict(), tmp_path / "other.pth")
    digits = file_sha256(tmp_path / "other.pth")[:8]
    monkeypatch.setitem(RAFTS, "raft-small", replace(RAFTS["raft-small"], digits=digits))
    (tmp_path / "other.pth").rename(raft_place("raft-small"))
    with pytest.raises(WeightsError, match=rf"raft-small \({was}\), where the one at hand is raft-small \({digits}\)"):
        run_replay(ReplayJob(tmp_path / "out.gif", tmp_path / "third.gif", device="cpu"))


def test_a_job_without_the_weights_begins_nothing(job: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="weights download raft"):
        stylize_video(**job, output=tmp_path / "out.gif", flow="raft")
    assert not list(tmp_path.glob("out*"))
