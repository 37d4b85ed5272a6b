"""A painting that was finished when the driver was killed before it could note it."""

from __future__ import annotations

from pipeline.errors import ReelbrushError
from pipeline.job.batch.examine import Ready
from pipeline.job.batch.perform import output_row
from pipeline.job.batch.rows import ItemRow, OutputRow
from pipeline.media import open_source, read_metadata


def adopted(ready: Ready, row: ItemRow) -> tuple[OutputRow, ...]:
    """The results of a painting that an earlier run was at, if all of them are there and say that they were made this
    way; else none."""
    item = ready.item
    if row.began is None or not all(path.exists() for path in item.outputs):
        return ()
    if not item.still and item.clip_job().work.exists():
        # The work folder goes last.
        return ()
    try:
        for path in item.outputs:
            if read_metadata(path).get("settings") != ready.settings.as_toml():
                return ()
        if not item.still and open_source(item.output).info.frames != ready.subject.frames:
            return ()
        return tuple(output_row(path) for path in item.outputs)
    except ReelbrushError:
        return ()
