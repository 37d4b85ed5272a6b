"""From the steps at one size to the progress of a whole frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from pipeline.style.frame import OnProgress, Progress, Unfinished
from pipeline.style.oom_fallback import MemoryPlan
from pipeline.style.optimise import Step
from pipeline.style.picture import enlarged


class FrameProgress:
    """Turns the loop's steps at one size into progress of the whole frame."""

    def __init__(
        self,
        on_progress: OnProgress | None,
        base: Tensor | None,
        canvas: Tensor,
        size: tuple[int, int],
        sizes: Sequence[tuple[int, int]],
        steps: Sequence[int],
        plan: MemoryPlan,
    ) -> None:
        """
        :param base: the picture that the painting began as.
        :param canvas: what the first step starts from, at the coarsest size.
        :param size: (height, width) at the end.
        :param sizes: every (height, width) that is painted, coarse to fine.
        :param steps: budgeted at each of them.
        """
        self._on_progress = on_progress
        self._base = base
        self._canvas = canvas
        self._size = size
        self._steps = steps
        self._plan = plan
        self._work = [count * height * width for count, (height, width) in zip(steps, sizes, strict=True)]

    def at(self, position: int, done: int) -> Callable[[Step], None]:
        """An `on_step` for the size number `position`, after `done` steps at coarser ones."""
        level = len(self._work) - 1 - position
        before = sum(self._work[:position])

        def start() -> Tensor:
            return enlarged(self._canvas, self._base, self._size).cpu()

        def on_step(step: Step) -> None:
            def picture() -> Tensor:
                # A coarse painting still has the fine detail to lose that it began with.
                shown = step.image().to(self._canvas.device)
                return enlarged(shown, self._base if level else None, self._size).cpu()

            share = (before + self._work[position] * step.number / step.of) / sum(self._work)
            budget = done + sum(self._steps[position:])
            assert self._on_progress is not None
            self._on_progress(
                Progress(
                    done + step.number, budget, share, level, len(self._work), step, picture, start,
                    lambda: Unfinished(position, done, step.halfway(), self._plan),
                )
            )  # fmt: skip

        return on_step
