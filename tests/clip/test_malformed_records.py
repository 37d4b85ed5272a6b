"""What a stranger's result says of how it was made is not believed: it may say nothing, or what cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs import SMALL, paint_folder, paint_picture
from media_clips import clip, ffmpeg
from PIL import Image as Pillow
from replayed import again, altered, paint_once

from pipeline.clip.provenance import JOB
from pipeline.errors import MediaError, ReelbrushError, ReplayError
from pipeline.media import read_picture
from reelbrush import __version__, stylize_video


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture `c.png`, its style `s.png` and its painting `o.png`. Nothing in it is changed."""
    return paint_once(tmp_path_factory.mktemp("painted"))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with inputs: `in/` of a frame, a picture `c.png`, a style `s.png`."""
    paint_folder(tmp_path / "in", 1)
    paint_picture(tmp_path / "c.png")
    return paint_picture(tmp_path / "s.png", seed=9).parent


def test_a_result_without_metadata(painted: Path, here: Path, tmp_path: Path) -> None:
    Pillow.fromarray(read_picture(painted / "o.png")).resize((20, 10)).save(here / "small.png")
    source = clip(here / "v.mp4", frames=2)
    stylize_video(source, here / "s.png", here / "o.mp4", **SMALL)
    ffmpeg("-i", str(here / "o.mp4"), "-map_metadata", "-1", "-vf", "scale=32:24", str(here / "small.mp4"))
    for name in ("small.png", "small.mp4", "c.png", "in/frame_001.png"):
        with pytest.raises(ReplayError, match="does not say how it was made"):
            again(here / name, here / "p.png")
    (here / "empty").mkdir()
    with pytest.raises(ReplayError, match=r"frame_000001\.png"):
        again(here / "empty", here / "p")
    (here / "text.mp4").write_text("no video")
    for name in ("text.mp4", "none.mp4"):
        with pytest.raises(MediaError, match=name):
            again(here / name, here / "p.png")


def test_a_result_of_a_time_before_jobs_were_recorded(painted: Path, here: Path) -> None:
    with pytest.raises(ReplayError, match="does not say how it was made"):
        again(altered(painted, here / "o.png", **{JOB: None}), here / "p.png")


def hostile() -> Iterator[Any]:
    """What changes the job of a result into something that cannot be, each with a word of the message."""

    def put(*way: Any, value: Any) -> Any:
        def change(job: Any) -> None:
            for step in way[:-1]:
                job = job[step]
            job[way[-1]] = value

        return change

    def drop(name: str) -> Any:
        return lambda job: job.pop(name) and job

    cases: dict[str, tuple[Any, str]] = {
        "list": (lambda job: [1], "the job is not a table"),
        "no input": (drop("input"), "input is not a table"),
        **{
            f"{name} {value!r}": (put(name, value=value), word)
            for name, value, word in (
                ("region", 5, "region is not a list"),
                ("region", [5], "a region is not a table"),
                ("region", [{}], "the styles of a region is not a list"),
                ("region", [{"styles": [], "mask": []}], "a region has no style"),
                ("region", [{}] * 2000, "region is not a list"),
                ("protect", [[]], "a mask is none"),
                ("protect", [5], "a mask is not a list"),
                ("protect", [[5]], "a mask is not a table"),
                ("protect", [[{"path": "../m", "sha256": "x"}]], "the hash of a mask"),
                *(
                    ("protect", [[{"path": "m", "sha256": "0" * 64, "at": at}]], "of a mask")
                    for at in (-1, 1.5, "1/0", "soon", [], True, "1" * 99)
                ),
            )
        },
        **{
            f"part {part!r}": (put("styles", 0, "part", value=part), "the part of a style")
            for part in (5, [1, 2, 3], [1, 2, 0, 4], [1, 2, None, 4], [-1, 0, 5, 5], "1,2,3,4", [1, 2, 3.5, 4])
        },
        "path is a number": (put("input", "path", value=5), "path of input"),
        "absolute path": (put("input", "path", value="/etc/passwd"), "not relative"),
        "windows path": (put("input", "path", value="C:\\x"), "not relative"),
        "share": (put("input", "path", value="\\\\host\\share\\x"), "not relative"),
        "NUL": (put("input", "path", value="a\0b"), "path of input"),
        "long path": (put("input", "path", value="a" * 5000), "path of input"),
        "no hash": (put("input", "sha256", value="xyz"), "hash of input"),
        "no styles": (put("styles", value=[]), "styles"),
        "styles are a text": (put("styles", value="s.png"), "styles"),
        "style is null": (put("styles", 0, value=None), "style"),
        "weight 0": (put("styles", 0, "weight", value=0), "weight"),
        "weight true": (put("styles", 0, "weight", value=True), "weight"),
        "weight NaN": (put("styles", 0, "weight", value=float("nan")), "weight"),
        "weight huge": (put("styles", 0, "weight", value=10**400), "weight"),
        "network": (put("network", "name", value="../vgg16"), "network is none of"),
        "network hash": (put("network", "sha256", value="../../x"), "hash of the network"),
        "precision": (put("precision", value="float8"), "precision"),
        "kind": (put("kind", value=["clip"]), "kind"),
        "init": (put("init", value="i.png"), "init"),
        "frames": (put("frames", value=[0, -1]), "frames"),
        "frames huge": (put("frames", value=[0, 10**50]), "frames"),
        "frames true": (put("frames", value=[True, 5]), "frames"),
        "fps": (put("fps", value="1e999999999"), "fps"),
        "fps 0": (put("fps", value="1/0"), "fps"),
        "fps number": (put("fps", value=25), "fps"),
        "upscale": (put("upscale", value=1), "upscale"),
        "codec": (put("codec", value="h264 -f x"), "codec"),
        "quality": (put("quality", value=10**9), "quality"),
        "quality list": (put("quality", value=[1]), "quality"),
    }
    for name, (change, words) in cases.items():
        yield pytest.param(change, words, id=name)


@pytest.mark.parametrize(("change", "words"), list(hostile()))
def test_malformed_jobs_are_refused(painted: Path, tmp_path: Path, change: Any, words: str) -> None:
    result = altered(painted, tmp_path / "o.png", change)
    with pytest.raises(ReplayError, match=f"cannot be read: .*{words}"):
        again(result, tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({JOB: "[" * 100_000}, "not JSON"),
        ({JOB: "{"}, "not JSON"),
        ({"software": "reelbrush \x1b[31m"}, "does not say"),
        ({"software": "gimp 3"}, "does not say"),
        ({"settings": None}, "there are no settings"),
        ({"settings": "size = "}, "not valid TOML"),
        ({"settings": "size = " + "[" * 100_000}, "not valid TOML"),
        ({"settings": "size = 1000000000"}, "size has to be from 0 to 16384"),
        ({"settings": "size = " + "9" * 400}, "size has to be"),
        ({"settings": "steps = " + "9" * 5000}, "not valid TOML"),
        ({"settings": "steps = 0x" + "f" * 5000}, "not valid TOML"),
        ({"settings": 'steps = "\\u001b[31m"'}, "steps has to be"),
        ({"settings": "style_layers = [[1]]"}, "has no layer"),
    ],
)
def test_malformed_texts_are_refused(painted: Path, tmp_path: Path, texts: dict[str, str | None], words: str) -> None:
    result = altered(painted, tmp_path / "o.png", **texts)
    for name in ("c.png", "s.png"):
        (tmp_path / name).write_bytes((painted / name).read_bytes())
    with pytest.raises(ReelbrushError, match=words) as caught:
        again(result, tmp_path / "p.png")
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 800
    assert not (tmp_path / "p.png").exists()


@pytest.mark.parametrize("path", ["../../x", "../" * 40 + "dev/zero", "../" * 40 + "proc/kmsg", ".", "..", "\x1b[31mx"])
def test_a_path_leads_nowhere_it_should_not(painted: Path, tmp_path: Path, path: str) -> None:
    def change(job: dict[str, Any]) -> None:
        job["input"]["path"] = path

    result = altered(painted, tmp_path / "o.png", change)
    with pytest.raises(ReplayError, match="was painted from") as caught:
        again(result, tmp_path / "p.png")
    assert "\x1b" not in str(caught.value)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["o.png"]


def test_a_hostile_video_comment(here: Path) -> None:
    deep = {"software": f"reelbrush {__version__}", "settings": "x = 1", JOB: '{"kind": "clip"}'}
    for name, comment in (("a.mp4", json.dumps(deep)), ("b.mp4", "[" * 50_000), ("c.mp4", '{"job": {"kind": 1}}')):
        clip(here / name, frames=2, extra=("-metadata", f"comment={comment}"))
        with pytest.raises(ReplayError):
            again(here / name, here / "p.mp4")
