"""Paints drafts of wishes: small, with few steps, and with what was read and computed for the last wish kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from pipeline.clip.engine import Engine, open_painter
from pipeline.clip.regions import Regions
from pipeline.media import Image
from pipeline.network.base import Network, Pooling
from pipeline.network.device import choose_device
from pipeline.network.weights import open_vgg19
from pipeline.pictures.preview_paintings import DRAFT, draft_settings
from pipeline.settings import Settings
from pipeline.studio.subject import Subject, read_subject
from pipeline.studio.wish import Wish
from pipeline.style.adain import ClipStatistics, pooled_statistics
from pipeline.style.frame import OnProgress
from pipeline.style.painter import Painter

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
        self._subject: Subject | None = None
        self._painter: tuple[Wish, Painter] | None = None
        self._statistics: tuple[object, ClipStatistics] | None = None

    def subject(self, source: Path, told: Told) -> Subject:
        """The input, read once.

        :raises MediaError: it cannot be read.
        """
        if self._subject is None or self._subject.source != source:
            self._subject = read_subject(source, DRAFT, told)
        return self._subject

    def paint(self, wish: Wish, told: Told, on_progress: OnProgress) -> Image:
        """The painting, uint8 (H, W, 3).

        :param wish: a complete one.
        :param on_progress: what it raises ends the painting.
        :raises ReelbrushError: something cannot be read or painted.
        """
        assert wish.source is not None
        subject = self.subject(wish.source, told)
        told("Looking at the style")
        painter = self._painter_for(wish, subject, told)
        content = subject.frames[min(wish.frame, len(subject.frames) - 1)]
        return painter.paint(content, on_progress=on_progress).image

    def _painter_for(self, wish: Wish, subject: Subject, told: Told) -> Painter:
        """Of all frames of a clip it is the same one."""
        same = replace(wish, frame=0)
        if self._painter is None or self._painter[0] != same:
            settings = draft_settings(wish.settings)
            engine = Engine(settings, self._network(settings), self.device)
            painter = open_painter(engine, wish.styles, Regions(), settings)
            if not subject.still and painter.needs_statistics:
                painter = painter.with_statistics(self._statistics_of(painter, subject, settings, told))
            self._painter = same, painter
        return self._painter[1]

    def _network(self, settings: Settings) -> Network:
        if settings.pooling not in self._networks:
            self._networks[settings.pooling] = open_vgg19(self._weights, cast(Pooling, settings.pooling))
        return self._networks[settings.pooling]

    def _statistics_of(self, painter: Painter, subject: Subject, settings: Settings, told: Told) -> ClipStatistics:
        """What the clip looks like as a whole; how far it is painted changes nothing of that."""
        key = (subject.source, replace(settings, strength=0.5, steps=1, style_scale=1.0))
        if self._statistics is None or self._statistics[0] != key:
            views = []
            for image in subject.frames:
                told("Looking at the colours of the clip")
                views.append(painter.statistics_of(image))
            self._statistics = key, pooled_statistics(views)
        return self._statistics[1]
