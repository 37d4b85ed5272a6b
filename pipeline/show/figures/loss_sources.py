"""Where the losses of a figure come from: the work folder of a clip, or the ledger of a batch. Both are only read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import MediaError, StoreError, UsageError
from pipeline.job.batch.ledger import LEDGER, Ledger
from pipeline.job.batch.rows import ItemRow
from pipeline.job.work import FRAMES, IDENTITY, SHOTS
from pipeline.media import read_metadata
from pipeline.settings import read_toml
from pipeline.show.figures.page import OnCount

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
class Course:
    """How the losses of one thing went."""

    name: str
    """Of what: a clip, or a picture."""
    along: str
    """What the places are: 'frame' or 'step'."""
    places: tuple[int, ...]
    """Rising."""
    losses: tuple[Mapping[str, float], ...]
    """At each place: 'total' (weighted) and every term, unweighted."""
    weights: Mapping[str, float]
    """Of the terms; empty where they are not known."""
    breaks: tuple[tuple[int, str], ...] = ()
    """Places where something begins, such as a shot, and what is said of it; '' for nothing."""

    def weighted(self, term: str) -> list[float | None]:
        """A term as it counts in the total, at each place; unweighted where weights are not known."""
        weight = 1.0 if term == "total" else self.weights.get(term, 1.0)
        return [None if term not in losses else weight * losses[term] for losses in self.losses]

    def stretches(self) -> list[tuple[int, int]]:
        """(first, end) of what lies between breaks, in numbers of places: across a break, nothing is continued."""
        begins = {place for place, _ in self.breaks}
        firsts = [number for number, place in enumerate(self.places) if number == 0 or place in begins]
        return list(zip(firsts, [*firsts[1:], len(self.places)], strict=True))

    @property
    def terms(self) -> tuple[str, ...]:
        """'total' and the terms that have a weight, in the order in which they are named."""
        found = dict.fromkeys(name for losses in self.losses for name in losses)
        return tuple(name for name in found if name == "total" or self.weights.get(name, 1.0) > 0)


def weights_of(settings: Mapping[str, Any]) -> dict[str, float]:
    """The weight of every term, in settings as they are kept in files."""
    return {term: float(settings[name]) for term, name in WEIGHTS.items() if name in settings}


def kept_courses(place: Path, on_count: OnCount) -> list[Course] | None:
    """The losses that are kept of what was painted at `place`; None where nothing is.

    :param place: a work folder OUT.reelbrush, the folder of a batch, or a result that has the one beside it or lies in
        the other.
    :raises ReelbrushError: what is kept cannot be read, or is too much or too little for a figure.
    """
    work = _work_folder(place)
    if work is not None:
        return [of_work_folder(work, on_count)]
    if (place / LEDGER).is_file():
        return of_batch(place)
    for folder in place.absolute().parents:
        if (folder / LEDGER).is_file():
            return of_batch(folder, place.absolute())
    return None


def _work_folder(place: Path) -> Path | None:
    beside = place.with_name(f"{place.name}.reelbrush")
    for folder in (place, place.parent, beside):
        if (folder / IDENTITY).is_file() and (folder != place.parent or place.name == FRAMES):
            return folder
    return None


def of_work_folder(folder: Path, on_count: OnCount) -> Course:
    """The losses of every frame in a work folder.

    :raises StoreError: there are none, or one is damaged.
    """
    numbered = sorted((folder / FRAMES).glob("[0-9]*.png"))
    if not numbered:
        raise StoreError(
            f"{folder}: there are no finished frames here. They are kept while a clip is being painted, and after it "
            "with reelbrush video --keep."
        )
    losses = []
    for done, path in enumerate(numbered):
        on_count("Reading the losses of the frames", done, len(numbered))
        losses.append(_losses_of(path))
    weights, shots = {}, []
    try:
        weights = weights_of(json.loads((folder / IDENTITY).read_text(encoding="utf-8"))["settings"])
        shots = [int(first) for first, _ in json.loads((folder / SHOTS).read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError):
        # The frames are what counts; a figure without weights says so.
        pass
    places = tuple(int(path.stem) for path in numbered)
    return Course(
        folder.name.removesuffix(".reelbrush"), "frame", places, tuple(losses), weights,
        tuple((first, "cut") for first in shots if first),
    )  # fmt: skip


def _losses_of(path: Path) -> dict[str, float]:
    try:
        found = json.loads(read_metadata(path)["reelbrush"])["losses"]
        return {str(name): float(value) for name, value in found.items()}
    except (MediaError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path}: the losses of this frame cannot be read; the file is damaged, or another program has saved it "
            f"({error})."
        ) from None


def of_batch(folder: Path, result: Path | None = None) -> list[Course]:
    """The losses of every clip of a batch, or of the one whose result is named.

    :raises ReelbrushError: there are none, or too many for one figure.
    """
    ledger = Ledger(folder)
    try:
        rows = [row for row in ledger.items() if result is None or result in map(Path.absolute, row.item.outputs)]
        if result is not None and not rows:
            raise UsageError(f"{result}: the batch in {folder} knows no painting of that name; see reelbrush status.")
        clips = [row for row in rows if row.frames > 1 and row.done > 1]
        if not clips:
            raise UsageError(
                f"{result or folder}: there is no clip of several finished frames here. For the losses of a single "
                "picture, step by step, name the picture and its --style."
            )
        if len(clips) > MOST:
            raise UsageError(
                f"{folder}: this batch has {len(clips)} clips; of more than {MOST} in one figure nothing could be "
                f"read. Name one of its results, for instance {clips[0].item.output}."
            )
        return [_of_item(row, ledger) for row in clips]
    finally:
        ledger.close()


def _of_item(row: ItemRow, ledger: Ledger) -> Course:
    frames = ledger.frames(row.name)
    last = max(frame.in_pass for frame in frames)
    rows = [frame for frame in frames if frame.in_pass == last]
    try:
        weights = weights_of(read_toml(row.made.get("settings", "")))
    except ValueError:
        weights = {}
    return Course(
        row.name, "frame", tuple(frame.frame for frame in rows), tuple(frame.losses for frame in rows), weights,
        tuple((first, "cut") for first in row.cuts),
    )  # fmt: skip
