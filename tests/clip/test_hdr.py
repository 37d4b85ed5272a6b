"""HDR and more than 8 bits a channel, from the input of a job to its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, SHALLOW, SMALL, invoke, paint_picture
from media_clips import decoded, ffmpeg, stream, write_clip
from tiny import picture

from pipeline.batch.checked_item import RejectedItem
from pipeline.batch.plan.batch import plan_batch
from pipeline.batch.preflight import Preflight
from pipeline.clip.events import Event, Started
from pipeline.clip.jobs import ReplayJob
from pipeline.clip.record_reading import read_record
from pipeline.clip.replay import run_replay
from pipeline.errors import UsageError
from pipeline.media.ffmpeg import address
from pipeline.media.hdr import to_hdr
from reelbrush import stylize_video

HOW = {**SMALL, "steps": 1, "carried_steps": 1, "strength": 0.0, "learning_rate": 1e-6, "optimizer": "adam"}
"""The painting is the input."""


def told(source: Path, style: Path, output: Path, **how: Any) -> tuple[str, ...]:
    """Paint a clip; returns what is said of it before its first frame."""
    events: list[Event] = []
    stylize_video(source, style, output, on_event=events.append, **{**HOW, **how})
    (started,) = [event for event in events if isinstance(event, Started)]
    return started.notes


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip in PQ of 10 bits, with bright light, and a style."""
    folder = tmp_path_factory.mktemp("inputs")
    write_clip(folder / "in.mp4", [picture(48, 64, seed=1)] * 2, count=2, deep=True, hdr="smpte2084", quality=4)
    return folder / "in.mp4", paint_picture(folder / "style.png", seed=9)


def test_hdr_is_written_again_where_it_is_asked_for(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    notes = told(source, style, tmp_path / "o.mp4", hdr="keep", quality=4)
    assert "hevc (Main 10)" in stream(tmp_path / "o.mp4") and "bt2020nc/bt2020/smpte2084" in stream(tmp_path / "o.mp4")
    assert any("Written as HDR again (PQ" in note for note in notes)
    assert not any("is no HDR" in note for note in notes)
    assert read_record(tmp_path / "o.mp4").hdr == "keep"
    # As bright and as colourful as the input was.
    found, wanted = (decoded(path, "bt2020") for path in (tmp_path / "o.mp4", source))
    assert wanted.max() > 0.65 and np.abs(found - wanted).mean() < 0.02
    run_replay(ReplayJob(tmp_path / "o.mp4", tmp_path / "again.mp4", search=source.parent, device="cpu"))
    np.testing.assert_array_equal(decoded(tmp_path / "again.mp4", "bt2020"), found)


def test_without_it_hdr_becomes_an_ordinary_clip_of_ten_bits(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    notes = told(source, style, tmp_path / "o.mp4")
    assert "hevc (Main 10)" in stream(tmp_path / "o.mp4") and "bt709" in stream(tmp_path / "o.mp4")
    for words in ("The clip is HDR (PQ)", "10 bits a channel; it is painted from 8 of them", "hdr keep", "depth 8"):
        assert sum(words in note for note in notes) == 1, words
    plain = told(source, style, tmp_path / "p.mp4", depth=8)
    assert "h264" in stream(tmp_path / "p.mp4") and "yuv420p(" in stream(tmp_path / "p.mp4")
    assert not any("depth" in note for note in plain)


def test_what_has_no_place_for_it_is_said(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    notes = told(source, style, tmp_path / "o.gif", hdr="keep")
    assert any("HDR is left out" in note for note in notes)
    write_clip(tmp_path / "plain.mp4", [picture(32, 48)], count=1, width=48, height=32)
    nothing = told(tmp_path / "plain.mp4", style, tmp_path / "n.mp4", hdr="keep")
    assert any("nothing for hdr keep to keep" in note for note in nothing)
    assert "h264" in stream(tmp_path / "n.mp4")
    for name in ("d.gif", "d"):
        found = invoke("video", source, "-s", style, "-o", tmp_path / name, "--depth", "10", *QUICK)
        assert found.exit_code == 2 and "only a video can have 10 bits" in found.stderr


def test_what_is_transparent_in_hdr(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    """On white it can be HDR again; a clip that keeps its transparency cannot."""
    style = inputs[1]
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    disc = "geq=lum=600:cb=500:cr=540:a='if(lt(hypot(X-32,Y-24),16),1023,0)'"
    ffmpeg("-f", "lavfi", "-i", f"color=s=64x48:r=25:d=0.08,format=yuva444p10le,{disc},{tags}", "-c:v", "prores_ks",
           "-profile:v", "4", address(tmp_path / "in.mov"))  # fmt: skip
    notes = told(tmp_path / "in.mov", style, tmp_path / "o.mov", hdr="keep")
    assert "bt2020nc/bt2020/smpte2084" in stream(tmp_path / "o.mov")
    assert any("Written as HDR again" in note for note in notes) and any("laid on white" in note for note in notes)
    kept = told(tmp_path / "in.mov", style, tmp_path / "p.mov", alpha="keep")
    assert "yuva444p" in stream(tmp_path / "p.mov")
    assert [note for note in kept if "no HDR" in note] == [
        "The result is no HDR: a clip cannot keep both HDR and its transparency."
    ]
    with pytest.raises(UsageError, match="cannot keep both"):
        told(tmp_path / "in.mov", style, tmp_path / "q.mov", alpha="keep", hdr="keep")


def test_a_batch_knows_beforehand_what_cannot_be_kept(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    for options, words in (
        ({"hdr": "keep"}, ""),
        ({"hdr": "keep", "codec": "h264"}, "shows no HDR"),
        ({"hdr": "keep", "depth": "8"}, "HDR needs 10 bits"),
    ):
        (item,) = plan_batch([str(source)], [str(style)], tmp_path / "out", options={**SHALLOW, **options}).items
        found = Preflight(None, "cpu", overwrite=False).check(item)
        assert isinstance(found, RejectedItem) is bool(words)
        assert words in getattr(found, "text", "")
        assert item.clip_job().hdr == "keep"


def test_light_is_spread_as_the_standards_say() -> None:
    grey = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    # 1000 cd/m2 is the signal 0.7518 of PQ, and the largest of HLG on a screen of so much.
    np.testing.assert_allclose(to_hdr(grey, "smpte2084")[0] / 65535, [[0] * 3, [0.7518] * 3], atol=1e-4)
    np.testing.assert_allclose(to_hdr(grey, "arib-std-b67")[0] / 65535, [[0] * 3, [1] * 3], atol=1e-3)
    deep = to_hdr(grey.astype(np.uint16) * 257, "smpte2084")
    np.testing.assert_array_equal(deep, to_hdr(grey, "smpte2084"))
