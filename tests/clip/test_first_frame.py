"""A first frame that was painted by hand: it stays, leads what comes after it, and counts as a style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, SMALL, invoke, moving_folder, paint_picture, pictures
from PIL import Image as Pillow

from pipeline.clip.events import FrameDone
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.loss_monitor import worst_notes
from pipeline.clip.record_reading import read_record
from pipeline.media import read_picture, write_picture
from pipeline.media.frame_file import read_kept
from reelbrush import stylize_video
from tests.tiny import tiny_settings

FRAMES = 3


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`in/` pans by a pixel a frame; `hand.png` is its first frame, turned to orange, of twice the size."""
    here = tmp_path_factory.mktemp("inputs")
    moving_folder(here / "in", FRAMES)
    paint_picture(here / "style.png", seed=9)
    first = read_picture(here / "in" / "0.png").astype(float)
    orange = (0.5 * first + 0.5 * np.array([255.0, 120.0, 0.0])).astype(np.uint8)
    write_picture(here / "hand.png", np.repeat(np.repeat(orange, 2, 0), 2, 1))
    return here


def painted(inputs: Path, output: Path, **more: Any) -> list[np.ndarray]:
    how = {**SMALL, "passes": 2, **more}
    stylize_video(inputs / "in", inputs / "style.png", output, **how)
    return [image.astype(float) for image in pictures(output)]


def off(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_it_stays_to_the_pixel_and_leads_the_others(tmp_path: Path, inputs: Path) -> None:
    hand = np.array(Pillow.open(inputs / "hand.png").resize((48, 32), Pillow.Resampling.BOX), float)
    told: list[FrameDone] = []

    def on_event(event: Any) -> None:
        if isinstance(event, FrameDone) and event.frame == 0:
            told.append(event)

    alone = painted(inputs, tmp_path / "alone")
    led = painted(inputs, tmp_path / "led", first=inputs / "hand.png", on_event=on_event, keep=True)
    assert off(led[0], hand) < 1.0 < off(alone[0], hand)
    kept, record = read_kept(tmp_path / "led.reelbrush" / "frames" / "000000.png")
    np.testing.assert_array_equal(led[0], kept)
    assert '"given"' in "".join(record.values())
    assert [(one.stopped, one.steps, one.in_pass) for one in told] == [("given", 0, 1), ("given", 0, 2)]
    assert all(one.losses["total"] > 0 for one in told)
    # The clip pans: what stood at x in the first frame stands k to the left in frame k.
    for k in range(1, FRAMES):
        inner = np.s_[4:-4, 4 : 44 - k]
        moved = hand[:, k:][inner]
        assert off(led[k][inner], moved) < 0.5 * off(alone[k][inner], moved), k


def test_its_statistics_count_as_much_as_those_of_the_styles(tmp_path: Path, inputs: Path) -> None:
    """Where nothing is carried from frame to frame, its colours come to the others all the same."""
    how = {"carry": "none", "passes": 1}
    alone = painted(inputs, tmp_path / "alone", **how)
    led = painted(inputs, tmp_path / "led", first=inputs / "hand.png", **how)
    hand, style = (read_picture(inputs / name).mean((0, 1)) for name in ("hand.png", "style.png"))
    orange = (hand - style) / np.linalg.norm(hand - style)
    assert float((led[-1] - alone[-1]).mean((0, 1)) @ orange) > 5.0


def test_a_frame_of_another_shape_is_refused(tmp_path: Path, inputs: Path) -> None:
    paint_picture(tmp_path / "square.png", width=40, height=40)
    job = ("video", inputs / "in", "-s", inputs / "style.png", *QUICK, "-o", tmp_path / "out")
    refused = invoke(*job, "--first", tmp_path / "square.png")
    assert refused.exit_code == 2 and "another shape" in refused.stderr
    missing = invoke(*job, "--first", tmp_path / "none.png")
    assert missing.exit_code == 1 and "none.png" in missing.stderr
    assert invoke(*job, "--first", tmp_path / "square.png", "--aspect", "1:1").exit_code == 0
    cut = read_picture(tmp_path / "out" / "frame_000001.png")
    assert cut.shape == (32, 32, 3)


def test_results_know_it(tmp_path: Path, inputs: Path) -> None:
    job = ("video", inputs / "in", "-s", inputs / "style.png", *QUICK, "-o", tmp_path / "out")
    hand = ("--first", inputs / "hand.png")
    assert invoke(*job, *hand).exit_code == 0
    record = read_record(tmp_path / "out")
    assert record.first is not None and record.first.path.name == "hand.png" and record.first in record.ingredients
    assert "already painted" in invoke(*job, *hand).stderr
    other = invoke(*job)
    assert other.exit_code == 1 and "--overwrite" in other.stderr
    assert "first frame" in invoke("replay", tmp_path / "out", "--show").stdout
    again = invoke("replay", tmp_path / "out", "-o", tmp_path / "again", "--device", "cpu")
    assert again.exit_code == 0 and f"All {FRAMES} frames equal those of out in every pixel" in again.stderr


def test_another_first_frame_is_another_job(tmp_path: Path, inputs: Path) -> None:
    paint_picture(tmp_path / "other.png", seed=3)

    def stop(event: Any) -> None:
        if isinstance(event, FrameDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painted(inputs, tmp_path / "out", first=inputs / "hand.png", on_event=stop)
    with pytest.raises(Exception, match=r"differs in first \("):
        painted(inputs, tmp_path / "out", first=tmp_path / "other.png")
    assert len(painted(inputs, tmp_path / "out", first=inputs / "hand.png")) == FRAMES


def test_its_loss_is_no_news(tmp_path: Path, inputs: Path) -> None:
    """What was painted by hand may be far from what the losses want."""
    painted(inputs, tmp_path / "led", first=inputs / "hand.png", keep=True)
    store = FrameStore(tmp_path / "led.reelbrush" / "frames", range(FRAMES))
    totals = [store.record(index)["losses"]["total"] for index in range(FRAMES)]
    assert totals[0] > 2 * max(totals[1:])
    assert worst_notes(store, tiny_settings()) == ()
