"""The arithmetic of a batch, and the words in which people say when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from jobs import moving_folder
from tiny import tiny_settings

from pipeline.batch.budget import Need, allot, least_seconds, shortfall
from pipeline.batch.checked_item import Subject
from pipeline.batch.estimate import clip_need
from pipeline.clip.deadline import reserve
from pipeline.clip.parse import parse_budget, parse_deadline, parse_finish_by
from pipeline.clip.step_budget import Speed, Worth
from pipeline.errors import UsageError
from pipeline.media import open_source

FOUR = [Need(100, 20), Need(200, 40), Need(100, 20), Need(400, 80)]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in a place where clocks are changed."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# ---- who gets how much


def test_with_time_for_everything_everyone_gets_all() -> None:
    assert allot(FOUR, 800) == pytest.approx([100, 200, 100, 400])


def test_time_to_spare_makes_up_for_estimates_that_are_too_low() -> None:
    assert allot(FOUR, 8000) == pytest.approx([1000, 2000, 1000, 4000])
    assert allot([Need(100, 10)] * 2, 500, [0, 300]) == pytest.approx([250] * 2), "one of them is busy"


def test_with_half_the_time_everyone_gets_half() -> None:
    assert allot(FOUR, 400) == pytest.approx([50, 100, 50, 200])


def test_no_one_gets_less_than_the_least() -> None:
    needs = [Need(100, 100), Need(100, 10), Need(100, 10)]
    assert allot(needs, 160) == pytest.approx([100, 30, 30])
    assert allot(needs, 5) == pytest.approx([100, 10, 10]), "shortfall has said so beforehand"


def test_what_one_leaves_over_is_spread_over_the_others() -> None:
    left = 400.0
    took = []
    for number in range(len(FOUR)):
        share = allot(FOUR[number:], left)[0]
        # The second one is finished at once; all others take what they may.
        took.append(1.0 if number == 1 else share)
        left -= took[-1]
    assert took == pytest.approx([50, 1, 69.8, 279.2])
    assert left == pytest.approx(0)


def test_workers_share_and_none_is_late() -> None:
    needs = [Need(100, 10)] * 4
    assert allot(needs, 100, [0, 0]) == pytest.approx([50] * 4)
    assert allot(needs, 100, [0, 100]) == pytest.approx([25] * 4), "one of them is busy to the end"
    assert allot(needs, 100, [0, 150]) == pytest.approx([25] * 4), "or beyond it, which is no fault of these"
    # What is painted on one worker cannot be hurried by another.
    found = allot([Need(300, 10), Need(100, 10)], 100, [0, 0])
    assert found[0] <= 100
    assert found == pytest.approx([100, 33.3], abs=0.1)


def test_too_little_time_is_said_with_figures() -> None:
    assert shortfall(FOUR, 160) is None
    assert least_seconds(FOUR, [0, 0]) == 120
    printed = shortfall([Need(7200, 3600)] * 3, 5400, [0, 0])
    assert printed is not None
    assert "3 paintings on 2 workers take about 2 h 00 min" in printed
    parts = shortfall([Need(7200, 3600)] * 2, 1800, [0, 0], count=1)
    assert parts is not None and "1 painting on 2 workers takes about" in parts
    late = shortfall(FOUR, -3)
    assert late is not None and "none is left now that everything has been looked at" in late
    assert "4 h 00 min with all" in printed and "there are 1 h 30 min" in printed


def test_nothing_to_paint_takes_no_time() -> None:
    assert allot([], 10) == []
    assert allot([Need(0, 0)], 10) == [0]
    assert shortfall([], 0) is None


def test_the_need_of_a_clip_is_that_of_its_steps(tmp_path: Path) -> None:
    info = open_source(moving_folder(tmp_path / "in", 5)).info
    speed = Speed(1.0, 2.0)
    settings = {"steps": 60, "carried_steps": 40, "passes": 2}
    subject = Subject(info.width, info.height, info.frames)
    kept = reserve(info.frames, info.width, info.height)
    two = clip_need(tiny_settings(**settings), subject, Worth(1.0), speed)
    assert two.full - kept == pytest.approx(60 + 4 * 40 + 4 * 20 + 10 * 2)
    assert two.least - kept == pytest.approx(20 + 4 * 8 + 5 * 2)
    loop = clip_need(tiny_settings(**settings, loop=True), subject, Worth(1.0), speed)
    assert loop.least - kept == pytest.approx(20 + 4 * 8 + 5 * 4 + 10 * 2)
    parted = clip_need(tiny_settings(**settings), replace(subject, parts=((0, 2), (2, 5))), Worth(1.0), speed)
    assert parted.full - kept == pytest.approx(2 * 60 + 3 * 40 + 3 * 20 + 10 * 2)
    coarse = clip_need(tiny_settings(**settings), subject, Worth(1.5, 1.25), speed)
    assert coarse.full - kept == pytest.approx(1.5 * 60 + 1.25 * (4 * 40 + 4 * 20) + 10 * 2)


# ---- what people write


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8h", 28800), ("90m", 5400), ("1h30m", 5400), ("1h 30m", 5400), ("3600", 3600), ("45s", 45), ("1.5h", 5400),
     (" 90MIN ", 5400), ("2m30s", 150)],
)  # fmt: skip
def test_a_budget(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0h", "-1h", "8 days", "h", "7:00", "nan", "inf", "1m1h", "8h8h"])
def test_a_budget_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="8h, 90m"):
        parse_budget(text)


def test_a_time_of_day_is_the_next_one(berlin: None) -> None:
    now = datetime(2026, 6, 1, 22, 15).astimezone()
    assert parse_finish_by("07:00", now) == datetime(2026, 6, 2, 7).astimezone()
    assert parse_finish_by("23:30", now) == datetime(2026, 6, 1, 23, 30).astimezone()
    assert parse_finish_by("22:15", now) == datetime(2026, 6, 2, 22, 15).astimezone()
    assert parse_finish_by("7:00:30", now) == datetime(2026, 6, 2, 7, 0, 30).astimezone()
    assert parse_finish_by("2026-06-03 07:00", now) == datetime(2026, 6, 3, 7).astimezone()
    assert parse_finish_by("2026-06-02T07:00+00:00", now) == datetime(2026, 6, 2, 9).astimezone()


def test_the_night_on_which_clocks_are_changed_is_an_hour_longer(berlin: None) -> None:
    now = datetime(2026, 10, 24, 22).astimezone()
    assert (parse_finish_by("07:00", now) - now).total_seconds() == 10 * 3600


@pytest.mark.parametrize("text", ["", "7", "25:00", "07:60", "soon", "2026-06-03", "8h"])
def test_a_time_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_finish_by(text, datetime(2026, 6, 1, 22))


def test_a_time_that_has_passed(berlin: None) -> None:
    with pytest.raises(UsageError, match="has passed: it is 2026-06-01 22:00"):
        parse_finish_by("2026-06-01 07:00", datetime(2026, 6, 1, 22))


def test_one_end_at_most() -> None:
    assert parse_deadline(None, None) is None
    assert parse_deadline("90m", None, lambda: datetime.fromtimestamp(1000)) == 6400
    seven = parse_deadline(None, "07:00", lambda: datetime(2026, 6, 1, 22))
    assert seven == datetime(2026, 6, 2, 7).timestamp()
    with pytest.raises(UsageError, match="Give one of them"):
        parse_deadline("8h", "07:00")
