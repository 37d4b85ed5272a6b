"""Where the losses of a figure come from: the work folder of a clip or of a picture, or the ledger of a batch. They are
only read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.ledger_rows import ItemRow
from pipeline.clip.kept_json import read_json
from pipeline.clip.work_folder import FRAMES, IDENTITY, LOSSES, NUMBERS, PASSES, SHOTS
from pipeline.errors import MediaError, StoreError, UsageError
from pipeline.frame_numbers import ALL_FRAMES, FrameNumbers
from pipeline.media import read_metadata
from pipeline.motion.given_cuts import parse_cuts
from pipeline.pictures.snapshot_store import INDEX, read_snapshots, snapshot_folder
from pipeline.settings import read_toml, strengthened
from pipeline.text import listed
from pipeline.types import OnCount

MOST = 12
"""Clips in one figure: of more, nothing could be read."""

WEIGHTS = {
    "content": "content_weight",
    "style": "style_weight",
    "tv": "tv_weight",
    "temporal": "temporal_weight",
}
"""Term -> the setting that is its weight."""


@dataclass(frozen=True)
class LossCurve:
    """How the losses of one thing went; of a clip, in one of its passes."""

    name: str
    """Of what: a clip, or a picture."""
    along: str
    """What the places are: 'frame' or 'step'."""
    places: tuple[int, ...]
    """Rising; the same several times where a frame is repeated for --fps."""
    losses: tuple[Mapping[str, float], ...]
    """At each place: 'total' (weighted) and every term, unweighted."""
    weights: Mapping[str, float]
    """Of the terms; empty where they are not known."""
    breaks: tuple[tuple[int, str], ...] = ()
    """Places where something begins, such as a shot, and its name; '' for nothing."""
    in_pass: int = 1
    passes: int = 1

    @property
    def pass_name(self) -> str:
        """'pass 2 of 2, backward'; '' where there is only one."""
        way = "forward" if self.in_pass % 2 else "backward"
        return f"pass {self.in_pass} of {self.passes}, {way}" if self.passes > 1 else ""

    def weighted(self, term: str) -> list[float | None]:
        """A term as it counts in the total, at each place; unweighted where weights are not known."""
        weight = 1.0 if term == "total" else self.weights.get(term, 1.0)
        return [None if term not in losses else weight * losses[term] for losses in self.losses]

    def stretches(self) -> list[tuple[int, int]]:
        """(first, end) of what lies between breaks, in numbers of places: across a break, nothing is continued."""
        begins = {place for place, _ in self.breaks}
        # A frame that is shown several times has its number as often.
        changes = [number == 0 or place != self.places[number - 1] for number, place in enumerate(self.places)]
        firsts = [k for k, place in enumerate(self.places) if k == 0 or (place in begins and changes[k])]
        return list(zip(firsts, [*firsts[1:], len(self.places)], strict=True))

    @property
    def terms(self) -> tuple[str, ...]:
        """'total' and the terms that have a weight, in the order in which they are named."""
        terms = dict.fromkeys(name for losses in self.losses for name in losses)
        return tuple(name for name in terms if name == "total" or self.weights.get(name, 1.0) > 0)


def weights_of(settings: Mapping[str, Any]) -> dict[str, float]:
    """The weight of every term, in settings as they are kept in files."""
    weights = {term: float(settings[name]) for term, name in WEIGHTS.items() if name in settings}
    if "style" in weights and "strength" in settings:
        weights["style"] *= strengthened(settings["strength"])
    return weights


def stored_loss_curves(place: Path, on_count: OnCount, notes: list[str] | None = None) -> list[LossCurve] | None:
    """The losses that are kept of what was painted at `place`, the passes of a clip in order; None where nothing is.

    :param place: a work folder OUT.reelbrush, the folder of a batch, or a result that has the one beside it or lies in
        the other.
    :param notes: gets a sentence on the clips of a batch whose losses are lost.
    :raises ReelbrushError: what is kept cannot be read, or is too much or too little for a figure.
    """
    work = _work_folder(place)
    if work is not None:
        return work_folder_loss_curves(work, on_count)
    if (place / INDEX).is_file():
        return [_snapshot_loss_curve(place)]
    if (snapshot_folder(place) / INDEX).is_file():
        curve = _snapshot_loss_curve(snapshot_folder(place))
        # Of an older version the sum alone was kept: what can be painted again shows more.
        return [curve] if len(curve.terms) > 1 else None
    if (place / LEDGER).is_file():
        return batch_loss_curves(place, notes=notes)
    for folder in place.absolute().parents:
        if (folder / LEDGER).is_file():
            return batch_loss_curves(folder, place.absolute())
    return None


def _work_folder(place: Path) -> Path | None:
    beside = place.with_name(f"{place.name}.reelbrush")
    for folder in (place, place.parent, beside):
        if (folder / IDENTITY).is_file() and (folder != place.parent or place.name == FRAMES):
            return folder
    return None


def work_folder_loss_curves(folder: Path, on_count: OnCount) -> list[LossCurve]:
    """The losses of every frame in a work folder, pass by pass.

    :raises StoreError: there are none, or one is damaged.
    """
    settings: Mapping[str, Any] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        # The frames are what counts; a figure without weights says so.
        settings = read_json(folder / IDENTITY)["settings"]
    numbers, passes = _numbers_in(folder), _passes_in(folder, settings)
    shots = _shots_in(folder, settings, numbers)
    curves = []
    for number in range(1, passes + 1):
        losses = _of_pass(folder, number, FRAMES if number == passes else f"pass{number}", on_count)
        if losses:
            places = tuple(map(numbers.of, losses))
            breaks = tuple((first, "cut") for first in shots if places[0] < first <= places[-1])
            curves.append(
                LossCurve(
                    folder.name.removesuffix(".reelbrush"), "frame", places,
                    tuple(losses.values()), weights_of(settings),
                    breaks, number, passes,
                )
            )  # fmt: skip
    if not curves:
        raise StoreError(
            f"{folder}: there are no finished frames here. They are kept while a clip is being painted, and after it "
            "with reelbrush video --keep."
        )
    return curves


def _shots_in(folder: Path, settings: Mapping[str, Any], numbers: FrameNumbers) -> list[int]:
    """The first frames of shots, detected or given, as they are called in the input; none where that is not known."""
    try:
        return [numbers.of(int(first)) for first, _ in read_json(folder / SHOTS)]
    except (OSError, ValueError, TypeError):
        with suppress(UsageError):
            return list(parse_cuts(str(settings.get("cuts", "none"))).given)
    return []


def _numbers_in(folder: Path) -> FrameNumbers:
    """Which frames of the input are painted. Where frames were repeated or left out for --fps, earlier versions have
    not kept which, and they are counted as they are painted."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        identity = read_json(folder / IDENTITY)
        if identity["fps"]:
            return FrameNumbers.of_picks(list(map(int, read_json(folder / NUMBERS))))
        if identity["frames"]:
            return FrameNumbers(int(identity["frames"][0] or 0))
    return ALL_FRAMES


