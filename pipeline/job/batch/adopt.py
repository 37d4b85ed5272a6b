"""A painting that was finished when the driver was killed before it could note it."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.errors import ReelbrushError
from pipeline.job.batch.examine import Ready
from pipeline.job.batch.perform import output_row
from pipeline.job.batch.rows import ItemRow, OutputRow
from pipeline.job.recorded import read_record
from pipeline.media import open_source


def adopted(ready: Ready, row: ItemRow) -> tuple[OutputRow, ...]:
    """The results of a painting that an earlier run was at, if all of them are there and say that they were made this
    way; else none."""
    item = ready.item
    # The work folder goes last: where it is, the results may not all be there.
    unfinished = not item.still and item.clip_job().work.exists()
    if row.began is None or unfinished or not all(path.exists() for path in item.outputs):
        return ()
    try:
        if all(_made_so(path, ready) for path in item.outputs):
            return tuple(output_row(path) for path in item.outputs)
    except ReelbrushError:
        pass
    return ()


def _made_so(path: Path, ready: Ready) -> bool:
    record, wanted = read_record(path), json.loads(ready.identity)
    made_of = [record.source.sha256, [[style.sha256, style.weight] for style in record.styles], record.digest]
    if made_of != [wanted["input"], wanted["styles"], wanted["network"]]:
        return False
    if record.settings != ready.settings.as_toml():
        return False
    return ready.item.still or open_source(path).info.frames == ready.subject.frames
