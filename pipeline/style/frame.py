"""What the painter takes and gives: a style, what the frames before hand on, progress, a painted frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pipeline.style.oom_fallback import MemoryFallback, MemoryPlan
from pipeline.style.optimise import Halfway, Step, Stop
from pipeline.types import DeepImage, Image, deep_only, shallow


@dataclass(frozen=True)
class Style:
    """A style picture and its share in the blend."""

    image: Image
    """uint8 (H, W, 3) RGB."""
    weight: float = 1.0
    colours: str | None = None
    """Whose colours paintings in it have, as `Settings.colours`; None: as the settings say."""
    scale: float | tuple[float, ...] | None = None
    """As `Settings.style_scale`; None: as the settings say."""
    counts: npt.NDArray[np.float32] | None = None
    """How much each of its pixels counts, 0 to 1, float32 (H, W); None: all do alike."""


@dataclass(frozen=True)
class TemporalTarget:
    """An earlier painting moved to where its things are now."""

    picture: Image
    """w: uint8 (H, W, 3), the size of the frame."""
    weights: npt.NDArray[np.float32]
    """c: how far it can be trusted in each pixel, 0 to 1; float32 (H, W)."""


@dataclass(frozen=True)
class WarmStart:
    """The warm start of a frame, and the pictures of its temporal loss."""

    start: Image
    """uint8 (H, W, 3), the size of the frame."""
    temporal_targets: tuple[TemporalTarget, ...] = ()
    """None of them: no temporal loss."""
    own: Image | None = None
    """The frame's painting of an earlier pass, of the same size: where it is better already, it is started from."""

    def mapped(self, change: Callable[[Image], Image]) -> WarmStart:
        """With every picture in it changed."""
        targets = tuple(replace(target, picture=change(target.picture)) for target in self.temporal_targets)
        return WarmStart(change(self.start), targets, None if self.own is None else change(self.own))


@dataclass(frozen=True)
class PaintedFrame:
    """A finished frame and how it came about."""

    image: Image
    """uint8 (H, W, 3) RGB, the size of the content."""
    losses: dict[str, float]
    """Of the painting at full size: 'total' (weighted) and each term unweighted."""
    steps: int
    """Over all sizes."""
    seconds: float
    stopped: Stop
    memory_fallback: MemoryFallback = MemoryFallback.NONE
    """How memory was saved, where it did not suffice."""
    deep: DeepImage | None = None
    """The same as `image` with 16 bits a channel, where these were asked for."""

    @property
    def exact(self) -> Image | DeepImage:
        """It with all the bits that there are of it."""
        return self.image if self.deep is None else self.deep

    def with_exact(self, image: Image | DeepImage) -> PaintedFrame:
        """The same frame with another picture, of as many bits as there are."""
        return replace(self, image=shallow(image), deep=deep_only(image))


@dataclass(frozen=True)
class Unfinished:
    """A painting after one of its steps: enough to go on with it, to the bit, in another process."""

    size: int
    """Which of the sizes is painted, coarse to fine, from 0."""
    before: int
    """Steps at the sizes before it."""
    loop: Halfway
    plan: MemoryPlan
    """How memory is saved."""

    @property
    def step(self) -> int:
        """Over all sizes, from 1."""
        return self.before + self.loop.number


@dataclass(frozen=True)
class Progress:
    """Told after each step: where the painting of a frame stands."""

    step: int
    """Over all sizes, from 1."""
    of: int
    """Step budget over all sizes."""
    share: float
    """How much of the frame's budgeted work is done, 0 to 1; a step at half the size is a quarter of the work."""
    level: int
    """0 is the final size, 1 half of it, and so on."""
    sizes: int
    """How many sizes are painted."""
    detail: Step
    picture: Callable[[], Tensor]
    """How the painting looks now, (1, 3, H, W) in 0..1 at the final size, on the CPU. Waits for the device."""
    start: Callable[[], Tensor]
    """How it looked before the first step of all, likewise."""
    unfinished: Callable[[], Unfinished]
    """All that the rest of the painting depends on, to be read before the next step."""


OnProgress = Callable[[Progress], None]


def showing(on_progress: OnProgress, change: Callable[[Tensor], Tensor]) -> OnProgress:
    """Tells `on_progress` of pictures, (1, 3, H, W), that have gone through `change`."""

    def on_painting(progress: Progress) -> None:
        on_progress(
            replace(progress, picture=lambda: change(progress.picture()), start=lambda: change(progress.start()))
        )

    return on_painting