def _passes_in(folder: Path, settings: Mapping[str, Any]) -> int:
    """How many passes a clip has: fewer than the settings say, where there was no time for all of them."""
    with suppress(OSError, ValueError, TypeError):
        return int(read_json(folder / PASSES))
    with suppress(ValueError, TypeError):
        return max(int(settings.get("passes", 1)), 2 if settings.get("loop") else 1)
    return 1


def _of_pass(folder: Path, number: int, frames: str, on_count: OnCount) -> dict[int, dict[str, float]]:
    """The losses of the frames of a pass, in the order of the clip; empty where none are kept."""
    numbered = sorted((folder / frames).glob("[0-9]*.png"))
    losses: dict[int, dict[str, float]] = {}
    for done, path in enumerate(numbered):
        on_count("Reading the losses of the frames", done, len(numbered))
        losses[int(path.stem)] = _losses_of(path)
    if numbered:
        return losses
    kept = folder / LOSSES.format(number)
    try:
        by_frame = read_json(kept)
        return {int(frame): _floats(terms) for frame, terms in by_frame.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{kept}: the losses of pass {number} cannot be read ({error}). Delete this file, and the figure shows the "
            "other passes."
        ) from None


def _snapshot_loss_curve(folder: Path) -> LossCurve:
    """The losses of a picture that was painted with --keep, step by step.

    :raises StoreError: they are damaged.
    """
    kept = read_snapshots(folder)
    losses = kept.snapshots.losses
    begins = [loss for number, loss in enumerate(losses) if number == 0 or loss.level != losses[number - 1].level]
    breaks = tuple((loss.step, f"1/{2**loss.level} of the size" if loss.level else "full size") for loss in begins)
    try:
        weights = weights_of(read_toml(kept.record.settings))
    except ValueError:
        weights = {}
    return LossCurve(
        folder.name.removesuffix(".reelbrush"), "step", tuple(loss.step for loss in losses),
        tuple({"total": loss.total, **loss.terms} for loss in losses), weights, breaks if len(breaks) > 1 else (),
    )  # fmt: skip


