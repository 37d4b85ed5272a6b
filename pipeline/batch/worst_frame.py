"""Which frame of a clip a person should look at, because the painting flickers there."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from pipeline.batch.ledger_rows import FlickerRow
from pipeline.frame_numbers import FrameNumbers

VISIBLE = 1e-4
"""E_warp below which nobody sees it: a root mean square change of two and a half levels of 256. What an input flickers
less does not count: drawn clips and held frames have none at all."""
UNSTEADY = 3.0
"""E_warp of a clip, in that of its input, above which its flicker stands out. Paintings of real clips have 1 to 2.5."""
JUMP = 3.0
"""E_warp of a frame, in the median of its clip, above which the frame stands out, ..."""
SPREADS = 6.0
"""... where it is also so many standard deviations, estimated from the median absolute one, above the median."""
_NORMAL = 1.4826
"""Standard deviation of a normal distribution in its median absolute deviation."""


def excess(row: FlickerRow) -> float:
    """What a painting flickers from one frame to the next beyond its input, as E_warp; 0 where it is not known."""
    return 0.0 if row.painting is None else row.painting - (row.input or 0.0)


def worst_frame(flicker: Sequence[FlickerRow]) -> FlickerRow | None:
    """The frame with the largest `excess`, if the clip as a whole flickers far more than its input, or that frame far
    more than the others; None where nothing stands out. The seam of a loop is not among them: it is marked by itself.

    :param flicker: of a clip, in any order.
    """
    known = [row for row in flicker if row.painting is not None and row.frame > 0]
    if not known:
        return None
    worst = max(known, key=excess)
    painting = [row.painting or 0.0 for row in known]
    most, usual = worst.painting or 0.0, median(painting)
    spread = _NORMAL * median(abs(value - usual) for value in painting)
    jumps = most > max(VISIBLE, JUMP * usual, usual + SPREADS * spread)
    unsteady = fmean(painting) > UNSTEADY * max(VISIBLE, fmean(row.input or 0.0 for row in known))
    return worst if unsteady or jumps else None


def worst_frame_text(row: FlickerRow, in_file: FrameNumbers) -> str:
    """'frame 37 (8.1 × the input)'.

    :param in_file: which frames of the input are painted.
    """
    painting, own = row.painting or 0.0, row.input or 0.0
    times = f" ({painting / own:.1f} × the input)" if own >= VISIBLE / 10 else ""
    return f"frame {in_file.of(row.frame)}{times}"
