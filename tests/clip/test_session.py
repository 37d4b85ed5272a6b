"""A job that is opened: its painter beside its input."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from jobs import moving_folder, paint_picture
from tiny import CPU, PLAN, tiny_settings, tiny_weights

from pipeline.clip import session as module
from pipeline.clip.engine import Engine, open_painter
from pipeline.clip.jobs import ClipJob, StylePicture
from pipeline.clip.session import open_session
from pipeline.errors import MediaError
from pipeline.media import open_source
from pipeline.network.base import Network


def engine() -> Engine:
    return Engine(tiny_settings(size=0), Network(PLAN, tiny_weights()), CPU)


def test_the_painter_is_opened_while_the_input_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = threading.Barrier(2)

    def met(right: Any) -> Any:
        def opened(*arguments: Any, **named: Any) -> Any:
            meeting.wait(10)
            return right(*arguments, **named)

        return opened

    monkeypatch.setattr(module, "open_painter", met(open_painter))
    monkeypatch.setattr(module, "open_source", met(open_source))
    style = paint_picture(tmp_path / "style.png")
    job = ClipJob(moving_folder(tmp_path / "in", 3), (StylePicture(style),), tmp_path / "out")
    session = open_session(job, engine())
    assert session.source.info.frames == 3 and session.painter.settings == session.settings
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("open")]


@pytest.mark.parametrize(
    ("style", "source", "told"), [(False, False, "style.png"), (True, False, "in"), (False, True, "style.png")]
)
def test_of_what_cannot_be_read_the_style_is_told_of_first(
    tmp_path: Path, style: bool, source: bool, told: str
) -> None:
    if style:
        paint_picture(tmp_path / "style.png")
    if source:
        moving_folder(tmp_path / "in", 3)
    job = ClipJob(tmp_path / "in", (StylePicture(tmp_path / "style.png"),), tmp_path / "out")
    with pytest.raises(MediaError, match=told):
        open_session(job, engine())
