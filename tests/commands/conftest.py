"""What tests of the commands work with."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs import paint_picture
from tests.media_clips import clip


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command answers SIGTERM in its own way; the tests after it should not."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a picture `c.png` and a style `s.png`; no weights on the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no-weights"))
    paint_picture(tmp_path / "c.png")
    paint_picture(tmp_path / "s.png", seed=9)
    return tmp_path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("film") / "v.mp4", frames=4, sound=True)
