"""Results that the ledger has no note of, but whose own metadata show that they are what is wanted: finished when the
driver was killed before it could note them, or by a batch whose ledger is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.batch.checked_item import CheckedItem
from pipeline.batch.ledger_rows import ItemRow, OutputRow
from pipeline.batch.perform import output_row
from pipeline.clip.finished_outputs import output_options, same_making
from pipeline.clip.provenance import Record
from pipeline.clip.record_reading import read_record
from pipeline.errors import ReelbrushError
from pipeline.media import open_source


def recovered(checked: CheckedItem, row: ItemRow) -> tuple[OutputRow, ...]:
    """The results of a painting, if all of them are there and were made this way by their metadata; else none."""
    item = checked.item
    # The work folder goes last: where it is, the results may not all be there.
    work = item.still_job().work if item.still else item.clip_job().work
    if (work is not None and work.exists()) or not all(
        made_by_earlier_run(row, path, checked) for path in item.outputs
    ):
        return ()
    return tuple(output_row(path, item.source) for path in item.outputs)


def made_by_earlier_run(row: ItemRow, path: Path, checked: CheckedItem) -> bool:
    """Whether a file is a result that an earlier run has left: it says that it was made this way, from these very
    pictures."""
    # Of what was noted, the file itself is known.
    if row.made or not path.exists():
        return False
    try:
        return _matches(path, checked)
    except ReelbrushError:
        return False


def _matches(path: Path, checked: CheckedItem) -> bool:
    record, wanted, item = read_record(path), json.loads(checked.identity), checked.item
    init = record.init and record.init.sha256
    made_of = [record.source.sha256, [style.identity for style in record.styles], init, record.digest]
    if made_of != [wanted.get(name) for name in ("input", "styles", "init", "network")]:
        return False
    parts = ("region", "protect", "keyframes", "exemplar")
    if record.parts != {name: wanted[name] for name in parts if name in wanted}:
        return False
    if not same_making(record, _as_asked(record, path, checked)):
        return False
    return item.still or record.fewer_frames or open_source(path).info.frames == checked.subject.frames


def _as_asked(record: Record, path: Path, checked: CheckedItem) -> Record:
    """How a result would be made that is made as the item asks for it. What it does not ask for is that of `record`:
    number format and optical flow are those of the machine that painted it."""
    item = checked.item
    asked: dict[str, Any] = {
        "version": __version__,
        "settings": checked.settings.as_toml(),
        "upscale": item.upscale,
        "until": None,
    }
    asked |= item.framing
    if not item.still:
        sound = {name: getattr(item, name) for name in ("audio", "shortest", "location")}
        asked |= {"frames": checked.subject.part, "rate": item.rate, **sound, **output_options(item.clip_job(), path)}
    return replace(record, **asked)
