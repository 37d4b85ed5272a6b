"""Paints drafts of wishes: small, with few steps, and with what was read and computed for the last wish kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from pipeline.clip.engine import Engine, open_painter
from pipeline.clip.regions import Mask, Regions
from pipeline.media import Image, fit_size, resize
from pipeline.network.base import Network, Pooling
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.pictures.preview_paintings import DRAFT, draft_settings
from pipeline.settings import Settings
from pipeline.studio.draft_masks import DraftMasks
from pipeline.studio.subject import Subject, largest_draft, read_subject
from pipeline.studio.wish import Wish
from pipeline.style.adain import ClipStatistics, pooled_statistics
from pipeline.style.frame import OnProgress
from pipeline.style.painter import Painter

KEPT = 8
"""Statistics of clips that are kept, at most: of every size of drafts, and for settings that were tried before."""
Told = Callable[[str], None]
"""Called with what is being done, now and then; what it raises ends the work."""


class Drafts:
    """For one thread."""

    def __init__(self, weights: Path | None = None, device: str = "auto") -> None:
        """
        :raises DeviceError: there is no such device.
        """
        self._weights = weights
        self.device: torch.device = choose_device(device)
        self._networks: dict[str, Network] = {}
        self._masks = DraftMasks()
        self._subject: Subject | None = None
        self._painter: tuple[Wish, Painter] | None = None
        self._statistics: dict[object, ClipStatistics] = {}

    def subject(self, source: Path, told: Told) -> Subject:
        """The input, read once.

        :raises MediaError: it cannot be read.
        """
        if self._subject is None or self._subject.source != source:
            self._subject = read_subject(source, told)
        return self._subject

    def paint(self, wish: Wish, told: Told, on_progress: OnProgress, coarse: Image | None = None) -> Image:
        """The painting, uint8 (H, W, 3).

        :param wish: a complete one.
        :param on_progress: what it raises ends the painting.
        :param coarse: a painting of it, uint8 (h, w, 3): at twice its size that is painted on; None: it is begun.
        :raises ReelbrushError: something cannot be read or painted.
        """
        assert wish.source is not None
        subject = self.subject(wish.source, told)
        if coarse is None:
            told("Looking at the style")
        longest = DRAFT if coarse is None else 2 * max(coarse.shape[:2])
        content = _of_size(subject.frame(wish.frame), min(longest, largest_draft(wish, subject)))
        painter = self._painter_for(wish, subject, max(content.shape[:2]), told)
        start = None if coarse is None else resize(coarse, content.shape[1], content.shape[0])
        painter = painter.with_masks(self._masks.of(wish, subject, (content.shape[1], content.shape[0]), told))
        return painter.paint(content, on_progress=on_progress, start=start).image

    def _painter_for(self, wish: Wish, subject: Subject, longest: int, told: Told) -> Painter:
        """Of all frames of a clip it is the same one."""
        # Where the regions are changes nothing of what they are painted towards.
        own = tuple(replace(one, mask=Mask(())) for one in wish.regions.region)
        same = replace(wish, frame=0, regions=Regions(region=own))
        if self._painter is None or self._painter[0] != same:
            settings = draft_settings(wish.settings)
            engine = Engine(settings, self._network(settings), self.device)
            self._painter = same, open_painter(engine, wish.styles, wish.regions, settings)
        painter = self._painter[1]
        if longest > DRAFT:
            # What is coarser has been painted.
            painter = painter.with_settings(replace(painter.settings, levels=1))
        if not subject.still and painter.needs_statistics:
            painter = painter.with_statistics(self._statistics_of(painter, subject, longest, told))
        return painter

    def _network(self, settings: Settings) -> Network:
        if settings.pooling not in self._networks:
            self._networks[settings.pooling] = open_vgg19(self._weights, cast(Pooling, settings.pooling))
        return self._networks[settings.pooling]

    def _statistics_of(self, painter: Painter, subject: Subject, longest: int, told: Told) -> ClipStatistics:
        """What the clip looks like as a whole; how far it is painted changes nothing of that."""
        key = (subject.source, longest, replace(painter.settings, strength=0.5, steps=1, style_scale=1.0))
        if key not in self._statistics:
            views = []
            for image in subject.frames:
                told("Looking at the colours of the clip")
                views.append(painter.statistics_of(_of_size(image, longest)))
            if len(self._statistics) >= KEPT:
                self._statistics.clear()
            self._statistics[key] = pooled_statistics(views)
        return self._statistics[key]


def _of_size(image: Image, longest: int) -> Image:
    return resize(image, *fit_size(image.shape[1], image.shape[0], longest))
