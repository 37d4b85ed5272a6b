"""Paints one frame: runs the optimisation, from coarse to fine where it starts anew, with less memory where it must."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from pipeline.errors import UsageError
from pipeline.network.base import Network, Padding
from pipeline.network.device import Precision, choose_precision, memory_format, waits_for_launches
from pipeline.settings import Settings
from pipeline.style.adain import ChannelStatistics, ClipStatistics
from pipeline.style.colour import ColourStatistics, blended_colour_statistics, colour_statistics, with_colours
from pipeline.style.frame import OnProgress, PaintedFrame, Style, Unfinished, WarmStart
from pipeline.style.frame_progress import FrameProgress
from pipeline.style.objective import Objective
from pipeline.style.oom_fallback import MOST_HALVINGS, MemoryFallback, MemoryPlan, OutOfMemoryRetry, memory_plans
from pipeline.style.optimise import LoopSettings, optimise, runner_for
from pipeline.style.optimizers import OptimizerName
from pipeline.style.own_colours import in_grey, paint_luminance, style_matched
from pipeline.style.picture import CPU, enlarged, resized, to_deep, to_image, to_tensor
from pipeline.style.recorded_objectives import RecordedObjectives
from pipeline.style.regions import Masks, mixed, resized_shares, shares_of, showing_protected, with_protected
from pipeline.style.step_runner import StepRunner, StepRunners
from pipeline.style.targets import Targets
from pipeline.types import DeepImage, Image, shallow

# Brightness of a blank canvas, in 0..1: primed, not quite white.
CANVAS = 0.95


class Painter:
    """Paints frames in one style with one network; the style's targets are computed once for each size."""

    def __init__(
        self,
        network: Network,
        styles: Sequence[Style],
        settings: Settings,
        device: torch.device,
        regions: Sequence[Sequence[Style]] = (),
    ) -> None:
        """
        :param settings: complete; the layers belong to `network`.
        :param regions: the styles of each part of the picture that has its own; `with_masks` says where they are.
        :raises UsageError: no style, weights that are all zero, or one that is negative or not finite.
        :raises SettingsError: a layer that the network does not have.
        """
        for part in (styles, *regions):
            _check_weights([style.weight for style in part])
        self.settings = settings
        self.device = device
        dtype = choose_precision(device, cast(Precision, settings.precision))
        # A copy: moving a network to bfloat16 rounds its weights for whoever else holds it.
        own = copy.deepcopy(network).padded(cast(Padding, settings.padding))
        self._network = own.placed(device, dtype, memory_format(device))
        self._pictures = [[(style.weight, to_tensor(style.image)) for style in part] for part in (styles, *regions)]
        self._colours = [
            blended_colour_statistics([(weight, colour_statistics(one)) for weight, one in part])
            for part in self._pictures
        ]
        self._shares: Tensor | None = None
        self._targets = Targets(self._network, self._pictures[0], settings, device, self._pictures[1:])
        self._matched = settings.colours == "style"
        self._runners = StepRunners(device)
        self._objectives = RecordedObjectives(self._runners)
        self._retry = OutOfMemoryRetry(device, self._let_go)
        self._statistics = ClipStatistics()
        self._after: Unfinished | None = None
        self._until: int | None = None
        self._rounded: Callable[[Tensor], Image | DeepImage] = to_image

    @property
    def network(self) -> Network:
        return self._network

    @property
    def regions(self) -> int:
        """How many parts of a picture have styles of their own."""
        return len(self._pictures) - 1

    def work(self, height: int, width: int, carried: bool) -> float:
        """The most work that a frame of this size can take, in steps at its full size."""
        if carried:
            return self.settings.carried_steps
        sizes = self._sizes(height, width)
        steps = self._steps(len(sizes), self.settings.steps)
        return sum(count * _area(size) for count, size in zip(steps, sizes, strict=True)) / (height * width)

    @property
    def needs_statistics(self) -> bool:
        """Whether a painting depends on what its clip as a whole looks like."""
        return bool(self._targets.clip_layers) or self._needs_colours

    @property
    def _needs_colours(self) -> bool:
        return self.settings.start == "recoloured" or self.settings.colours != "style"

    def with_settings(self, settings: Settings) -> Painter:
        """This painter with other steps or temporal settings. What was computed of the styles is shared, and so has to
        be the same: layers, statistic and sizes."""
        other = copy.copy(self)
        other.settings = settings
        other._targets = self._targets.with_settings(settings)
        return other

    def between(self, after: Unfinished | None, until: int | None) -> Painter:
        """This painter for a part of a painting.

        :param after: what an earlier run has done of it, from the same content with the same styles and settings.
        :param until: ends it after so many steps over all sizes; None: not before a rule says so. What is painted by
            then is enlarged where the final size is not reached.
        """
        other = copy.copy(self)
        other._after, other._until = after, until
        return other

    def deeply(self, deep: bool = True) -> Painter:
        """This painter with paintings of 16 bits a channel as well, or only of 8: they are computed with more."""
        other = copy.copy(self)
        other._rounded = to_deep if deep else to_image
        return other

    def with_statistics(self, clip: ClipStatistics) -> Painter:
        """This painter for the frames of a clip that looks like `clip` as a whole: a palette that does not wander."""
        other = copy.copy(self)
        other._statistics = clip.on(self.device)
        return other if clip.colours is None or self.settings.colours == "style" else other._in_colours(clip.colours)

    def with_masks(self, masks: Masks | None) -> Painter:
        """This painter for a frame with these parts.

        :param masks: one for each of the regions, of the size of the frame; None: all is painted in the styles of the
            rest.
        """
        other = copy.copy(self)
        other._shares = None if masks is None else shares_of(masks)
        return other

    def _in_colours(self, content: ColourStatistics) -> Painter:
        """This painter with its styles matched to the colours of the input, which paintings are to have."""
        other = copy.copy(self)
        grey = self.settings.colours == "keep"
        rest, *regions = (
            [(weight, style_matched(picture, content, grey)) for weight, picture in part] for part in self._pictures
        )
        other._targets = Targets(self._network, rest, self.settings, self.device, regions)
        other._matched = True
        return other

    def statistics_of(self, image: Image) -> ClipStatistics:
        """What a picture looks like, as far as a painting of its clip depends on it.

        :param image: uint8 (H, W, 3).
        :return: on the CPU, at every size that can be painted. `pooled_statistics` makes those of a clip out of
            several.
        """
        seen = self._seen(image)
        height, width = image.shape[:2]
        # A frame may have to be painted smaller than any other.
        sizes = self._sizes(height, width, max(self.settings.levels, 1 + MOST_HALVINGS))

        def attempt(plan: MemoryPlan) -> dict[tuple[int, int], dict[str, ChannelStatistics]]:
            full, targets = to_tensor(seen, self._home(plan)), self._targets
            if plan.memory_fallback is MemoryFallback.NONE:
                find = self._objectives.statistics
                return {size: find(targets.statistics_of, resized(full, *size), targets) for size in sizes}
            return {size: targets.statistics_of(resized(full, *size), plan.tile_side) for size in sizes}

        layers = (
            self._retry.paint((height, width), self._plans(height, width), attempt) if self._targets.clip_layers else {}
        )
        own = colour_statistics(to_tensor(image)) if self._needs_colours else None
        return ClipStatistics(layers, own).on(CPU)

    def paint(
        self,
        content: Image | DeepImage,
        carried: WarmStart | None = None,
        index: int = 0,
        on_progress: OnProgress | None = None,
        start: Image | None = None,
        steps: int | None = None,
    ) -> PaintedFrame:
        """Paint a frame.

        :param content: uint8 or uint16 (H, W, 3).
        :param carried: what the frames before hand on, of the same size (warm start); None starts a shot.
        :param index: number of the frame: frames that start from noise start from different noise.
        :param start: a picture of the same size to start a shot from, instead of what `settings.start` says.
        :param steps: for this frame, at its full size, and at coarser ones in proportion; None: as the settings say.
        :raises PaintingError: the loss is not a finite number, whatever was tried.
        :raises NotEnoughMemoryError: memory does not suffice, whatever was tried.
        :raises UsageError: it was begun by an earlier run in a way that the settings do not allow.
        """
        if not self._matched:
            own = self._in_colours(colour_statistics(to_tensor(content)))
            return own.paint(content, carried, index, on_progress, start, steps)
        height, width = content.shape[:2]

        def paint(
            content: Image | DeepImage, carried: WarmStart | None, on_progress: OnProgress | None, start: Image | None
        ) -> PaintedFrame:
            plans = self._plans(height, width)
            if self._after is not None:
                if self._after.plan not in plans:
                    raise UsageError(
                        "Memory ran out when this was begun, and it was painted smaller. Allow that again (--set "
                        "may_shrink=true), or begin anew with --restart."
                    )
                self._retry.begin_with((height, width), plans.index(self._after.plan))
            return self._retry.paint(
                (height, width),
                plans,
                lambda plan: self._paint(content, carried, index, on_progress, start, steps, plan),
            )

        if self._shares is not None and on_progress is not None:
            on_progress = showing_protected(on_progress, content, self._shares)
        if self.settings.colours == "keep":
            painted = paint_luminance(paint, content, carried, on_progress, start)
        else:
            painted = paint(content, carried, on_progress, start)
        if self._shares is None:
            return painted
        return painted.with_exact(with_protected(painted.exact, content, self._shares))

    def _seen(self, image: Image) -> Image:
        """A picture as the network sees it."""
        return in_grey(image) if self.settings.colours == "keep" else image

    def _plans(self, height: int, width: int) -> list[MemoryPlan]:
        """What there is to try for a picture of that size where memory runs out."""
        halvings = len(self._sizes(height, width, 1 + MOST_HALVINGS)) - 1
        return memory_plans(self.settings, halvings, self._targets.tile_sides((height, width)))

    def _paint(
        self,
        content: Image | DeepImage,
        carried: WarmStart | None,
        index: int,
        on_progress: OnProgress | None,
        start: Image | None,
        steps: int | None,
        plan: MemoryPlan,
    ) -> PaintedFrame:
        """As `paint`, with so little memory."""
        began = time.monotonic()
        home = self._home(plan)
        full = to_tensor(content, home)
        height, width = content.shape[:2]
        base = self._base(content, carried.start if carried is not None else start, home)
        sizes = self._sizes_within(height, width, plan)[-1 if carried is not None else 0 :]
        canvas = self._empty_canvas(sizes[0], index).to(home) if base is None else resized(base, *sizes[0])
        temporal = carried.temporal_targets if carried is not None else ()

        def objective_at(size: tuple[int, int]) -> Objective:
            targets, clip, seen = self._targets, self._statistics.layers.get(size), resized(full, *size)
            if runners is None or self._shares is not None:
                shares = None if self._shares is None else resized_shares(self._shares, *size)
                return targets.objective(seen, temporal, clip, plan.checkpoint, plan.tile_side, shares)
            found = self._objectives.objective(lambda seen: targets.objective(seen, (), clip), seen, targets, clip)
            return found.with_terms([*found.terms, targets.temporal_term(temporal, size)]) if temporal else found

        runners = self._runners if plan.memory_fallback is MemoryFallback.NONE else None
        objective = objective_at(sizes[0])
        loop = self._loop(carried is not None)
        loop = replace(loop, history=plan.history or loop.history)
        if carried is not None and carried.own is not None and base is not None:
            runner = runner_for(objective, canvas, loop, runners)
            base = self._better(runner, base, to_tensor(carried.own, home), sizes[0])
            canvas = resized(base, *sizes[0])
        counts = self._steps(len(sizes), steps or loop.steps)
        reporter = FrameProgress(on_progress, base, canvas, (height, width), sizes, counts, plan)
        # Where memory has run out since, it is begun anew with less.
        after = self._after if self._after is not None and self._after.plan == plan else None
        first, done = (after.size, after.before) if after is not None else (0, 0)
        for position in range(first, len(sizes)):
            size, halfway = sizes[position], after.loop if after is not None and position == first else None
            if position:
                canvas = resized(canvas, *size) if halfway else enlarged(canvas, base, size)
                objective = objective_at(size)
            on_step = reporter.at(position, done) if on_progress is not None else None
            own = replace(loop, steps=counts[position], until=None if self._until is None else self._until - done)
            result = optimise(objective, canvas.to(self.device), own, on_step, runners, halfway)
            canvas = result.image.to(home)
            done += result.steps
            if done == self._until:
                break
        coarse = bool(plan.halvings) or position + 1 < len(sizes)
        painting = enlarged(canvas, base if coarse else None, (height, width))
        exact = self._rounded(painting)
        image, seconds = shallow(exact), time.monotonic() - began
        painted = PaintedFrame(image, result.losses, done, seconds, result.stopped, plan.memory_fallback)
        return painted.with_exact(exact)

    def _better(self, runner: StepRunner, start: Tensor, own: Tensor, size: tuple[int, int]) -> Tensor:
        """That of two pictures (1, 3, H, W) which has the lower loss at the size that is painted."""
        losses = [runner.losses_of(resized(one, *size).to(self.device))["total"] for one in (start, own)]
        return own if losses[1] < losses[0] else start

    def _let_go(self) -> None:
        """Give back what is kept for later only."""
        self._runners.clear()
        self._objectives.clear()

    def _home(self, plan: MemoryPlan) -> torch.device:
        """Where a picture lies that is not being painted at the moment: on the CPU where memory of the device is short,
        or where a copy costs nothing."""
        usual = plan.memory_fallback in (MemoryFallback.NONE, MemoryFallback.FREED)
        return self.device if usual and waits_for_launches(self.device) else CPU

    def _sizes_within(self, height: int, width: int, plan: MemoryPlan) -> list[tuple[int, int]]:
        """(height, width) from the coarsest to the last one that is painted."""
        sizes = self._sizes(height, width, max(self.settings.levels, 1 + plan.halvings))
        return sizes[: len(sizes) - plan.halvings]

    def _sizes(self, height: int, width: int, levels: int | None = None) -> list[tuple[int, int]]:
        """(height, width) from the coarsest to the final one.

        :param levels: at most so many; None as the settings say.
        """
        full = self._targets.workable(height, width)
        sizes = [full]
        for level in range(1, levels or self.settings.levels):
            smaller = (round(full[0] / 2**level), round(full[1] / 2**level))
            if min(smaller) < max(self.settings.smallest, self._targets.least_side):
                break
            sizes.insert(0, smaller)
        return sizes

    def _steps(self, sizes: int, steps: int) -> list[int]:
        """Steps at each of so many sizes, coarse to fine, where a frame gets `steps` at the final one."""
        coarse = max(1, round(self.settings.coarse_steps * steps))
        return [*[coarse] * (sizes - 1), steps]

    def _base(self, content: Image | DeepImage, start: Image | None, home: torch.device) -> Tensor | None:
        """The picture that the painting begins as, at full size; None for a canvas that shows nothing."""
        if start is not None:
            return to_tensor(start, home)
        seen = to_tensor(content, home if self._shares is None else CPU)
        if self.settings.start == "recoloured" and self.settings.colours == "style":
            # With less style than the preset has, the input keeps some of its own colours.
            share = min(1.0, 2 * self.settings.strength)
            own = self._statistics.colours or colour_statistics(to_tensor(content))
            recoloured = [with_colours(seen, own, one) for one in self._colours]
            wanted = recoloured[0] if self._shares is None else mixed([*recoloured, seen], self._shares)
            return (seen + share * (wanted - seen)).to(home)
        # A style in the content's own colours leaves nothing to recolour.
        return seen.to(home) if self.settings.start in ("content", "recoloured") else None

    def _empty_canvas(self, size: tuple[int, int], index: int) -> Tensor:
        if self.settings.start == "blank":
            return torch.full((1, 3, *size), CANVAS)
        # Seeded on the CPU, so that every device starts from the same noise.
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + index)
        return torch.rand((1, 3, *size), generator=generator)

    def _loop(self, carried: bool) -> LoopSettings:
        settings = self.settings
        loop = LoopSettings(
            optimizer=cast(OptimizerName, settings.optimizer),
            rate=settings.learning_rate,
            steps=settings.carried_steps if carried else settings.steps,
            averaging=settings.averaging,
            history=settings.history,
            tolerance=settings.tolerance,
            patience=settings.patience,
        )
        return replace(loop, seconds=settings.seconds) if settings.seconds else loop


def _check_weights(weights: Sequence[float]) -> None:
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise UsageError(
            "Painting needs at least one style picture with a weight above zero, and no weight below it: "
            f"the weights are {weights}."
        )


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
