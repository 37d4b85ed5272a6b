"""Paints one frame: runs the optimisation, from coarse to fine where it starts anew, with less memory where it must."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import torch
from torch import Tensor

from pipeline.errors import UsageError
from pipeline.network.base import Network, Padding
from pipeline.network.device import Precision, choose_precision, memory_format, waits_for_launches
from pipeline.settings import Settings
from pipeline.style.adain import ChannelStatistics, ClipStatistics
from pipeline.style.beginnings import check_weights, empty_canvas, loop_of, recoloured, steps_of_sizes
from pipeline.style.colour import ColourStatistics, colour_statistics
from pipeline.style.frame import OnProgress, PaintedFrame, Style, Unfinished, WarmStart
from pipeline.style.frame_progress import FrameProgress
from pipeline.style.look import Look, numbers_of, palette_moved, statistics_between, variants_of
from pipeline.style.objective import Objective
from pipeline.style.oom_fallback import MOST_HALVINGS, MemoryFallback, MemoryPlan, OutOfMemoryRetry, memory_plans
from pipeline.style.open_areas import open_share_of
from pipeline.style.optimise import optimise, runner_for
from pipeline.style.own_colours import in_grey, paint_in_own_colours, with_chroma_of, without_chroma_of
from pipeline.style.picture import CPU, enlarged, resized, to_deep, to_image, to_tensor
from pipeline.style.recorded_objectives import RecordedObjectives
from pipeline.style.regions import Masks, resized_shares, shares_of, showing_protected, with_protected
from pipeline.style.step_runner import StepRunner, StepRunners
from pipeline.style.targets import Targets
from pipeline.types import DeepImage, Image, shallow


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
            check_weights([style.weight for style in part])
        self.settings = settings
        self.device = device
        dtype = choose_precision(device, cast(Precision, settings.precision))
        # A copy: moving a network to bfloat16 rounds its weights for whoever else holds it.
        own = copy.deepcopy(network).padded(cast(Padding, settings.padding))
        self._network = own.placed(device, dtype, memory_format(device))
        self._parts = self._shown = [variants_of(part, settings) for part in (styles, *regions)]
        self._words = frozenset({settings.colours})
        self._look: Look | None = None
        self._shares: Tensor | None = None
        self._targets = Targets(self._network, self._parts, settings, device)
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
        return len(self._parts) - 1

    def work(self, height: int, width: int, carried: bool) -> float:
        """The most work that a frame of this size can take, in steps at its full size: that at which it is painted, as
        the network sees nothing of one that is too small."""
        settings = self.settings
        sizes = self._sizes(height, width)[-settings.carried_levels if carried else 0 :]
        steps = steps_of_sizes(settings, len(sizes), settings.carried_steps if carried else settings.steps)
        return sum(count * _area(size) for count, size in zip(steps, sizes, strict=True)) / _area(sizes[-1])

    @property
    def needs_statistics(self) -> bool:
        """Whether a painting depends on what its clip as a whole looks like."""
        return bool(self._targets.clip_layers) or self._needs_colours

    @property
    def _needs_colours(self) -> bool:
        return self.settings.start == "recoloured" or self._words != {"style"}

    @property
    def _kept(self) -> float:
        """How much of the input's own chroma a painting has."""
        return float(self.settings.colours == "keep") if self._look is None else self._look.kept

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
        return other if clip.colours is None or self._words == {"style"} else other._in_colours(clip.colours)

    def over_time(self, words: Iterable[str], parts: Sequence[Sequence[Style]] = ()) -> Painter:
        """This painter for a clip whose frames have looks of their own.

        :param words: whose colours its frames have, as `Settings.colours`: what has to be known of the clip depends on
            that.
        :param parts: what looks have shares of: the styles of the rest of a picture, and of each region; () where
            nothing is to be painted yet.
        """
        other = copy.copy(self)
        other._words = frozenset(words)
        other._matched = other._words == {"style"}
        if parts:
            other._parts = other._shown = [variants_of(part, self.settings) for part in parts]
            other._targets = Targets(self._network, other._parts, self.settings, self.device)
        return other

    def with_look(self, look: Look | None) -> Painter:
        """This painter for a frame with that look; None: as the settings say."""
        other = copy.copy(self)
        other._look = look
        return other

    def led_on(self, painting: Image, before: Look, content: Image) -> Image:
        """An earlier painting, moved to this frame, in the colours that it would have with the look of this one: what
        is carried over does not hold on to a palette that goes. The masks of this painter have all regions whole.

        :param before: its look.
        :param content: the input of this frame; both uint8 (H, W, 3).
        """
        look = self._look
        if look is None or look == before:
            return painting
        picture, colours = to_tensor(painting), to_tensor(content)
        painted = without_chroma_of(picture, colours, before.kept) if before.kept else picture
        moved = palette_moved(painted, self._shown, (before, look), self._shares)
        return to_image(with_chroma_of(moved, colours, look.kept) if look.kept else moved)

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
        other._shown = [[one.matched(content) for one in part] for part in self._parts]
        other._targets = Targets(self._network, other._shown, self.settings, self.device)
        other._matched = True
        return other

    def statistics_of(self, image: Image) -> ClipStatistics:
        """What a picture looks like, as far as a painting of its clip depends on it.

        :param image: uint8 (H, W, 3).
        :return: on the CPU, at every size that can be painted. `pooled_statistics` makes those of a clip out of
            several.
        """
        height, width = image.shape[:2]
        # A frame may have to be painted smaller than any other.
        sizes = self._sizes(height, width, max(self.settings.levels, 1 + MOST_HALVINGS))

        def attempt(seen: Image, plan: MemoryPlan) -> dict[tuple[int, int], dict[str, ChannelStatistics]]:
            full, targets = to_tensor(seen, self._home(plan)), self._targets
            if plan.memory_fallback is MemoryFallback.NONE:
                find = self._objectives.statistics
                return {size: find(targets.statistics_of, resized(full, *size), targets) for size in sizes}
            return {size: targets.statistics_of(resized(full, *size), plan.tile_side) for size in sizes}

        def layers(seen: Image) -> dict[tuple[int, int], dict[str, ChannelStatistics]]:
            if not self._targets.clip_layers:
                return {}
            return self._retry.paint((height, width), self._plans(height, width), partial(attempt, seen))

        own = colour_statistics(to_tensor(image)) if self._needs_colours else None
        grey = layers(in_grey(image)) if "keep" in self._words else {}
        colour = layers(image) if self._words != {"keep"} else grey
        return ClipStatistics(colour, own, grey if len(self._words) > 1 else {}).on(CPU)

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
        if self._kept:
            painted = paint_in_own_colours(self._kept, paint, content, carried, on_progress, start)
        else:
            painted = paint(content, carried, on_progress, start)
        if self._shares is None:
            return painted
        return painted.with_exact(with_protected(painted.exact, content, self._shares))

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
        sizes = self._sizes_within(height, width, plan)[-self.settings.carried_levels if carried is not None else 0 :]
        canvas = empty_canvas(self.settings, sizes[0], index).to(home) if base is None else resized(base, *sizes[0])
        temporal = carried.temporal_targets if carried is not None else ()

        def objective_at(size: tuple[int, int]) -> Objective:
            seen, targets = resized(full, *size), self._targets
            shares = None if self._shares is None else resized_shares(self._shares, *size)
            opened = None if open_share is None else resized_shares(open_share, *size)
            if runners is None:
                own, clip = self._targets_at(size, numbers)
                return own.objective(seen, temporal, clip, plan.checkpoint, plan.tile_side, shares, opened)

            def build(seen: Tensor, numbers: Tensor | None, shares: Tensor | None, opened: Tensor | None) -> Objective:
                own, clip = self._targets_at(size, numbers)
                return own.objective(seen, (), clip, shares=shares, open_share=opened)

            given = (targets, self._statistics.layers.get(size), self._kept == 1)
            inputs = (seen, numbers, *(None if one is None else one.to(self.device) for one in (shares, opened)))
            found = self._objectives.objective(build, inputs, *given)
            return found.with_terms([*found.terms, targets.temporal_term(temporal, size)]) if temporal else found

        numbers = None if self._look is None else numbers_of(self._look, self.settings, self.device)
        open_share = open_share_of(content) if self.settings.large_shapes else None
        runners = self._runners if plan.memory_fallback is MemoryFallback.NONE else None
        objective = objective_at(sizes[0])
        loop = loop_of(self.settings, carried is not None)
        loop = replace(loop, history=plan.history or loop.history)
        if carried is not None and carried.own is not None and base is not None:
            runner = runner_for(objective, canvas, loop, runners)
            base = self._better(runner, base, to_tensor(carried.own, home), sizes[0])
            canvas = resized(base, *sizes[0])
        counts = steps_of_sizes(self.settings, len(sizes), steps or loop.steps)
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

    def _targets_at(
        self, size: tuple[int, int], numbers: Tensor | None
    ) -> tuple[Targets, Mapping[str, ChannelStatistics] | None]:
        """What a frame is painted towards at a size, and what its clip looks like there.

        :param numbers: of its look.
        """
        clip, grey = self._statistics.layers.get(size), self._statistics.grey.get(size)
        if numbers is None:
            return self._targets, clip
        if clip is not None and grey is not None:
            clip = statistics_between(clip, grey, numbers[1])
        return self._targets.of_look(numbers, self._kept == 1), clip

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

    def _base(self, content: Image | DeepImage, start: Image | None, home: torch.device) -> Tensor | None:
        """The picture that the painting begins as, at full size; None for a canvas that shows nothing."""
        if start is not None:
            return to_tensor(start, home)
        seen = to_tensor(content, home if self._shares is None else CPU)
        if self.settings.start == "recoloured":
            own = self._statistics.colours or colour_statistics(to_tensor(content))
            strength = self.settings.strength if self._look is None else self._look.strength
            return recoloured(seen, own, self._parts, self._look, strength, self._shares).to(home)
        return seen.to(home) if self.settings.start == "content" else None


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
