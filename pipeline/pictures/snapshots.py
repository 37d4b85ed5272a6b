"""Snapshots of a picture while it is painted: many where it changes, few where it does not, never too many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import StoreError
from pipeline.media import fit_size, resize
from pipeline.media.frame_file import read_kept, write_kept
from pipeline.motion.image_statistics import colour_distance
from pipeline.types import Image

# Who only tells a story again need not wait for torch.
if TYPE_CHECKING:
    from pipeline.clip.results import StillResult
    from pipeline.style.frame import Progress

THUMBNAIL = 96
"""Side to which pictures are shrunk before they are compared: what the eye sees at a glance, not the grain."""
SIZE = 640
"""Longest side of a snapshot, in pixels, unless a larger story is asked for."""
MOST = 160
"""Snapshots that are kept; more only cost memory. A thousand steps of a painting look like fewer than that."""
LEAST = 0.1
"""Visible change from one snapshot to the next, before there are too many."""


@dataclass(frozen=True)
class Snapshot:
    """How a painting looked after a step."""

    step: int
    """Over all sizes, from 1; 0 is what the painting started from."""
    image: Image


@dataclass(frozen=True)
class Loss:
    """What the weighted sum of all losses was."""

    step: int
    """After so many steps over all sizes."""
    level: int
    """0 is the final size, 1 half of it, and so on; losses of two sizes do not compare."""
    total: float
    terms: Mapping[str, float] = field(default_factory=dict)
    """What it is the sum of, unweighted; empty where that is not known."""


@dataclass(frozen=True)
class Snapshots:
    """All that stories are made of. The pictures are no larger than a story; content and painting are of one size."""

    content: Image
    styles: tuple[Image, ...]
    taken: tuple[Snapshot, ...]
    """In order, the first one of step 0; none of that step where an older version kept them."""
    painting: Image
    steps: int
    """That the painting took."""
    losses: tuple[Loss, ...]
    """In order; the last one is that of the painting."""


def thumbnail(image: Image) -> Image:
    """A picture (H, W, 3) so small that what differs in another one is what the eye sees at a glance, and no grain."""
    return resize(image, *fit_size(image.shape[1], image.shape[0], THUMBNAIL))


class SnapshotRecorder:
    """An `OnProgress` that keeps snapshots of the painting, spaced by visible change rather than by step.

    A snapshot is kept when the picture has visibly moved on since the last one. When there are too many, every second
    one goes and the distance doubles, so memory stays bounded however many steps there are.
    """

    def __init__(self, frames: int = 0, size: int = SIZE) -> None:
        """
        :param frames: of the story that is to be made, if that is known.
        :param size: longest side of a snapshot in pixels.
        """
        self._most = max(MOST, 3 * frames)
        self._size = size
        self._named: set[int] = set()
        self._attempt = 0
        self._begin()

    def _begin(self) -> None:
        self._step = 0
        self._taken: list[Snapshot] = []
        self._last: Image | None = None
        self._least = LEAST
        self._losses: list[Loss] = []
        self._kept: set[int] = set()

    def __call__(self, progress: Progress) -> None:
        if progress.step <= self._step:
            self._begin()  # memory ran out, and the picture is painted from the start with less
            self._attempt += 1
        self._step = progress.step
        # Early steps change most; later ones need not all be looked at. Looking costs a transfer from the device.
        if progress.step > self._most and progress.step % max(1, progress.of // (2 * self._most)):
            return
        from pipeline.style.picture import to_image

        losses = progress.detail.losses.floats()
        if all(map(math.isfinite, losses.values())):  # a step that goes wrong is taken back a little later
            # A loss is that of the picture before the step.
            self._losses.append(_loss(progress.step - 1, progress.level, losses))
        if not self._taken:
            self._taken.append(Snapshot(0, self._small(to_image(progress.start()))))
            self._last = thumbnail(self._taken[0].image)
        picture = self._small(to_image(progress.picture()))
        small = thumbnail(picture)
        if self._last is not None and colour_distance(self._last, small) < self._least:
            return
        self._last = small
        self._taken.append(Snapshot(progress.step, picture))
        if len(self._taken) > self._most:
            self._taken = self._taken[::2]
            self._last = thumbnail(self._taken[-1].image)
            self._least *= 2

    def keep(self, folder: Path) -> Any:
        """Keep what was recorded, as `pipeline.clip.unfinished_picture.Recorder` says."""
        for shot in self._taken:
            if shot.step not in self._kept:
                write_kept(self._file(folder, shot.step), shot.image, {})
                self._kept.add(shot.step)
        self._named = {shot.step for shot in self._taken}
        return {
            "form": [self._most, self._size],
            "attempt": self._attempt,
            "step": self._step,
            "taken": sorted(self._named),
            "least": self._least,
            "losses": [[loss.step, loss.level, loss.total, dict(loss.terms)] for loss in self._losses],
        }

    def restore(self, folder: Path, kept: Any) -> None:
        """Go on from what was kept; likewise."""
        if kept["form"] != [self._most, self._size]:
            raise StoreError(
                f"{folder} holds a half-finished painting whose story has other frames or another size. Ask for the "
                "same story to go on with it, or give --restart to begin anew."
            )
        self._begin()
        self._attempt = kept["attempt"]
        self._taken = [Snapshot(step, read_kept(self._file(folder, step))[0]) for step in kept["taken"]]
        self._kept = set(kept["taken"])
        self._step, self._least = kept["step"], kept["least"]
        self._losses = [Loss(*one) for one in kept["losses"]]
        self._last = thumbnail(self._taken[-1].image) if self._taken else None

    def tidy(self, folder: Path) -> None:
        """Remove files that are no longer needed; likewise."""
        named = {self._file(folder, step) for step in self._named}
        for path in folder.glob("snapshot_*.png"):
            if path not in named:
                path.unlink(missing_ok=True)
        self._kept &= self._named

    def _file(self, folder: Path, step: int) -> Path:
        """Of a snapshot, while the picture is half-painted."""
        return folder / f"snapshot_{self._attempt}_{step}.png"

    def snapshots(self, result: StillResult, styles: Sequence[Image] = ()) -> Snapshots:
        """What was recorded, once the picture is painted.

        :param styles: the style pictures at any size.
        """
        last = _loss(result.painted.steps, 0, result.painted.losses)
        return Snapshots(
            self._small(result.content), tuple(map(self._small, styles)), tuple(self._taken),
            self._small(result.painted.image), result.painted.steps, (*self._losses, last),
        )  # fmt: skip

    def _small(self, image: Image) -> Image:
        return resize(image, *fit_size(image.shape[1], image.shape[0], self._size))


def _loss(step: int, level: int, losses: Mapping[str, float]) -> Loss:
    """:param losses: 'total' and every term."""
    return Loss(step, level, losses["total"], {name: value for name, value in losses.items() if name != "total"})
