"""What several tests of pictures need."""

from __future__ import annotations

import pytest
from stories import Result
from tiny import picture, tiny_painter

from pipeline.pictures.snapshots import SnapshotRecorder, Snapshots


@pytest.fixture(scope="session")
def painting() -> Snapshots:
    """Of a real painting in two sizes."""
    recorder = SnapshotRecorder()
    content = picture(48, 64)
    painter = tiny_painter(levels=2, smallest=16, steps=30, optimizer="lbfgs", learning_rate=0.1)
    found = painter.paint(content, on_progress=recorder)
    result = Result(content, found.image, found.steps)
    result.painted.losses = found.losses
    return recorder.snapshots(result, [picture(40, 48, seed=1)])  # type: ignore[arg-type]
