"""The record of a batch: one SQLite file in its folder, written by the driver alone and read by whoever asks.

Everything that a finished or failed painting leaves to be known is here: what was asked for, from which bytes it was
made, what came of it, every frame with its losses, and a few small pictures for the report.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.batch.ledger_rows import FlickerRow, FrameRow, ItemRow, OutputRow, RunRow, State, ThumbnailRow
from pipeline.batch.plan.item import Item
from pipeline.errors import DiskFullError, NoStoreError, OutputError, StoreError
from pipeline.file_kind import address_text, no_file
from pipeline.frame_numbers import FrameNumbers

LEDGER = "ledger.sqlite"
VERSION = 1
"""Of the tables; a file with another one is not touched."""
BUSY_SECONDS = 30.0
"""How long a reader and the writer wait for each other."""

_TABLES = """
CREATE TABLE IF NOT EXISTS item (
    name TEXT PRIMARY KEY, position INTEGER NOT NULL, request TEXT NOT NULL, identity TEXT, state TEXT NOT NULL,
    width INTEGER, height INTEGER, frames INTEGER NOT NULL DEFAULT 0, passes INTEGER NOT NULL DEFAULT 1,
    done INTEGER NOT NULL DEFAULT 0, began REAL, ended REAL, seconds REAL NOT NULL DEFAULT 0, estimate REAL,
    error TEXT, again INTEGER NOT NULL DEFAULT 0, cuts TEXT NOT NULL DEFAULT '[]',
    notes TEXT NOT NULL DEFAULT '[]', outputs TEXT NOT NULL DEFAULT '[]', made TEXT NOT NULL DEFAULT '{}',
    in_file TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS frame (
    item TEXT NOT NULL, pass INTEGER NOT NULL, frame INTEGER NOT NULL, losses TEXT NOT NULL, steps INTEGER NOT NULL,
    seconds REAL NOT NULL, stopped TEXT NOT NULL, PRIMARY KEY (item, pass, frame)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flicker (
    item TEXT NOT NULL, frame INTEGER NOT NULL, painting REAL, input REAL, PRIMARY KEY (item, frame)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS look (
    item TEXT NOT NULL, frame INTEGER NOT NULL, before BLOB NOT NULL, after BLOB NOT NULL, PRIMARY KEY (item, frame)
);
CREATE TABLE IF NOT EXISTS run (
    number INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    version TEXT NOT NULL, workers INTEGER NOT NULL, seen REAL NOT NULL, finish_by REAL, outcome TEXT
);
CREATE TABLE IF NOT EXISTS digest (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL, digest TEXT NOT NULL
);
"""

# Position of a painting that the last plan has left out.
_LEFT_OUT = -1
# Columns of a painting that are what they are in `ItemRow`.
_PLAIN = (
    "width", "height", "frames", "passes", "done", "began", "ended", "seconds", "estimate", "error", "identity",
)  # fmt: skip


class Ledger:
    """The record of a batch. Every method is one transaction: killed at any instant, the file holds all of it or
    nothing."""

    def __init__(self, folder: Path, write: bool = False) -> None:
        """Open the ledger in `folder`.

        :param write: make it where there is none, and let it be changed: for the driver.
        :raises StoreError: there is none, it is damaged, or another version of Reelbrush wrote it.
        :raises OutputError: it cannot be made.
        """
        self.path = folder / LEDGER
        self._copy: TemporaryDirectory[str] | None = None
        if not write and not self.path.is_file():
            if address_text(folder):
                raise NoStoreError(no_file(folder))
            raise NoStoreError(
                f"{folder}: there is no batch here ({LEDGER} is missing). Name the folder given with -o."
            )
        try:
            self._open(write)
        except sqlite3.DatabaseError as error:
            raise self._as_own_error(error) from None

    def _open(self, write: bool) -> None:
        if write:
            self._db = self._connect(self.path, "rwc")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            # A ledger that is older than this column counts as one whose clips were painted from their first frames.
            if "in_file" not in {row["name"] for row in self._db.execute("PRAGMA table_info(item)")}:
                self._db.execute("ALTER TABLE item ADD COLUMN in_file TEXT NOT NULL DEFAULT '{}'")
            return
        try:
            # A reader leaves everything as it is, but it may have to play back what a killed writer left in the log.
            self._db = self._connect(self.path, "rw")
        except sqlite3.OperationalError:
            self._db = self._open_read_only()
        if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check")

    def _connect(self, path: Path, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        try:
            db.row_factory = sqlite3.Row
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION) or (version == 0 and mode != "rwc"):
                raise StoreError(f"{self.path} was written by another version of Reelbrush. Choose another folder.")
        except BaseException:
            db.close()
            raise
        return db

    def _open_read_only(self) -> sqlite3.Connection:
        """Open the ledger where nothing may be written, not even what belongs to its log."""
        with suppress(sqlite3.OperationalError):
            return self._connect(self.path, "ro")
        self._copy = TemporaryDirectory(prefix="reelbrush-")
        with suppress(OSError):
            for part in self.path.parent.glob(f"{LEDGER}*"):
                # Without its permissions: the copy can be written to.
                shutil.copyfile(part, Path(self._copy.name) / part.name)
        return self._connect(Path(self._copy.name) / LEDGER, "rw")

    def _as_own_error(self, error: sqlite3.Error) -> Exception:
        if "disk is full" in str(error):
            return DiskFullError(
                f"{self.path}: the disk is full. Make room and give the same command again: what is finished is kept."
            )
        if isinstance(error, sqlite3.OperationalError):
            return OutputError(
                f"{self.path}: the ledger cannot be written or read ({error}). Make sure that the folder is there, may "
                "be written to, and has room, and give the same command again: what is finished is kept."
            )
        return StoreError(
            f"{self.path}: the ledger is damaged ({error}). Move the file away and give the command of the batch "
            "again, without --overwrite: finished results are known by what they say of themselves and stay as they "
            "are, and the frames of unfinished clips are kept."
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._as_own_error(error) from None

    def _read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._as_own_error(error) from None

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        self._db.close()
        if self._copy is not None:
            self._copy.cleanup()

    # What is known.

    def items(self, left_out: bool = False) -> list[ItemRow]:
        """Every painting that was asked for last, in the order of the batch.

        :param left_out: those that were asked for before, too.
        """
        rows = self._read("SELECT * FROM item WHERE position != ? OR ? ORDER BY position, name", _LEFT_OUT, left_out)
        return [_item_row(row) for row in rows]

    def earlier(self) -> list[ItemRow]:
        """Paintings that earlier commands have finished and the last one leaves out, as long as they are there; in the
        order in which they were finished."""
        rows = self._read(
            "SELECT * FROM item WHERE position = ? AND state = ? ORDER BY ended, name", _LEFT_OUT, State.DONE
        )
        # Where the folder was moved, what is in it has moved along.
        return [row for row in map(_item_row, rows) if (self.path.parent / row.name).exists()]

    def item(self, name: str) -> ItemRow | None:
        """The painting of that name, asked for last or at any time before; None where there is none."""
        found = self._read("SELECT * FROM item WHERE name = ?", name)
        return _item_row(found[0]) if found else None

    def frames(self, name: str) -> list[FrameRow]:
        """The finished frames of a painting by pass and number."""
        rows = self._read("SELECT * FROM frame WHERE item = ? ORDER BY pass, frame", name)
        return [
            FrameRow(row["pass"], row["frame"], json.loads(row["losses"]), row["steps"], row["seconds"], row["stopped"])
            for row in rows
        ]

    def frame_seconds(self) -> dict[str, float]:
        """What the finished frames of every painting have taken a worker, by name."""
        rows = self._read("SELECT item, SUM(seconds) AS seconds FROM frame GROUP BY item")
        return {row["item"]: row["seconds"] for row in rows}

    def flicker(self, name: str) -> list[FlickerRow]:
        """How much a finished clip flickers, from frame to frame; empty where it was not measured."""
        rows = self._read("SELECT * FROM flicker WHERE item = ? ORDER BY frame", name)
        return [FlickerRow(row["frame"], row["painting"], row["input"]) for row in rows]

    def thumbnail_frames(self, name: str) -> list[int]:
        """The frames of a finished painting that can be looked at, first to last."""
        return [row["frame"] for row in self._read("SELECT frame FROM look WHERE item = ? ORDER BY frame", name)]

    def thumbnails(self, name: str, numbers: Sequence[int] | None = None) -> list[ThumbnailRow]:
        """Frames of a finished painting to look at, first to last; only those of `numbers`, where they are given."""
        wanted = json.dumps(self.thumbnail_frames(name) if numbers is None else list(numbers))
        query = "SELECT * FROM look WHERE item = ? AND frame IN (SELECT value FROM json_each(?)) ORDER BY frame"
        return [ThumbnailRow(row["frame"], row["before"], row["after"]) for row in self._read(query, name, wanted)]

    def runs(self) -> list[RunRow]:
        """Every time the command was given, first to last."""
        rows = self._read("SELECT * FROM run ORDER BY number")
        return [RunRow(**{key: row[key] for key in row.keys() if key != "number"}) for row in rows]  # noqa: SIM118

    def digest(self, path: str, size: int, changed: int) -> str | None:
        """The fingerprint of a file that has not changed since `keep_digest`; None where it has, or is not known.

        :param changed: when it was last written, nanoseconds.
        """
        key = _storable(path)
        found = self._read("SELECT digest FROM digest WHERE path = ? AND size = ? AND changed = ?", key, size, changed)
        return str(found[0]["digest"]) if found else None

    # What the driver writes.

    def begin_run(self, host: str, pid: int, version: str, workers: int, finish_by: float | None = None) -> int:
        """Note that a run begins; what an earlier one was painting when it was killed counts as interrupted. Returns
        its number."""
        now = time.time()
        with self._transaction() as db:
            db.execute("UPDATE item SET state = ? WHERE state = ?", (State.INTERRUPTED, State.PAINTING))
            done = db.execute(
                "INSERT INTO run (began, host, pid, version, workers, seen, finish_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (now, host, pid, version, workers, now, finish_by),
            )
            assert done.lastrowid is not None
            return done.lastrowid

    def heartbeat(self, run: int) -> None:
        """Note that a run is still alive."""
        with self._transaction() as db:
            db.execute("UPDATE run SET seen = ? WHERE number = ?", (time.time(), run))

    def end_run(self, run: int, outcome: str) -> None:
        """Note how a run ended; what was being painted waits for the next one."""
        now = time.time()
        with self._transaction() as db:
            db.execute("UPDATE item SET state = ? WHERE state = ?", (State.INTERRUPTED, State.PAINTING))
            db.execute("UPDATE run SET ended = ?, seen = ?, outcome = ? WHERE number = ?", (now, now, outcome, run))

    def plan(self, items: Sequence[Item]) -> None:
        """Take up the paintings of a batch. Those that are known keep their state; those that are not asked for this
        time are left out of `items`, and what is known of them stays until they are asked for again."""
        with self._transaction() as db:
            db.execute("UPDATE item SET position = ?", (_LEFT_OUT,))
            for position, item in enumerate(items):
                db.execute(
                    "INSERT INTO item (name, position, request, state) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET position = excluded.position, request = excluded.request",
                    (item.name, position, item.as_json(), State.WAITING),
                )

    def change(self, name: str, **values: Any) -> None:
        """Set columns of a painting by name; tuples, lists and mappings are kept as JSON."""
        plain = {key: _plain(value) for key, value in values.items()}
        columns = ", ".join(f"{key} = :{key}" for key in plain)
        with self._transaction() as db:
            db.execute(f"UPDATE item SET {columns} WHERE name = :_name", {**plain, "_name": name})

    def spend(self, name: str, seconds: float) -> None:
        """Add to the time that a painting has taken."""
        with self._transaction() as db:
            db.execute("UPDATE item SET seconds = seconds + ? WHERE name = ?", (seconds, name))

    def note(self, name: str, text: str) -> None:
        """Put down something that is to be known of a painting; what is there already is not put down twice."""
        with self._transaction() as db:
            for (notes,) in db.execute("SELECT notes FROM item WHERE name = ?", (name,)).fetchall():
                more = list(dict.fromkeys([*json.loads(notes), text]))
                db.execute("UPDATE item SET notes = ? WHERE name = ?", (json.dumps(more), name))

    def forget(self, name: str) -> None:
        """Begin a painting anew: it waits, and nothing of what was known of it stays but that it was asked for, and
        which results, still there until new ones take their place, are the batch's own."""
        with self._transaction() as db:
            for table in ("frame", "flicker", "look"):
                db.execute(f"DELETE FROM {table} WHERE item = ?", (name,))
            db.execute(
                "UPDATE item SET state = ?, identity = NULL, done = 0, began = NULL, ended = NULL, seconds = 0, "
                "error = NULL, again = 0, notes = '[]', made = '{}', cuts = '[]' WHERE name = ?",
                (State.WAITING, name),
            )

    def add_frame(self, name: str, row: FrameRow, done: int) -> None:
        """Note a finished frame, and how many there are now."""
        with self._transaction() as db:
            _put_frames(db, name, [row])
            db.execute("UPDATE item SET done = ? WHERE name = ?", (done, name))

    def finish(
        self,
        name: str,
        outputs: Sequence[OutputRow],
        frames: Sequence[FrameRow] = (),
        flicker: Sequence[FlickerRow] = (),
        thumbnails: Sequence[ThumbnailRow] = (),
        **values: Any,
    ) -> None:
        """Note that a painting is done, with all that is to be known of it.

        :param frames: of its last pass; they replace what was noted of them while it was painted.
        :param values: further columns, as for `change`.
        """
        plain = {key: _plain(value) for key, value in values.items()}
        plain |= {"state": State.DONE, "ended": time.time(), "error": None}
        plain["outputs"] = json.dumps([_output(row) for row in outputs])
        columns = ", ".join(f"{key} = :{key}" for key in plain)
        with self._transaction() as db:
            db.execute(
                f"UPDATE item SET done = frames * passes, {columns} WHERE name = :_name", {**plain, "_name": name}
            )
            _put_frames(db, name, frames)
            db.execute("DELETE FROM flicker WHERE item = ?", (name,))
            db.executemany(
                "INSERT INTO flicker VALUES (?, ?, ?, ?)",
                [(name, row.frame, row.painting, row.input) for row in flicker],
            )
            db.execute("DELETE FROM look WHERE item = ?", (name,))
            db.executemany(
                "INSERT INTO look VALUES (?, ?, ?, ?)", [(name, row.frame, row.before, row.after) for row in thumbnails]
            )

    def keep_digest(self, path: str, size: int, changed: int, digest: str) -> None:
        """Remember the fingerprint of a file, so that a large one is not read again each time."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?)", (_storable(path), size, changed, digest))


def _item_row(row: sqlite3.Row) -> ItemRow:
    outputs = tuple(_output_row(*values) for values in json.loads(row["outputs"]))
    return ItemRow(
        item=Item.from_json(row["request"]),
        state=State(row["state"]),
        notes=tuple(json.loads(row["notes"])),
        outputs=outputs,
        made=json.loads(row["made"]),
        again=bool(row["again"]),
        cuts=tuple(json.loads(row["cuts"])),
        in_file=_frame_numbers(json.loads(row["in_file"]) if "in_file" in row.keys() else {}),  # noqa: SIM118
        **{key: row[key] for key in _PLAIN},
    )


def _frame_numbers(stored: Mapping[str, Any]) -> FrameNumbers:
    return FrameNumbers(stored.get("first", 0), tuple(stored.get("each", ())))


def _put_frames(db: sqlite3.Connection, name: str, rows: Iterable[FrameRow]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (name, row.in_pass, row.frame, json.dumps(dict(row.losses)), row.steps, row.seconds, row.stopped)
            for row in rows
        ],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value)
    return _storable(value) if isinstance(value, str) else value


def _storable(text: str) -> str:
    """A database holds no bytes of a file's name that are no text; they are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _output(row: OutputRow) -> list[Any]:
    return [str(row.path), row.size, row.digest, None if row.source is None else str(row.source)]


def _output_row(path: str, size: int, digest: str, source: str | None = None) -> OutputRow:
    return OutputRow(Path(path), size, digest, None if source is None else Path(source))
