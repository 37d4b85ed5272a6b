"""A result says how it was made, and is made again from that; what a stranger's file says is not believed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from replayed import again, altered, notes, paint_once
from typer.testing import CliRunner

import cli
from pipeline.clip.events import Event, Finished
from pipeline.clip.jobs import ReplayJob
from pipeline.clip.provenance import JOB, near
from pipeline.clip.record_reading import read_record, recorded_settings
from pipeline.clip.replay import count_differing_frames, run_replay
from pipeline.errors import OutputError, ReplayError, UsageError, WeightsError, WrongFileError
from pipeline.media import fingerprint, open_source, read_metadata, read_picture, write_picture
from pipeline.network import device, packaged
from pipeline.network.tensor_file import file_sha256
from pipeline.settings import PRESETS, Settings, resolve
from reelbrush import __version__, stylize_image, stylize_video
from tests.jobs import QUICK, SMALL, assert_same, events, killed, paint_folder, paint_picture, pictures, reelbrush
from tests.media_clips import clip


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights on the machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no-weights"))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with inputs: `in/` of three frames, a picture `c.png`, the styles `s.png` and `t.png`."""
    work = tmp_path / "work"
    work.mkdir()
    paint_folder(work / "in", 3)
    for name, seed in (("c.png", 0), ("s.png", 9), ("t.png", 4), ("i.png", 6)):
        paint_picture(work / name, seed=seed)
    return work


@pytest.fixture(scope="module", autouse=True)
def cpu_without_bfloat16() -> Iterator[None]:
    """So that 'auto' is float32 on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "_cpu_has_bfloat16", lambda: False)
        yield


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture `c.png`, its style `s.png` and its painting `o.png`. Nothing in it is changed."""
    return paint_once(tmp_path_factory.mktemp("painted"))


# ---- painted again


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_a_clip_again_is_the_same_file(here: Path, suffix: str) -> None:
    source = clip(here / "v.mp4", frames=5, sound=True)
    codec = {"codec": "ffv1"} if suffix == ".mkv" else {"quality": "small"}
    first, second = here / f"o{suffix}", here / f"p{suffix}"
    stylize_video(source, {here / "s.png": 0.7, here / "t.png": 0.3}, first, frames=(1, 4), fps=20, **codec, **SMALL)
    again(first, second)
    assert second.read_bytes() == first.read_bytes()


def test_a_clip_without_its_sound_again_has_none(here: Path) -> None:
    source = clip(here / "v.mp4", frames=2, sound=True)
    stylize_video(source, here / "s.png", here / "o.mp4", audio="none", **SMALL)
    again(here / "o.mp4", here / "p.mp4")
    assert (here / "p.mp4").read_bytes() == (here / "o.mp4").read_bytes()
    assert open_source(here / "p.mp4").info.audio is None


