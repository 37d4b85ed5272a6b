"""Results that no ledger knows, and that say themselves how they were made."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jobs import SMALL, paint_picture
from media_clips import write_clip
from tiny import picture

from pipeline.batch.checked_item import CheckedItem
from pipeline.batch.ledger import Ledger
from pipeline.batch.plan.batch import plan_batch
from pipeline.batch.preflight import Preflight
from pipeline.batch.recover import recovered
from reelbrush import stylize_image, stylize_video

HOW = {name: value for name, value in SMALL.items() if name != "device"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a batch would have made of a clip and a picture, and no ledger."""
    here = tmp_path_factory.mktemp("batch")
    wide = picture(32, 50, seed=3)
    write_clip(here / "in.mp4", [wide[:, k : k + 48].copy() for k in range(2)], count=2, width=48, height=32)
    paint_picture(here / "c.png")
    paint_picture(here / "s.png", seed=9)
    (here / "out").mkdir()
    stylize_video(here / "in.mp4", here / "s.png", here / "out" / "in-s.mp4", **SMALL)
    stylize_image(here / "c.png", here / "s.png", here / "out" / "c-s.png", **SMALL)
    return here


def found(here: Path, tmp_path: Path, **options: Any) -> list[str]:
    """The paintings of a batch that are there already."""
    inputs = [str(here / "in.mp4"), str(here / "c.png")]
    batch = plan_batch(inputs, [str(here / "s.png")], here / "out", options={**HOW, **options})
    with closing(Ledger(tmp_path, write=True)) as ledger:
        ledger.plan(batch.items)
        checked = [Preflight(None, "cpu", overwrite=True).check(item) for item in batch.items]
        pairs = [(one, row) for one, row in zip(checked, ledger.items(), strict=True) if isinstance(one, CheckedItem)]
        assert len(pairs) == 2
        return [row.name for one, row in pairs if recovered(one, row)]


def test_what_was_made_so_is_found(here: Path, tmp_path: Path) -> None:
    assert found(here, tmp_path) == ["in-s.mp4", "c-s.png"]


@pytest.mark.parametrize(
    ("other", "left"),
    [({"audio": "none"}, ["c-s.png"]), ({"shortest": True}, ["c-s.png"]), ({"location": True}, ["c-s.png"]),
     ({"quality": "small"}, ["c-s.png"]), ({"fps": "12"}, ["c-s.png"]), ({"strength": 0.7}, []),
     ({"upscale": True}, []), ({"output_size": "source"}, [])],
)  # fmt: skip
def test_what_was_asked_for_otherwise_is_painted(
    here: Path, tmp_path: Path, other: dict[str, Any], left: list[str]
) -> None:
    assert found(here, tmp_path, **other) == left
