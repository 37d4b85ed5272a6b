"""What a batch says of failures: what helps, and what the same command does about each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from batch_trials import batch_trial
from batches import trial
from jobs import SMALL, paint_folder, paint_picture, pictures, reelbrush

from pipeline.batch.devices import WorkerDevice
from pipeline.batch.events import BatchEvent, ItemEvent
from pipeline.batch.plan.item import Item
from pipeline.batch.task import Failed, Message, Task
from pipeline.batch.worker import work_on
from pipeline.clip.events import Started
from pipeline.clip.jobs import StylePicture
from pipeline.media import Image, read_picture

pytestmark = pytest.mark.heavy

HOW = ("--sequences", "--name", "{stem}{ext}")


def test_what_trying_again_cannot_mend_is_not_said_to_be_tried_again(tmp_path: Path) -> None:
    one = batch_trial(tmp_path)
    broken = paint_folder(one.inputs / "walk", 3) / "frame_002.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) * 2 // 3])
    first = one.command(*HOW)
    assert first.returncode == 1
    assert "Copy or download it again" in str(one.rows()["walk"].error)
    printed = (first.stderr, reelbrush("status", one.out).stdout, (one.out / "report.html").read_text())
    for text in printed:
        assert "Each failure says what to do about it. Then give the same command again" in " ".join(text.split())
        assert "--retry-failed" not in text
    broken.write_bytes(whole)
    again = one.command(*HOW)
    assert (again.returncode, len(pictures(one.out / "walk"))) == (0, 3)
    assert "Each failure" not in again.stderr + reelbrush("status", one.out).stdout


def test_an_input_that_broke_while_it_was_painted_is_gone_on_with_once_it_is_mended(tmp_path: Path) -> None:
    one = trial(tmp_path / "root", frames=12)
    broken = one.source() / "frame_012.png"
    whole = broken.read_bytes()

    def cut_off(event: BatchEvent) -> None:
        if isinstance(event, ItemEvent) and isinstance(event.event, Started):
            broken.write_bytes(whole[: len(whole) // 2])

    assert one.here(cut_off).exit_code == 1
    kept = len(one.kept())
    assert kept > 5
    assert "Copy or download it again" in str(one.row().error)
    broken.write_bytes(whole)
    again: list[BatchEvent] = []
    assert one.here(again.append).exit_code == 0
    started = [event.event.done for event in again if isinstance(event, ItemEvent) and isinstance(event.event, Started)]
    assert started == [kept]


def test_a_style_that_is_gone_for_a_while_is_not_held_against_the_painting(tmp_path: Path) -> None:
    source, style = paint_picture(tmp_path / "a.png"), tmp_path / "gone.png"
    settings = {key: value for key, value in SMALL.items() if key != "device"}
    item = Item("b.png", source, (StylePicture(style),), tmp_path / "b.png", settings=settings)
    printed: list[Message] = []
    work_on(Task(item, "paint"), WorkerDevice("cpu", 1), printed.append, lambda: False)
    failed = printed[-1]
    assert isinstance(failed, Failed)
    assert failed.again
    assert failed.error.startswith(str(style))


def test_a_picture_too_large_for_the_memory_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = batch_trial(tmp_path)
    for name in ("a.png", "large.png"):
        paint_picture(one.inputs / name)

    def read(path: Path) -> Image:
        # What no machine has, asked of the allocator itself.
        return np.empty((2**28, 2**28, 3), np.uint8) if path.name == "large.png" else read_picture(path)

    monkeypatch.setattr("pipeline.batch.preflight.read_picture", read)
    reported = one.here()
    assert (reported.begun, reported.outcome.exit_code) == (["a-ink.png"], 3)
    ((name, error),) = reported.planned.failed
    assert name == "large-ink.png"
    assert error.startswith(f"{one.inputs / 'large.png'}: Memory ran out. Close other programs")
