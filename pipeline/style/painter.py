"""Paints one frame: builds its objective and runs the loop, from coarse to fine where it starts anew."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UsageError
from pipeline.network.base import Network, Padding
from pipeline.network.device import Precision, choose_precision, memory_format
from pipeline.settings import Settings, strengthened
from pipeline.style.adain import (
    ChannelStatistics,
    ClipStatistics,
    adain,
    channel_statistics,
    style_channel_statistics,
    style_of_frame,
)
from pipeline.style.colour import blended_colour_statistics, colour_statistics, with_colours
from pipeline.style.frame import OnProgress, PaintedFrame, Progress, Style, TemporalTarget, WarmStart
from pipeline.style.losses import Moments, Normalisation, Statistic, blend, content_target, moments
from pipeline.style.objective import ContentTerm, Objective, SmoothnessTerm, StyleTerm, TemporalTerm, Term
from pipeline.style.oom_fallback import MOST_HALVINGS, MemoryPlan, OutOfMemoryRetry, memory_plans
from pipeline.style.optimise import LoopSettings, Step, optimise
from pipeline.style.optimizers import OptimizerName
from pipeline.style.picture import resized, scaled_size, to_image, to_tensor
from pipeline.types import Image

# Brightness of a blank canvas, in 0..1: primed, not quite white.
CANVAS = 0.95
# A picture below this many pixels a side holds no statistics worth the name; it is painted at this size.
LEAST_SIDE = 16


class Painter:
    """Paints frames in one style with one network; the style's targets are computed once for each size."""

    def __init__(self, network: Network, styles: Sequence[Style], settings: Settings, device: torch.device) -> None:
        """
        :param settings: complete; the layers belong to `network`.
        :raises UsageError: no style, weights that are all zero, or one that is negative or not finite.
        :raises SettingsError: a layer that the network does not have.
        """
        weights = [style.weight for style in styles]
        if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
            raise UsageError(
                "Painting needs at least one style picture with a weight above zero, and no weight below it: "
                f"the weights are {weights}."
            )
        self.settings = settings
        self.device = device
        dtype = choose_precision(device, cast(Precision, settings.precision))
        # A copy: moving a network to bfloat16 rounds its weights for whoever else holds it.
        own = copy.deepcopy(network).padded(cast(Padding, settings.padding))
        self._network = own.placed(device, dtype, memory_format(device))
        self._styles = [(style.weight, to_tensor(style.image)) for style in styles]
        self._colours = blended_colour_statistics(
            [(weight, colour_statistics(picture)) for weight, picture in self._styles]
        )
        self._targets: dict[int, _Targets] = {}
        self._retry = OutOfMemoryRetry(device)
        self._statistics = ClipStatistics()
        self._least = max(LEAST_SIDE, network.smallest_side(self._layers()))

    @property
    def network(self) -> Network:
        return self._network

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
        return bool(self._statistics_layers) or self.settings.start == "recoloured"

    @property
    def _statistics_layers(self) -> list[str]:
        """The layers whose targets depend on it."""
        settings = self.settings
        content = settings.content_layers if settings.recolour and settings.content_weight else ()
        style = settings.style_layers if settings.clip_palette and settings.statistic == "moments" else ()
        return list(dict.fromkeys(layer for layer, _ in (*content, *style)))

    def with_settings(self, settings: Settings) -> Painter:
        """This painter with other steps or temporal settings. What was computed of the styles is shared, and so has to
        be the same: layers, statistic and sizes."""
        found = copy.copy(self)
        found.settings = settings
        return found

    def with_statistics(self, clip: ClipStatistics) -> Painter:
        """This painter for the frames of a clip that looks like `clip` as a whole: a palette that does not wander."""
        found = copy.copy(self)
        found._statistics = clip.on(self.device)
        return found

    def statistics_of(self, image: Image) -> ClipStatistics:
        """What a picture looks like, as far as a painting of its clip depends on it.

        :param image: uint8 (H, W, 3).
        :return: on the CPU, at every size that can be painted. `pooled_anchor` makes the anchor of a clip out of
            several.
        """
        layers, full = self._statistics_layers, to_tensor(image)
        found = {}
        with torch.no_grad():
            # A frame may have to be painted smaller than any other.
            sizes = self._sizes(full.shape[2], full.shape[3], max(self.settings.levels, 1 + MOST_HALVINGS))
            for size in sizes if layers else ():
                maps = self._network.features(resized(full, *size).to(self.device), layers)
                found[size] = {layer: channel_statistics(maps[layer]) for layer in layers}
        seen = colour_statistics(full) if self.settings.start == "recoloured" else None
        return ClipStatistics(found, seen).on(torch.device("cpu"))

    def paint(
        self,
        content: Image,
        carried: WarmStart | None = None,
        index: int = 0,
        on_progress: OnProgress | None = None,
        start: Image | None = None,
        steps: int | None = None,
    ) -> PaintedFrame:
        """Paint a frame.

        :param content: uint8 (H, W, 3).
        :param carried: what the frames before hand on, of the same size (warm start); None starts a shot.
        :param index: number of the frame: frames that start from noise start from different noise.
        :param start: a picture of the same size to start a shot from, instead of what `settings.start` says.
        :param steps: for this frame, at its full size, and at coarser ones in proportion; None: as the settings say.
        :raises PaintingError: the loss is not a finite number, whatever was tried.
        :raises NotEnoughMemoryError: memory does not suffice, whatever was tried.
        """
        height, width = content.shape[:2]
        halvings = len(self._sizes(height, width, 1 + MOST_HALVINGS)) - 1
        return self._retry.paint(
            (height, width),
            memory_plans(self.settings, halvings),
            lambda plan: self._paint(content, carried, index, on_progress, start, steps, plan),
        )

    def _paint(
        self,
        content: Image,
        carried: WarmStart | None,
        index: int,
        on_progress: OnProgress | None,
        start: Image | None,
        steps: int | None,
        plan: MemoryPlan,
    ) -> PaintedFrame:
        """As `paint`, with so little memory."""
        began = time.monotonic()
        full = to_tensor(content)
        height, width = full.shape[2:]
        base = self._base(full, carried.start if carried is not None else start)
        sizes = self._sizes_within(height, width, plan)[-1 if carried is not None else 0 :]
        canvas = self._empty_canvas(sizes[0], index) if base is None else resized(base, *sizes[0])
        expected = carried.temporal_targets if carried is not None else ()

        def objective_at(size: tuple[int, int]) -> Objective:
            clip = self._statistics.layers.get(size)
            return self._objective(resized(full, *size), expected, clip, plan.checkpoint)

        objective = objective_at(sizes[0])
        if carried is not None and carried.own is not None:
            base = self._better(objective, to_tensor(carried.start), to_tensor(carried.own), sizes[0])
            canvas = resized(base, *sizes[0])
        loop = self._loop(carried is not None)
        loop = replace(loop, history=plan.history or loop.history)
        counts = self._steps(len(sizes), steps or loop.steps)
        reporter = _Reporter(on_progress, base, canvas, (height, width), sizes, counts)
        done = 0
        for position, (size, count) in enumerate(zip(sizes, counts, strict=True)):
            if position:
                canvas = _grown(canvas, base, size)
                objective = objective_at(size)
            on_step = reporter.at(position, done) if on_progress is not None else None
            result = optimise(objective, canvas.to(self.device), replace(loop, steps=count), on_step)
            canvas = result.image.cpu()
            done += result.steps
        image = to_image(_grown(canvas, base if plan.halvings else None, (height, width)))
        return PaintedFrame(image, result.losses, done, time.monotonic() - began, result.stopped, plan.memory_fallback)

    def _better(self, objective: Objective, start: Tensor, own: Tensor, size: tuple[int, int]) -> Tensor:
        """That of two pictures (1, 3, H, W) which has the lower loss at the size that is painted."""
        with torch.no_grad():
            losses = [objective(resized(one, *size).to(self.device)).total for one in (start, own)]
            return own if bool(losses[1] < losses[0]) else start

    def _sizes_within(self, height: int, width: int, plan: MemoryPlan) -> list[tuple[int, int]]:
        """(height, width) from the coarsest to the last one that is painted."""
        sizes = self._sizes(height, width, max(self.settings.levels, 1 + plan.halvings))
        return sizes[: len(sizes) - plan.halvings]

    def _sizes(self, height: int, width: int, levels: int | None = None) -> list[tuple[int, int]]:
        """(height, width) from the coarsest to the final one.

        :param levels: at most so many; None as the settings say.
        """
        full = self._workable(height, width)
        sizes = [full]
        for level in range(1, levels or self.settings.levels):
            smaller = (round(full[0] / 2**level), round(full[1] / 2**level))
            if min(smaller) < max(self.settings.smallest, self._least):
                break
            sizes.insert(0, smaller)
        return sizes

    def _steps(self, sizes: int, steps: int) -> list[int]:
        """Steps at each of so many sizes, coarse to fine, where a frame gets `steps` at the final one."""
        coarse = max(1, round(self.settings.coarse_steps * steps))
        return [*[coarse] * (sizes - 1), steps]

    def _workable(self, height: int, width: int) -> tuple[int, int]:
        """The size itself, or for a tiny picture the size it is painted at."""
        grow = max(1.0, self._least / min(height, width))
        return round(height * grow), round(width * grow)

    def _base(self, content: Tensor, start: Image | None) -> Tensor | None:
        """The picture that the painting begins as, at full size; None for a canvas that shows nothing."""
        if start is not None:
            return to_tensor(start)
        if self.settings.start == "recoloured":
            # With less style than the preset has, the input keeps some of its own colours.
            share = min(1.0, 2 * self.settings.strength)
            found = with_colours(content, self._statistics.colours or colour_statistics(content), self._colours)
            return content + share * (found - content)
        return content if self.settings.start == "content" else None

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

    def _layers(self) -> list[str]:
        return [layer for layer, _ in (*self.settings.content_layers, *self.settings.style_layers)]

    def _objective(
        self,
        content: Tensor,
        expected: Sequence[TemporalTarget] = (),
        anchor: Mapping[str, ChannelStatistics] | None = None,
        checkpoint: bool = False,
    ) -> Objective:
        """
        :param content: float32 (1, 3, H, W) on the CPU, at the size that is painted.
        :param anchor: palettes of the clip at this size, by layer; None takes those of the content itself.
        """
        settings = self.settings
        normalisation = cast(Normalisation, settings.normalisation)
        wanted = [layer for layer, _ in settings.content_layers] if settings.content_weight else []
        targets = self._style_targets(max(content.shape[2:]))
        with torch.no_grad():
            maps = self._network.features(content.to(self.device), [*wanted, *(anchor or ())])
            style = self._style_aims(targets.style, maps, anchor)
            maps = {layer: maps[layer] for layer in wanted}
            if settings.recolour:
                own = anchor or {layer: channel_statistics(found) for layer, found in maps.items()}
                maps = {
                    layer: adain(found, own[layer], targets.content[layer], settings.recolour)
                    for layer, found in maps.items()
                }
        terms: list[Term] = [
            ContentTerm(
                {layer: content_target(found) for layer, found in maps.items()},
                dict(settings.content_layers),
                settings.content_weight,
                normalisation,
            ),
            StyleTerm(
                style,
                dict(settings.style_layers),
                settings.style_weight * strengthened(settings.strength),
                cast(Statistic, settings.statistic),
                normalisation,
            ),
            SmoothnessTerm(settings.tv_weight),
        ]
        if expected:
            size = (content.shape[2], content.shape[3])
            terms.append(TemporalTerm([self._expectation(one, size) for one in expected], settings.temporal_weight))
        return Objective(self._network, terms, checkpoint)

    def _style_aims(
        self, style: Mapping[str, Moments], maps: Mapping[str, Tensor], anchor: Mapping[str, ChannelStatistics] | None
    ) -> Mapping[str, Moments]:
        """Statistics of the style layers for a content with these maps, by what the clip as a whole looks like."""
        if anchor is None or not self.settings.clip_palette or self.settings.statistic != "moments":
            return style
        return {
            layer: style_of_frame(
                aim,
                channel_statistics(maps[layer]),
                anchor[layer],
                self.settings.clip_palette,
                layer.startswith("relu"),
            )
            for layer, aim in style.items()
        }

    def _expectation(self, expected: TemporalTarget, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """w (1, 3, H, W) and c (1, 1, H, W) on the device, at the size that is painted."""
        weights = torch.from_numpy(np.array(expected.weights, np.float32))[None, None]
        return resized(to_tensor(expected.picture), *size).to(self.device), resized(weights, *size).to(self.device)

    def _style_targets(self, longest: int) -> _Targets:
        """Blended statistics of the style pictures, at a size that suits a painting of that longest side."""
        if longest not in self._targets:
            settings = self.settings
            statistic = cast(Statistic, settings.statistic)
            layers = [layer for layer, _ in settings.style_layers]
            content = [layer for layer, _ in settings.content_layers] if settings.recolour else []
            style: dict[str, list[tuple[float, Moments]]] = {layer: [] for layer in layers}
            colours: dict[str, list[tuple[float, Moments]]] = {layer: [] for layer in content}
            for weight, picture in self._styles:
                wanted = min(max(picture.shape[2:]), round(longest * settings.style_scale))
                height, width = scaled_size(picture.shape[2], picture.shape[3], wanted)
                shown = resized(picture, *self._workable(height, width)).to(self.device)
                with torch.no_grad():
                    maps = self._network.features(shown, [*layers, *content])
                    for layer, found in style.items():
                        found.append((weight, moments(maps[layer], statistic)))
                    for layer, found in colours.items():
                        found.append((weight, moments(maps[layer], "moments")))
            self._targets[longest] = _Targets(
                {layer: blend(parts, statistic) for layer, parts in style.items()},
                {layer: style_channel_statistics(blend(parts, "moments")) for layer, parts in colours.items()},
            )
        return self._targets[longest]


@dataclass(frozen=True)
class _Targets:
    """What the style pictures are at one size."""

    style: dict[str, Moments]
    """Statistics of the style layers."""
    content: dict[str, ChannelStatistics]
    """Of the content layers, for a content that takes it on."""


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _grown(painted: Tensor, base: Tensor | None, size: tuple[int, int]) -> Tensor:
    """A painting at a larger size, with what of the picture it began as was too fine for the smaller one."""
    grown = resized(painted, *size)
    if base is None:
        return grown
    fine = resized(base, *size) - resized(resized(base, *painted.shape[2:]), *size)
    return (grown + fine).clamp(0, 1)


class _Reporter:
    """Turns the loop's steps at one size into progress of the whole frame."""

    def __init__(
        self,
        on_progress: OnProgress | None,
        base: Tensor | None,
        canvas: Tensor,
        size: tuple[int, int],
        sizes: Sequence[tuple[int, int]],
        steps: Sequence[int],
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
        self._work = [count * _area(one) for count, one in zip(steps, sizes, strict=True)]

    def at(self, position: int, done: int) -> Callable[[Step], None]:
        """An `on_step` for the size number `position`, after `done` steps at coarser ones."""
        level = len(self._work) - 1 - position
        before = sum(self._work[:position])

        def start() -> Tensor:
            return _grown(self._canvas, self._base, self._size)

        def on_step(step: Step) -> None:
            def picture() -> Tensor:
                # A coarse painting still has the fine detail to lose that it began with.
                return _grown(step.image().cpu(), self._base if level else None, self._size)

            share = (before + self._work[position] * step.number / step.of) / sum(self._work)
            budget = done + sum(self._steps[position:])
            assert self._on_progress is not None
            self._on_progress(Progress(done + step.number, budget, share, level, step, picture, start))

        return on_step
