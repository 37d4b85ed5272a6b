"""A GIF of a clip that may take no more than so many bytes."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import write_clip

from pipeline.errors import UsageError
from pipeline.media import open_source


def test_a_gif_of_a_clip_fits_and_leaves_nothing_else(tmp_path: Path) -> None:
    noisy = [np.random.default_rng(number).integers(0, 256, (40, 60, 3), np.uint8) for number in range(8)]
    how = {"count": 8, "rate": 20, "width": 60, "height": 40}
    write_clip(tmp_path / "free.gif", noisy, **how)
    limit = (tmp_path / "free.gif").stat().st_size // 2
    sink = write_clip(tmp_path / "o.gif", noisy, max_bytes=limit, **how)
    assert 0 < (tmp_path / "o.gif").stat().st_size <= limit and any("to stay below" in note for note in sink.notes)
    assert open_source(tmp_path / "o.gif").info.duration == Fraction(8, 20)
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "no.gif"))):
        write_clip(tmp_path / "no.gif", noisy, max_bytes=100, **how)
    with pytest.raises(UsageError, match="max-bytes"):
        write_clip(tmp_path / "no.mp4", noisy, max_bytes=100, **how)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free.gif", "o.gif"]
