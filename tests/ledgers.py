"""Ledgers of batches that never ran, for the tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import FlickerRow, FrameRow, OutputRow, ThumbnailRow
from pipeline.batch.plan.item import Item
from pipeline.clip.jobs import StylePicture
from pipeline.media.thumbnail import thumbnail

BEGAN = 1_790_000_000.0
"""When it all began, seconds since 1970."""


def item_of(folder: Path, name: str, suffix: str = "") -> Item:
    """An item whose output lies in `folder`."""
    style = StylePicture(folder / "styles" / "wheat field.jpg")
    return Item(name, folder / "in" / f"{name}{suffix}", (style,), folder / name)


def planned(folder: Path, names: Sequence[str]) -> Ledger:
    """A batch that waits. The caller closes the ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder, write=True)
    ledger.plan([item_of(folder, name) for name in names])
    return ledger


def jpeg(seed: int, width: int = 96, height: int = 64) -> bytes:
    """A small picture, another one for every seed."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin((seed + 3 + channel) * (x + 0.3 * y * channel) * 5 + seed) for channel in range(3)]
    return thumbnail((np.stack(waves, 2) * 100 + 128).astype(np.uint8), 640, 120_000)


def frame_row(frame: int, in_pass: int = 1, stopped: str = "plateau", loss: float | None = None) -> FrameRow:
    """A frame whose loss tells its number."""
    total = 1 + frame / 10 if loss is None else loss
    return FrameRow(in_pass, frame, {"total": total, "content": 0.25, "style": 0.5}, 40, 2.0, stopped)


def finish(
    ledger: Ledger, name: str, frames: int = 12, cut: int | None = 6, seconds: float = 90.0, began: float = BEGAN,
    thumbnails: Sequence[int] = (0, 4, 8, 11), rows: Sequence[FrameRow] | None = None,
) -> None:  # fmt: skip
    """Note that an item is done, at a time that does not depend on when this is called."""
    (item,) = [row.item for row in ledger.items() if row.name == name]
    ledger.change(
        name, width=96, height=64, frames=frames, passes=1, began=began, estimate=60.0,
        cuts=[] if cut is None else [cut],
    )  # fmt: skip
    ledger.spend(name, seconds)
    network = "the original VGG-19, 8 bits a weight (c34748d2)"
    made = {"software": "reelbrush 0.1.0", "network": network, "settings": "seed = 7\n"}
    flicker = [
        FlickerRow(frame, *((None, None) if frame == cut else (0.002 + frame / 10_000, 0.001)))
        for frame in range(1, frames)
    ]
    ledger.finish(
        name,
        [OutputRow(item.output, 1_234_567, "ab" * 32)],
        rows if rows is not None else [frame_row(frame) for frame in range(frames)],
        flicker,
        [ThumbnailRow(frame, jpeg(frame), jpeg(frame + 50)) for frame in thumbnails],
        notes=["Not taken over from park.mp4: sound (aac)."],
        made=made,
    )
    set_columns(ledger, "item", name, ended=began + seconds)


def set_columns(ledger: Ledger, table: str, key: object, **values: object) -> None:
    """Write what the driver would have written at another time."""
    column = {"item": "name", "run": "number"}[table]
    changes = ", ".join(f"{name} = ?" for name in values)
    ledger._db.execute(f"UPDATE {table} SET {changes} WHERE {column} = ?", (*values.values(), key))
