"""Which snapshots of a painting are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from stories import Result, grey, lightness, visible_change

from pipeline.media import Image
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.snapshots import MOST, Loss, SnapshotRecorder, Snapshots
from pipeline.pictures.story import Story
from pipeline.style.frame import Progress
from pipeline.style.objective import Losses
from pipeline.style.optimise import Step


def test_visible_change_by_hand() -> None:
    black, white = np.zeros((40, 64, 3), np.uint8), np.full((40, 64, 3), 255, np.uint8)
    assert visible_change(black, white) == pytest.approx(100, abs=0.01)
    assert visible_change(grey(60), grey(63)) == pytest.approx(3, abs=0.4)
    half = np.array(black)
    half[:, :32] = 255
    assert visible_change(black, half) == pytest.approx(50, abs=1)
    assert visible_change(grey(0, 400, 640), grey(50, 400, 640)) == pytest.approx(50, abs=0.3)


def test_grain_is_not_visible_change() -> None:
    """At a glance a fine checkerboard is grey."""
    plain = np.full((256, 256, 3), 128, np.uint8)
    board = np.array(plain)
    board[::2, ::2] += 30
    board[1::2, 1::2] += 30
    board[::2, 1::2] -= 30
    board[1::2, ::2] -= 30
    assert visible_change(plain, board) < 1.5


def unasked() -> Any:
    raise AssertionError("a snapshot needs no more than the picture")


def told(step: int, of: int, lightness: float, total: float = 1.0, start: float = 0.0) -> Progress:
    image, first = (torch.from_numpy(grey(light)).permute(2, 0, 1)[None].float() / 255 for light in (lightness, start))
    detail = Step(step, of, Losses(torch.tensor(total), {}), lambda: image, unasked)
    return Progress(step, of, step / of, 0, 1, detail, lambda: image, lambda: first, unasked)


def recorded(recorder: SnapshotRecorder, first: Image, final: Image) -> Snapshots:
    return recorder.snapshots(Result(first, final))  # type: ignore[arg-type]


def test_the_recorder_keeps_a_bounded_number_of_small_pictures() -> None:
    recorder = SnapshotRecorder(size=32)
    most = 0
    random = np.random.default_rng(1)
    for step in range(1, 1001):
        recorder(told(step, 1000, float(random.uniform(0, 100))))
        most = max(most, len(recorder._taken))
    assert MOST / 2 <= most <= MOST + 1
    found = recorded(recorder, grey(0), grey(100))
    assert {shot.image.shape for shot in found.taken} == {(20, 32, 3)}
    assert found.content.shape == found.painting.shape == (20, 32, 3)
    images = Story(found, StoryOptions(frames=5)).render().images
    assert len(images) == 5 and lightness(images)[-1] == pytest.approx(100, abs=0.1)


def test_the_recorder_spaces_its_frames_by_change() -> None:
    recorder = SnapshotRecorder(size=64)
    for step in range(1, 401):
        recorder(told(step, 400, 90 * (1 - 0.98**step)))
    images = Story(recorded(recorder, grey(0), grey(90)), StoryOptions(frames=9, size=64)).render().images
    gaps = np.diff(lightness(images))
    assert len(images) == 9
    assert gaps.min() > 0.8 * 90 / 8 and gaps.max() < 1.2 * 90 / 8


def test_pictures_of_a_painting_that_stands_still_are_not_kept() -> None:
    recorder = SnapshotRecorder()
    for step in range(1, 100):
        recorder(told(step, 100, 50))
    assert [shot.step for shot in recorder._taken] == [0, 1]


def test_late_steps_are_not_all_fetched() -> None:
    """A picture costs a transfer from the device and a resize."""
    fetched = 0

    def fetch() -> torch.Tensor:
        nonlocal fetched
        fetched += 1
        return torch.zeros(1, 3, 8, 8)

    recorder = SnapshotRecorder()
    detail = Step(1, 20_000, Losses(torch.tensor(1.0), {}), fetch, unasked)
    for step in range(1, 20_001):
        recorder(Progress(step, 20_000, step / 20_000, 0, 1, detail, fetch, fetch, unasked))
    assert 2 * MOST <= fetched <= 4 * MOST


def test_losses_belong_to_the_picture_before_their_step() -> None:
    recorder = SnapshotRecorder()
    for step, total in ((1, 8.0), (2, 4.0), (3, 2.0)):
        recorder(told(step, 3, 20 * step, total))
    found = recorder.snapshots(Result(grey(0), grey(60), steps=3))  # type: ignore[arg-type]
    assert found.losses == (Loss(0, 0, 8.0), Loss(1, 0, 4.0), Loss(2, 0, 2.0), Loss(3, 0, 0.5))


def test_a_painting_that_begins_again_is_recorded_from_its_new_beginning() -> None:
    """Memory ran out after two steps."""
    recorder = SnapshotRecorder()
    for step, light in ((1, 10.0), (2, 20.0), (1, 30.0), (2, 40.0), (3, 50.0)):
        recorder(told(step, 3, light, total=light))
    found = recorder.snapshots(Result(grey(0), grey(50), steps=3))  # type: ignore[arg-type]
    assert [shot.step for shot in found.taken] == [0, 1, 2, 3]
    assert lightness([shot.image for shot in found.taken]) == pytest.approx([0, 30, 40, 50], abs=0.5)
    assert [loss.total for loss in found.losses] == [30, 40, 50, 0.5]


def test_a_loss_that_is_no_number_is_not_drawn() -> None:
    recorder = SnapshotRecorder()
    for step, total in ((1, 8.0), (2, float("nan")), (3, float("inf")), (4, 2.0)):
        recorder(told(step, 4, 20 * step, total))
    found = recorder.snapshots(Result(grey(0), grey(80), steps=4))  # type: ignore[arg-type]
    assert [loss.step for loss in found.losses] == [0, 3, 4]
    Story(found, StoryOptions(curve=True)).render(6)
