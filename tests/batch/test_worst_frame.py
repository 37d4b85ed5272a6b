"""Which frame is shown where the flicker of a clip stands out."""

from __future__ import annotations

import pytest

from pipeline.batch.ledger_rows import FlickerRow
from pipeline.batch.worst_frame import VISIBLE, worst_frame, worst_frame_text
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers


def rows(painting: dict[int, float], usual: float = 0.001, own: float = 0.001, frames: int = 40) -> list[FlickerRow]:
    return [FlickerRow(k, painting.get(k, usual * (1 + k % 3 / 10)), own) for k in range(1, frames)]


@pytest.mark.parametrize(
    ("flicker", "worst"),
    [
        ([], None),
        (rows({}), None),
        (rows({9: 0.0025}), None),
        (rows({9: 0.006}), 9),
        (rows({9: 0.006, 20: 0.007}), 20),
        # What the input flickers itself is no fault of the painting.
        ([*rows({9: 0.006, 20: 0.007})[:19], FlickerRow(20, 0.007, 0.0069)], 9),
        # All of it flickers, no frame more than others: then the worst of them.
        (rows({12: 0.0045}, usual=0.0036), 12),
        # Nobody sees that.
        (rows({9: 0.9 * VISIBLE}, usual=VISIBLE / 90, own=0.0), None),
        (rows({}, usual=2 * VISIBLE, own=0.0), None),
        # A cut has no number, and the seam of a loop is marked by itself.
        ([FlickerRow(0, 0.5, 0.001), *rows({}), FlickerRow(40, None, None)], None),
    ],
)
def test_worst_frame_by_hand(flicker: list[FlickerRow], worst: int | None) -> None:
    found = worst_frame(flicker)
    assert (found and found.frame) == worst


def test_a_clip_that_flickers_from_frame_to_frame_has_no_single_one() -> None:
    """Far above the median, and still within what this clip does all the time."""
    assert worst_frame([FlickerRow(k, 0.0002 + 0.0012 * (k % 2), 0.001) for k in range(1, 60)]) is None


def test_what_is_said_of_it() -> None:
    assert worst_frame_text(FlickerRow(36, 0.0081, 0.001), ALL_FRAMES) == "frame 36 (8.1 × the input)"
    assert worst_frame_text(FlickerRow(36, 0.0081, 1e-8), FrameNumbers(4)) == "frame 40", (
        "a ratio to nothing says nothing"
    )
