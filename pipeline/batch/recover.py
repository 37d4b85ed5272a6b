"""Results that the ledger has no note of, but whose own metadata show that they are what is wanted: finished when the
driver was killed before it could note them, or by a batch whose ledger is lost."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.batch.checked_item import CheckedItem
from pipeline.batch.ledger_rows import ItemRow, OutputRow
from pipeline.batch.perform import output_row
from pipeline.clip.finished_outputs import output_options
from pipeline.clip.identity import settings_identity
from pipeline.clip.record_reading import read_record, recorded_settings
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
    record, wanted = read_record(path), json.loads(checked.identity)
    styles = [style.identity for style in record.styles]
    made_of = [record.version, record.source.sha256, styles, record.digest]
    if made_of != [wanted["reelbrush"], wanted["input"], wanted["styles"], wanted["network"]]:
        return False
    also = [one and one.sha256 for one in (record.init, record.first)]
    parts = {name: wanted[name] for name in ("region", "protect") if name in wanted}
    if record.parts != parts or also != [wanted.get("init"), wanted.get("first")]:
        return False
    settings, _ = recorded_settings(record)
    item = checked.item
    if settings_identity(settings) != settings_identity(checked.settings) or record.upscale != item.upscale:
        return False
    if (record.aspect, record.pad, record.alpha) != (item.aspect, item.pad, item.alpha):
        return False
    if item.still:
        return (record.output_size, record.until) == (item.output_size, None)
    job = item.clip_job()
    written = output_options(job, path)
    same = (record.frames, record.rate) == (checked.subject.part, job.rate)
    same = same and all(getattr(record, name) == value for name, value in written.items())
    return same and (record.fewer_frames or open_source(path).info.frames == checked.subject.frames)
