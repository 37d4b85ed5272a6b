"""Finished frames that are damaged on the disk while their clip is still being painted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from batches import Trial, assert_finished, trial
from jobs import SMALL, moving_folder, paint_picture, pictures
from tiny import picture

from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.ledger_rows import State
from pipeline.clip.events import Damaged, Event, FrameDone
from pipeline.clip.frame_store import FrameStore
from pipeline.errors import DamagedFrameError
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from reelbrush import stylize_video

PASSES = (("passes", 2),)
"""The second one goes backward and starts from the paintings of the first: every one of them is read again."""


def flip(path: Path) -> None:
    """A bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def once_done(frame: int, act: Callable[[], None]) -> Callable[[Event], None]:
    """Acts when that frame was painted in the first pass, the first time."""
    acted: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, FrameDone) and (event.frame, event.in_pass) == (frame, 1) and not acted:
            acted.append(event)
            act()

    return on_event


def watching(on_event: Callable[[Event], None]) -> Callable[[BatchEvent], None]:
    def reported(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent):
            on_event(event.event)

    return reported


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    one = trial(tmp_path_factory.mktemp("undisturbed") / "root", settings=PASSES)
    assert one.here().exit_code == 0
    return one


@pytest.mark.heavy
def test_a_batch_paints_a_frame_again_that_was_damaged_in_the_meantime(tmp_path: Path, undisturbed: Trial) -> None:
    one = trial(tmp_path / "root", settings=PASSES)
    hurt = once_done(1, lambda: flip(one.work() / "pass1" / "000001.png"))
    assert one.here(watching(hurt)).exit_code == 0
    # What is said before a clip is painted is in the account as well.
    assert any("states no frame rate" in note for note in one.row().notes)
    assert [note for note in one.row().notes if "damaged" in note] == [
        "Frame 1 was damaged on the disk. It was painted again, and all that came after it."
    ]
    assert_finished(one, undisturbed)


@pytest.mark.heavy
def test_a_batch_gives_up_a_painting_whose_frames_are_damaged_again_and_again(tmp_path: Path) -> None:
    one = trial(tmp_path / "root", settings=PASSES)

    def hurt(event: Event) -> None:
        if isinstance(event, FrameDone) and (event.frame, event.in_pass) == (1, 1):
            flip(one.work() / "pass1" / "000001.png")

    assert one.here(watching(hurt)).exit_code == 1
    row = one.row()
    assert (row.state, row.again) == (State.FAILED, True)
    assert "is damaged. Give the same command again" in str(row.error)


def test_a_clip_by_itself_is_healed_as_well(tmp_path: Path) -> None:
    source, style = moving_folder(tmp_path / "clip", 4), paint_picture(tmp_path / "style.png", 3, 64, 48)
    how = {**SMALL, "passes": 2}
    stylize_video(source, style, tmp_path / "whole", **how)
    seen: list[Event] = []
    hurt = once_done(0, lambda: flip(tmp_path / "out.reelbrush" / "pass1" / "000000.png"))

    def on_event(event: Event) -> None:
        seen.append(event)
        hurt(event)

    stylize_video(source, style, tmp_path / "out", on_event=on_event, **how)
    assert [event for event in seen if isinstance(event, Damaged)] == [Damaged(0, 1)]
    for image, wanted in zip(pictures(tmp_path / "out"), pictures(tmp_path / "whole"), strict=True):
        np.testing.assert_array_equal(image, wanted)


def test_no_wrong_bit_of_a_stored_frame_goes_unseen(tmp_path: Path) -> None:
    """Not even among the last ones, by which time a decoder has all pixels."""
    store = FrameStore(tmp_path / "frames", range(1))
    image = picture(32, 48, seed=3)
    store.put(0, PaintedFrame(image, {"total": 1.0}, 1, 0.1, Stop.STEPS))
    path, data = store.path(0), store.path(0).read_bytes()
    for at in range(len(data) - 130, len(data) - 16):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[at] ^= 1 << bit
            path.write_bytes(wrong)
            with pytest.raises(DamagedFrameError):
                store.image(0)