def _losses_of(path: Path) -> dict[str, float]:
    try:
        return _floats(json.loads(read_metadata(path)["reelbrush"])["losses"])
    except (MediaError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path}: the losses of this frame cannot be read; the file is damaged, or another program has saved it "
            f"({error})."
        ) from None


def _floats(losses: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in losses.items()}


def batch_loss_curves(folder: Path, result: Path | None = None, notes: list[str] | None = None) -> list[LossCurve]:
    """The losses of every clip of a batch, or of the one whose result is named.

    :param notes: gets a sentence on the clips whose losses are lost, as those of a ledger that was.
    :raises ReelbrushError: there are none, or too many for one figure.
    """
    ledger = Ledger(folder)
    try:
        items = ledger.items(left_out=result is not None)
        rows = [row for row in items if result is None or result in map(Path.absolute, row.item.outputs)]
        if result is not None and not rows:
            raise UsageError(f"{result}: the batch in {folder} knows no painting of that name; see reelbrush status.")
        clips = [row for row in rows if row.frames > 1 and row.done > 1]
        if not clips:
            raise UsageError(
                f"{result or folder}: there is no clip of several finished frames here. For the losses of a single "
                "picture, step by step, name the picture and its --style."
            )
        # A result that was known by what it says of itself brings its frames, but not their losses.
        with_losses = ledger.frame_seconds()
        known = [row for row in clips if row.name in with_losses]
        if not known:
            raise UsageError(
                f"{result or folder}: the losses are lost. They stood in a ledger that was moved or deleted; results "
                "carry none. To have them anew, paint the clip with reelbrush video --keep, to another name."
            )
        if len(known) > MOST:
            raise UsageError(
                f"{folder}: this batch has {len(known)} clips; of more than {MOST} in one figure nothing could be "
                f"read. Name one of its results, for instance {known[0].item.output}."
            )
        if len(known) < len(clips) and notes is not None:
            lost = [row.name for row in clips if row.name not in with_losses]
            notes.append(f"Left out, as their losses were lost with an earlier ledger: {listed(lost)}.")
        return [curve for row in known for curve in _of_item(row, ledger)]
    finally:
        ledger.close()


def _of_item(row: ItemRow, ledger: Ledger) -> list[LossCurve]:
    """A curve for each pass of which losses are known."""
    by_pass: dict[int, dict[int, Mapping[str, float]]] = {}
    for frame in ledger.frames(row.name):
        by_pass.setdefault(frame.in_pass, {})[frame.frame] = frame.losses
    try:
        weights = weights_of(read_toml(row.made.get("settings", "")))
    except ValueError:
        weights = {}
    number_of = row.in_file.of
    breaks = tuple((number_of(first), "cut") for first in row.cuts)
    passes = max([row.passes, *by_pass])
    return [
        LossCurve(
            row.name, "frame", tuple(map(number_of, sorted(losses))), tuple(losses[frame] for frame in sorted(losses)),
            weights, breaks, number, passes,
        )
        for number, losses in sorted(by_pass.items())
    ]  # fmt: skip