def test_a_folder_again_has_the_same_frames(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o", size=24, **{**SMALL, "passes": 2})
    again(here / "o", here / "p")
    assert_same(here / "o", here / "p", 3)
    assert read_metadata(here / "p") == read_metadata(here / "o")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_picture_again_is_the_same_file(here: Path, suffix: str) -> None:
    first, second = here / f"o{suffix}", here / f"p{suffix}"
    stylize_image(here / "c.png", here / "s.png", first, init=here / "i.png", size=64, upscale=True, **SMALL)
    again(first, second)
    assert second.read_bytes() == first.read_bytes()
    assert read_picture(second).shape == (43, 64, 3)


def test_a_gif_beside_is_a_result_of_its_own(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o.mp4", gif=here / "o.gif", quality=30, **SMALL)
    assert (read_record(here / "o.mp4").quality, read_record(here / "o.gif").quality) == (30, None)
    again(here / "o.gif", here / "p.gif")
    assert (here / "p.gif").read_bytes() == (here / "o.gif").read_bytes()


def test_another_ending_gives_another_kind_of_file_with_the_same_frames(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o.mkv", codec="ffv1", **SMALL)
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    assert "Codec and quality" in notes(again(here / "o.mkv", here / "p"))
    assert_same(here / "o", here / "p", 3)


def test_a_story_says_how_its_picture_was_made(here: Path) -> None:
    options = (*QUICK, "-q")
    arguments = ("image", here / "c.png", "-s", here / "s.png", "-o", here / "o.png", "--story", here / "o.gif")
    assert run(*arguments, *options).exit_code == 0
    again(here / "o.gif", here / "p.png")
    np.testing.assert_array_equal(read_picture(here / "p.png"), read_picture(here / "o.png"))
    with pytest.raises(OutputError, match="a picture must end in one of"):
        again(here / "o.gif", here / "p.gif")


def test_killed_and_given_again_a_replay_goes_on(here: Path, tmp_path: Path) -> None:
    job = (here / "in", "--style", here / "s.png", *QUICK, "--carried-steps", "5")
    assert reelbrush("video", *job, "-o", here / "o").returncode == 0
    killed(job, here / "p", "frames/000000.png")
    told = reelbrush("replay", here / "o", "-o", here / "p", "--device", "cpu", "--json")
    assert told.returncode == 0, told.stderr
    assert next(line for line in events(told.stdout) if line["event"] == "started")["done"] >= 1
    assert_same(here / "o", here / "p", 3)


@pytest.mark.parametrize("preset", PRESETS)
def test_settings_come_back_to_the_last_digit(painted: Path, preset: str) -> None:
    odd = {
        "style_weight": 1 / 3,
        "long_term": (1, 4),
        "cuts": "3,7",
        "style_layers": (("conv2_1", 0.1), ("conv1_1", 1)),
    }
    settings = resolve(preset, odd)
    record = replace(read_record(painted / "o.png"), settings=settings.as_toml())
    assert recorded_settings(record) == (settings, ())


def test_frames_are_compared(here: Path) -> None:
    paint_folder(here / "other", 5)
    paint_picture(here / "other" / "frame_002.png", seed=50)
    assert count_differing_frames(here / "in", here / "in") == (0, 3)
    assert count_differing_frames(here / "in", here / "other") == (3, 5), "one is another, two are missing"
    paint_picture(here / "wide.png", width=50)
    assert count_differing_frames(here / "c.png", here / "wide.png") == (1, 1)


def test_a_result_that_is_half_gone_is_painted_again_all_the_same(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    last = here / "o" / "frame_000003.png"
    last.write_bytes(last.read_bytes()[:200])
    told: list[Event] = []
    assert run_replay(ReplayJob(here / "o", here / "p", device="cpu"), told.append).differing is None
    assert len(pictures(here / "p")) == 3
    assert isinstance(told[-1], Finished) and "cannot be compared with o" in told[-1].notes[-1]


# ---- where the ingredients are


def test_a_result_names_no_folder_of_the_user(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "out").mkdir()
    stylize_image(here / "c.png", here / "s.png", here / "out" / "o.png", **SMALL)
    assert json.loads(read_metadata(here / "out" / "o.png")[JOB])["input"]["path"] == "../c.png"
    assert str(here) not in json.dumps(read_metadata(here / "out" / "o.png"))
    # Now the result lies outside of the home, and the way to the input leads through its name.
    monkeypatch.setenv("HOME", str(here / "alice"))
    (here / "alice").mkdir()
    (here / "c.png").rename(here / "alice" / "c.png")
    stylize_image(here / "alice" / "c.png", here / "s.png", here / "out" / "p.png", **SMALL)
    assert read_record(here / "out" / "p.png").source.path == Path("c.png")


def test_what_is_near() -> None:
    home = Path.home().resolve()
    assert near(home / "out", home / "films" / "a.mp4")
    assert not near(Path("/mnt/out"), Path("/proc/kmsg"))
    assert not near(home.parent / "bob", home / "a.mp4")
    assert near(Path("/mnt/a/out"), Path("/mnt/b/a.mp4"))


def test_a_path_that_is_too_long_is_left_out(here: Path) -> None:
    deep = here.joinpath(*["ordner-漢" * 8] * 5)
    deep.mkdir(parents=True)
    (here / "c.png").rename(deep / "c.png")
    stylize_image(deep / "c.png", here / "s.png", here / "o.jpg", **SMALL)
    assert read_record(here / "o.jpg").source.path == Path("c.png")


@pytest.mark.skipif(os.name == "nt", reason="names that only POSIX allows")
def test_a_name_that_is_no_text_is_recorded_and_found(here: Path) -> None:
    name = Path(os.fsdecode(b"\xff two\nlines \x1b[31m.png"))
    (here / "c.png").rename(here / name)
    stylize_image(here / name, here / "s.png", here / "o.jpg", **SMALL)
    again(here / "o.jpg", here / "p.jpg")
    assert (here / "p.jpg").read_bytes() == (here / "o.jpg").read_bytes()
    shown = run("replay", here / "o.jpg", "--show").stdout
    assert "\x1b" not in shown and "two\\nlines" in shown


def test_all_moved_together_is_found(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    moved = here.rename(here.with_name("moved"))
    again(moved / "o", moved / "p")
    assert_same(moved / "o", moved / "p", 3)


def test_moved_and_renamed_inputs_are_found_by_what_is_in_them(here: Path, tmp_path: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    stylize_image(here / "c.png", here / "t.png", here / "o.png", init=here / "i.png", **SMALL)
    other = tmp_path / "attic" / "old"
    other.mkdir(parents=True)
    for name, new in (("in", "frames"), ("s.png", "x.png"), ("c.png", "c.png"), ("t.png", "y.png"), ("i.png", "z.PNG")):
        (here / name).rename(other / new)
    # Of the same name, and yet another.
    paint_picture(other.parent / "c.png", seed=77)
    for result, output in ((here / "o", here / "p"), (here / "o.png", here / "p.png")):
        with pytest.raises(ReplayError, match=r"it is not known where.*--search FOLDER"):
            again(result, output)
        with pytest.raises(ReplayError, match=r"It is not in .*empty either"):
            (tmp_path / "empty").mkdir(exist_ok=True)
            again(result, output, search=tmp_path / "empty")
        assert not output.exists()
        again(result, output, search=tmp_path / "attic")
    assert_same(here / "o", here / "p", 3)
    np.testing.assert_array_equal(read_picture(here / "p.png"), read_picture(here / "o.png"))
    with pytest.raises(UsageError, match="no such folder"):
        again(here / "o", here / "q", search=tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="pipes with names")
def test_a_search_begins_with_the_name_and_never_waits_for_a_pipe(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    attic = tmp_path / "attic"
    (attic / "z").mkdir(parents=True)
    (here / "c.png").rename(attic / "z" / "c.png")
    paint_picture(attic / "a.png", seed=50)
    os.mkfifo(attic / "c.png")
    read: list[str] = []

    def noted(path: Path) -> str:
        read.append(path.name)
        return fingerprint(path)

    monkeypatch.setattr("pipeline.clip.find_inputs.fingerprint", noted)
    again(here / "o.png", here / "p.png", search=attic)
    assert read == ["c.png", "s.png"]


def test_moved_inputs_can_be_named_styles_in_any_order(here: Path) -> None:
    stylize_image(here / "c.png", {here / "s.png": 0.9, here / "t.png": 0.1}, here / "o.png", **SMALL)
    for name in ("c.png", "s.png", "t.png"):
        (here / name).rename(here / f"new-{name}")
    named = {"source": here / "new-c.png", "styles": (here / "new-t.png", here / "new-s.png")}
    again(here / "o.png", here / "p.png", **named)
    np.testing.assert_array_equal(read_picture(here / "p.png"), read_picture(here / "o.png"))


def test_what_has_changed_is_named_and_nothing_is_painted(here: Path) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", **SMALL)
    was = fingerprint(here / "s.png")[:12]
    paint_picture(here / "s.png", seed=10)
    now = fingerprint(here / "s.png")[:12]
    with pytest.raises(ReplayError, match=f"s.png .a style., which has changed since: .*{now}, not with {was}"):
        again(here / "o.png", here / "p.png")
    with pytest.raises(ReplayError, match=rf"t\.png is not a style that .*not with {was}"):
        again(here / "o.png", here / "p.png", styles=(here / "t.png",))
    with pytest.raises(ReplayError, match=r"t\.png is not the input"):
        again(here / "o.png", here / "p.png", source=here / "t.png")
    with pytest.raises(WrongFileError, match=r"none\.png: there is no such file"):
        again(here / "o.png", here / "p.png", source=here / "none.png")
    assert not (here / "p.png").exists()


def test_the_result_itself_is_never_replaced(painted: Path, here: Path) -> None:
    before = (painted / "o.png").read_bytes()
    with pytest.raises(UsageError, match="would replace"):
        again(painted / "o.png", painted / "o.png", overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        again(painted / "o.png", here / "c.png")
    assert (painted / "o.png").read_bytes() == before


# ---- the network, the version, the precision


def test_the_network_of_the_first_versions_is_told_to_be_gone(painted: Path, here: Path) -> None:
    def other(job: dict[str, Any]) -> None:
        job["network"] = {"name": "builtin", "sha256": "ab" * 32}

    settings = read_metadata(painted / "o.png")["settings"] + 'network = "builtin"\n'
    result = altered(painted, here / "o.png", other, settings=settings, software="reelbrush 0.0.9")
    with pytest.raises(ReplayError, match=r"built-in network .*does not have any more.*reelbrush 0\.0\.9"):
        again(result, here / "p.png")
    shown = json.loads(run("replay", result, "--show", "--json").stdout)
    assert shown["network"] == {"name": "builtin", "sha256": "ab" * 32}
    assert recorded_settings(read_record(result)) == recorded_settings(read_record(painted / "o.png"))


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sets of random weights for VGG-19."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in torchvision.models.vgg19(weights=None).state_dict().items()}
    found = []
    for seed in (3, 4):
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            name: torch.randn(shape, generator=generator) * (2 / (9 * shape[-3])) ** 0.5
            if len(shape) == 4
            else torch.zeros(shape)
            for name, shape in shapes.items()
            if name.startswith("features")
        }
        found.append(tmp_path_factory.mktemp("vgg") / "file.pth")
        torch.save(tensors, found[-1])
    return found


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", None)


def test_vgg19_has_to_be_the_same(here: Path, vgg: list[Path], hub: None, tmp_path: Path) -> None:
    stylize_image(
        here / "c.png", here / "s.png", here / "o.png", weights=vgg[0], device="cpu", levels=1, steps=2, size=32
    )
    with pytest.raises(WeightsError, match=r"not on this machine.*weights download vgg19"):
        again(here / "o.png", here / "p.png")
    with pytest.raises(WeightsError, match=f"{file_sha256(vgg[0])[:12]}…, where .*{file_sha256(vgg[1])[:12]}"):
        again(here / "o.png", here / "p.png", weights=vgg[1])
    again(here / "o.png", here / "p.png", weights=vgg[0])
    assert (here / "p.png").read_bytes() == (here / "o.png").read_bytes()
    # Of two that were imported, the one that painted it is taken.
    for file in (vgg[0], vgg[1]):
        assert run("weights", "import", file).exit_code == 0
    again(here / "o.png", here / "q.png")
    assert (here / "q.png").read_bytes() == (here / "o.png").read_bytes()


def test_the_packaged_weights_paint_again_beside_downloaded_ones(here: Path, hub: None, vgg: list[Path]) -> None:
    stylize_image(here / "c.png", here / "s.png", here / "o.png", device="cpu", levels=1, steps=2, size=32)
    assert read_record(here / "o.png").digest == packaged.SHA256
    assert "the original VGG-19, 8 bits a weight" in read_metadata(here / "o.png")["network"]
    assert run("weights", "import", vgg[0]).exit_code == 0
    again(here / "o.png", here / "p.png")
    assert (here / "p.png").read_bytes() == (here / "o.png").read_bytes()
    with pytest.raises(WeightsError, match="leave out --weights"):
        again(here / "o.png", here / "q.png", weights=vgg[0])


def test_another_optical_flow_network_is_refused(here: Path, hub: None) -> None:
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    for path in sorted((here / "o").iterdir()):
        texts = read_metadata(path)
        texts["settings"] = texts["settings"].replace('flow = "dis"', 'flow = "raft"')
        write_picture(path, read_picture(path), metadata=texts, overwrite=True)
    with pytest.raises(WeightsError, match="weights download raft"):
        again(here / "o", here / "p")


def test_another_version_and_precision_are_said(painted: Path, here: Path) -> None:
    def bfloat(job: dict[str, Any]) -> None:
        job["precision"] = "bfloat16"

    for name in ("c.png", "s.png"):
        (here / name).write_bytes((painted / name).read_bytes())
    result = altered(painted, here / "o.png", bfloat, software="reelbrush 0.0.9")
    heard: list[Event] = []
    found = run_replay(ReplayJob(result, here / "p.png", device="cpu"), heard.append)
    told = notes(heard)
    assert f"Painted by reelbrush 0.0.9; this is {__version__}" in told
    assert "Painted in bfloat16, and now again; this device would have used float32" in told
    assert read_record(here / "p.png").precision == "bfloat16"
    # What the result holds was painted in float32.
    assert (found.frames, found.differing) == (1, 1)
    assert "differs from that of o.png" in " ".join(heard[-1].notes)


def test_settings_of_another_version_are_said(painted: Path) -> None:
    record = read_record(painted / "o.png")
    settings, _ = recorded_settings(record)
    lines = [line for line in record.settings.splitlines() if not line.startswith(("passes", "preset"))]
    other = replace(record, settings="\n".join([*lines, 'preset = "impasto"', "glitter = 3", '"\\u001b[31m" = 1']))
    found, told = recorded_settings(other)
    assert "glitter" in told[0] and "\x1b" not in told[0]
    assert "passes" in told[1] and "seed" not in told[1]
    assert found == replace(settings, preset="standard", passes=Settings().passes)


# ---- the command


def run(*arguments: str | Path) -> Any:
    """The command in this process."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_paints_again(painted: Path, tmp_path: Path) -> None:
    common = ("replay", painted / "o.png", "--device", "cpu")
    assert run(*common, "-o", tmp_path / "p.png", "-q").output == ""
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), read_picture(painted / "o.png"))
    lines = events(run(*common, "-o", tmp_path / "q.png", "--json").stdout)
    assert [line["event"] for line in lines] == ["started", "frame_done", "stage", "finished"]
    assert lines[-1]["notes"] == ["The picture equals that of o.png in every pixel."]
    refused = run(*common)
    assert refused.exit_code == 2 and "-o OUT" in refused.stderr and "--show" in refused.stderr
    refused = run(*common, "-o", tmp_path / "r.png", "-s", painted / "c.png")
    assert refused.exit_code == 1 and refused.stderr.startswith("Error: ") and len(refused.stderr.splitlines()) == 1


def test_the_command_shows_and_paints_nothing(painted: Path) -> None:
    before = sorted(painted.iterdir())
    table = run("replay", painted / "o.png", "--show").stdout
    digest = packaged.SHA256
    for words in (__version__, "c.png", fingerprint(painted / "s.png"), digest, "float32", "noise"):
        assert words in table
    found = json.loads(run("replay", painted / "o.png", "--show", "--json").stdout)
    assert found["network"] == {"name": "vgg19", "sha256": digest}
    assert found["input"] == {"path": "c.png", "sha256": fingerprint(painted / "c.png")}
    assert (found["kind"], found["settings"]["seed"], found["styles"][0]["weight"]) == ("picture", 5, 1.0)
    assert sorted(painted.iterdir()) == before
    assert run("replay", painted / "c.png", "--show").exit_code == 1


def test_a_clip_shows_what_a_picture_has_not(here: Path) -> None:
    stylize_video(here / "in", here / "s.png", here / "o.mkv", frames=(1, None), fps="12.5", codec="ffv1", **SMALL)
    table = " ".join(run("replay", here / "o.mkv", "--show").stdout.split())
    for words in ("optical flow DIS", "frames 1:", "frames a second 25/2", "codec ffv1", "quality visual"):
        assert words in table
    found = json.loads(run("replay", here / "o.mkv", "--show", "--json").stdout)
    assert (found["frames"], found["fps"], found["codec"]) == ([1, None], "25/2", "ffv1")


def test_inputs_are_read_once_for_job_and_record(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: str | Path) -> str:
        read.append(Path(path).name)
        return fingerprint(path)

    monkeypatch.setattr("pipeline.clip.provenance.fingerprint", counted)
    stylize_video(here / "in", here / "s.png", here / "o", **SMALL)
    assert sorted(read) == ["in", "s.png"]
    assert len(pictures(here / "o")) == 3
