"""The frame of a clip that came out worst is named, where it is far above the others."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jobs import SMALL, moving_folder, paint_picture
from tiny import tiny_settings

from pipeline.clip.events import Event, Finished
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.loss_monitor import worst_notes
from pipeline.frame_numbers import FrameNumbers
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from reelbrush import stylize_video


def said(folder: Path, *losses: float, temporal: float = 0.0, first: int = 0) -> tuple[str, ...]:
    store = FrameStore(folder, range(len(losses) - 1, -1, -1))
    for index in store.order:
        found = {"total": losses[index] + 10 * temporal, "temporal": temporal}
        store.put(index, PaintedFrame(np.zeros((4, 6, 3), np.uint8), found, 5, 0.1, Stop.STEPS))
    return worst_notes(store, tiny_settings(temporal_weight=10.0), FrameNumbers(first))


def test_the_worst_frame_is_named_by_its_number_in_the_input(tmp_path: Path) -> None:
    (note,) = said(tmp_path, 1.0, 1.1, 2.2, 0.9, 1.0, temporal=5.0)
    assert note.startswith("Frame 2 stands out: its loss is 2.2 times that of the median one.")
    (note,) = said(tmp_path / "b", 1.0, 1.1, 2.2, first=16)
    assert note.startswith("Frame 18 stands out")


@pytest.mark.parametrize(
    "losses",
    [(1.0, 1.2, 1.49, 1.0), (5.0,), (1.0, 9.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (math.nan, 1.0, 1.0)],
)
def test_nothing_is_said_where_none_stands_out(tmp_path: Path, losses: tuple[float, ...]) -> None:
    assert said(tmp_path, *losses) == ()


def test_a_clip_with_a_frame_that_fell_apart_says_so_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, style = moving_folder(tmp_path / "in", 5), paint_picture(tmp_path / "style.png", seed=9)
    right = Painter.paint

    def paint(
        self: Painter, content: np.ndarray, carried: WarmStart | None, index: int, *rest: object, **more: object
    ) -> PaintedFrame:
        found = right(self, content, carried, index, *rest, **more)  # type: ignore[arg-type]
        return replace(found, losses={**found.losses, "total": 20 * found.losses["total"]}) if index == 2 else found

    told: list[Event] = []
    common = {**SMALL, "steps": 25, "carried_steps": 12}
    sound = stylize_video(folder, style, tmp_path / "sound", on_event=told.append, **common)
    assert not [note for note in sound.notes if "stands out" in note]
    monkeypatch.setattr(Painter, "paint", paint)
    result = stylize_video(folder, style, tmp_path / "out", on_event=told.append, **common)
    (note,) = [note for note in result.notes if "stands out" in note]
    assert note.startswith("Frame 2 stands out")
    assert isinstance(told[-1], Finished) and note in told[-1].notes
