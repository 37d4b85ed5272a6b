"""Memory that does not suffice to find the motion of a clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs import SMALL, assert_same, moving_folder, paint_picture
from test_out_of_memory import too_large

from pipeline.batch.devices import WorkerDevice
from pipeline.batch.plan.item import Item
from pipeline.batch.task import Failed, Message, Task
from pipeline.batch.worker import work_on
from pipeline.clip.jobs import StylePicture
from pipeline.motion.flow import Dis, Flow
from pipeline.report.failures import error_text
from pipeline.types import Image
from reelbrush import stylize_video

FRAMES = 5
HOW = {**SMALL, "cuts": "none"}
"""Nothing is looked for before the first frame."""


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """A clip and a style."""
    return moving_folder(tmp_path / "clip", FRAMES), paint_picture(tmp_path / "style.png", 3, 64, 48)


def short_of_memory(patch: pytest.MonkeyPatch, fails: range) -> list[int]:
    """OpenCV is asked for more than there is where some of the flows are looked for. Returns how many were so far."""
    usual, asked = Dis.__call__, [0]

    def found(self: Dis, before: Image, after: Image) -> Flow:
        asked[0] += 1
        if asked[0] in fails:
            too_large()
        return usual(self, before, after)

    patch.setattr(Dis, "__call__", found)
    return asked


def test_motion_is_found_between_the_frames_where_it_cannot_be_found_beside(
    tmp_path: Path, inputs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    stylize_video(*inputs, tmp_path / "whole", **HOW)
    asked = short_of_memory(monkeypatch, range(3, 4))
    stylize_video(*inputs, tmp_path / "short", **HOW)
    assert asked[0] > 3
    assert_same(tmp_path / "whole", tmp_path / "short", FRAMES)


def test_a_painting_whose_motion_cannot_be_found_for_want_of_memory_says_so(
    tmp_path: Path, inputs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, range(3, 1000))
    settings = {key: value for key, value in HOW.items() if key != "device"}
    item = Item("out", inputs[0], (StylePicture(inputs[1]),), tmp_path / "out", settings=settings)
    printed: list[Message] = []
    work_on(Task(item, "paint"), WorkerDevice("cpu", 1), printed.append, lambda: False)
    failed = printed[-1]
    assert isinstance(failed, Failed)
    assert failed.again
    for words in (str(inputs[0]), "Memory ran out", "--size", "Fewer --workers"):
        assert words in failed.error
    assert "Traceback" not in failed.error
    assert list((tmp_path / "out.reelbrush" / "frames").glob("*.png")), "what was painted is kept"

    with pytest.raises(Exception, match="Insufficient memory") as caught:
        stylize_video(*inputs, tmp_path / "other", **HOW)
    assert error_text(caught.value)[0].startswith("Memory ran out. Close other programs")
