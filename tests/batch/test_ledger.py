"""The ledger of a batch: what is written is read back, and it survives whatever happens."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest
from batches import mounted, remounted_for_reading, unmounted
from ledgers import planned

from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import FlickerRow, FrameRow, OutputRow, State, ThumbnailRow
from pipeline.batch.plan.item import Item
from pipeline.clip.jobs import StylePicture
from pipeline.errors import OutputError, StoreError
from pipeline.frame_numbers import FrameNumbers


def item(name: str, **values: object) -> Item:
    return Item(name, Path(f"{name}.in"), (StylePicture(Path("s.jpg"), 0.7),), Path("out") / name, **values)  # type: ignore[arg-type]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, write=True)


def test_an_item_travels_as_json() -> None:
    full = item("a.mp4", gif=Path("a.gif"), settings={"size": 64}, frames=(3, None), fps="24000/1001", quality=12)
    assert Item.from_json(full.as_json()) == full
    # A ledger of the first versions says which of two networks was to paint.
    assert Item.from_json(json.dumps({**json.loads(full.as_json()), "network": "auto"})) == full
    assert not full.still
    assert item("a.PNG").still


def test_what_is_written_is_read_by_another(ledger: Ledger, tmp_path: Path) -> None:
    ledger.plan([item("b.mp4"), item("a.mp4")])
    run = ledger.begin_run("host", 1, "1.0", 2, finish_by=99.0)
    ledger.change("a.mp4", state=State.PAINTING, frames=3, passes=2, width=64, height=48, identity="i")
    ledger.add_frame("a.mp4", FrameRow(1, 0, {"total": 2.5}, 7, 0.25, "steps"), 1)
    reader = Ledger(tmp_path)
    assert [row.name for row in reader.items()] == ["b.mp4", "a.mp4"]
    assert (reader.items()[1].done, reader.items()[1].state) == (1, State.PAINTING)
    assert reader.frames("a.mp4") == [FrameRow(1, 0, {"total": 2.5}, 7, 0.25, "steps")]
    ledger.finish(
        "a.mp4",
        [OutputRow(Path("out/a.mp4"), 5, "digest")],
        flicker=[FlickerRow(1, 0.5, None)],
        thumbnails=[ThumbnailRow(0, b"before", b"after")],
        notes=("a note",),
        made={"network": "n"},
    )
    ledger.end_run(run, "finished")
    row = reader.item("a.mp4")
    assert row is not None
    assert (row.state, row.done, row.notes, row.made) == (State.DONE, 6, ("a note",), {"network": "n"})
    assert row.outputs == (OutputRow(Path("out/a.mp4"), 5, "digest"),)
    assert reader.flicker("a.mp4") == [FlickerRow(1, 0.5, None)]
    assert reader.thumbnails("a.mp4") == [ThumbnailRow(0, b"before", b"after")]
    assert [(run.outcome, run.workers, run.finish_by) for run in reader.runs()] == [("finished", 2, 99.0)]


def test_a_new_plan_names_what_is_asked_for_and_keeps_what_is_known_of_the_rest(ledger: Ledger) -> None:
    ledger.plan([item("a.mp4"), item("b.mp4")])
    ledger.change("a.mp4", state=State.DONE)
    ledger.add_frame("b.mp4", FrameRow(1, 0, {}, 1, 0.1, "steps"), 1)
    ledger.plan([item("c.mp4"), item("a.mp4")])
    assert [(row.name, row.state) for row in ledger.items()] == [("c.mp4", State.WAITING), ("a.mp4", State.DONE)]
    assert {row.name for row in ledger.items(left_out=True)} == {"a.mp4", "b.mp4", "c.mp4"}
    ledger.plan([item("b.mp4")])
    assert [(row.name, row.done) for row in ledger.items()] == [("b.mp4", 1)]
    assert len(ledger.frames("b.mp4")) == 1


def test_what_a_killed_run_was_painting_is_interrupted(ledger: Ledger) -> None:
    ledger.plan([item("a.mp4"), item("b.mp4")])
    ledger.begin_run("host", 1, "1.0", 1)
    ledger.change("a.mp4", state=State.PAINTING)
    ledger.begin_run("host", 2, "1.0", 1)
    assert [row.state for row in ledger.items()] == [State.INTERRUPTED, State.WAITING]
    assert [run.ended for run in ledger.runs()] == [None, None]


def test_forgotten_is_as_if_it_had_never_been_begun(ledger: Ledger) -> None:
    ledger.plan([item("a.mp4")])
    before = ledger.items()
    ledger.change("a.mp4", state=State.FAILED, error="why", again=True, identity="i", began=1.0, notes=("n",))
    ledger.spend("a.mp4", 3.0)
    ledger.add_frame("a.mp4", FrameRow(1, 0, {}, 1, 0.1, "steps"), 1)
    ledger.forget("a.mp4")
    assert ledger.items() == before
    assert ledger.frames("a.mp4") == []


def test_a_fingerprint_is_remembered_until_the_file_changes(ledger: Ledger) -> None:
    ledger.keep_digest("/a", 5, 100, "abc")
    assert ledger.digest("/a", 5, 100) == "abc"
    assert ledger.digest("/a", 6, 100) is None
    assert ledger.digest("/a", 5, 101) is None


def test_no_batch_here(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no batch here"):
        Ledger(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [True, False])
def test_a_damaged_ledger_says_so(tmp_path: Path, write: bool) -> None:
    Ledger(tmp_path, write=True).close()
    path = tmp_path / LEDGER
    damaged = bytes(byte ^ 0xA5 for byte in path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="Move the file away"):
        Ledger(tmp_path, write)
    assert path.read_bytes() == damaged


def test_a_ledger_of_another_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / LEDGER) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="another version"):
        Ledger(tmp_path, write=True)


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("log", [True, False], ids=["with its index", "without"])
def test_it_can_be_read_where_nothing_may_be_written(tmp_path: Path, killed: bool, log: bool) -> None:
    """A disk that is mounted read-only: what a killed run had only written into the log is there, too."""
    place = tmp_path / "disk"
    mounted(place, 2000)
    try:
        writer = Ledger(place, write=True)
        writer.plan([item("a.mp4")])
        if killed:
            kept = {path: path.read_bytes() for path in place.iterdir() if log or not path.name.endswith("-shm")}
        writer.close()
        if killed:
            for path, content in kept.items():
                path.write_bytes(content)
        remounted_for_reading(place)
        before = sorted(path.name for path in place.iterdir())
        reader = Ledger(place)
        assert [row.name for row in reader.items()] == ["a.mp4"]
        reader.close()
        assert sorted(path.name for path in place.iterdir()) == before
        with pytest.raises(OutputError, match="may be written"):
            Ledger(place, write=True)
    finally:
        unmounted(place)


def test_an_item_with_a_range_of_times_comes_back_from_its_json() -> None:
    one = item("a.mp4", frames=(3, Fraction(5, 2)))
    assert Item.from_json(one.as_json()) == one


def test_a_ledger_from_before_frames_had_their_numbers_is_read_and_goes_on(tmp_path: Path) -> None:
    planned(tmp_path, ["a.mp4"]).close()
    with closing(sqlite3.connect(tmp_path / LEDGER)) as db:
        db.execute("ALTER TABLE item DROP COLUMN in_file")
        db.commit()
    for write in (False, True):
        with closing(Ledger(tmp_path, write=write)) as ledger:
            assert [row.in_file for row in ledger.items()] == [FrameNumbers()]
    with closing(Ledger(tmp_path, write=True)) as ledger:
        ledger.change("a.mp4", in_file={"first": 0, "each": (0, 3)})
        assert [row.in_file for row in ledger.items()] == [FrameNumbers(0, (0, 3))]
