"""Where the regions of a wish are in the frame that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.clip.events import Event, Scanned
from pipeline.clip.frame_masks import FrameMasks, find_frame_masks
from pipeline.clip.jobs import ClipJob
from pipeline.clip.mask_files import open_clip_masks, read_mask, still_masks
from pipeline.clip.regions import Mask, Regions
from pipeline.clip.session import given_shots
from pipeline.media import Image, open_source, resize
from pipeline.motion.flow import DIS
from pipeline.motion.shots import find_shots
from pipeline.studio.subject import Subject
from pipeline.studio.wish import Wish
from pipeline.style.regions import Masks

FOLLOWED = 256
"""Longest side in pixels at which masks follow the motion for drafts."""


class DraftMasks:
    """Follows the motion of a clip only for moments over which not everything was drawn, and once."""

    def __init__(self) -> None:
        self._followed: tuple[tuple[Path, Regions], FrameMasks] | None = None

    def of(self, wish: Wish, subject: Subject, size: tuple[int, int], told: Callable[[str], None]) -> Masks | None:
        """The masks of the frame that is looked at; None where all is painted alike.

        :param size: its width and height.
        :param told: called with what is being done; what it raises ends that.
        :raises MediaError: a mask cannot be read.
        """
        regions = wish.regions
        if not regions.has_regions:
            return None
        if subject.still:
            return still_masks(regions, None, subject.frames[0], size).together(())
        number = subject.numbers[min(wish.frame, len(subject.numbers) - 1)]
        here = [_drawn_at(mask, number) for mask in regions.masks]
        if all(path is not None for path in here):
            found = [resize(read_mask(path), *size) for path in here if path is not None]
            count = len(regions.region)
            protected = found[count] if len(found) > count else None
            return Masks(_stacked(found[:count], size), protected)
        key = subject.source, regions
        if self._followed is None or self._followed[0] != key:
            self._followed = key, _followed(wish, subject, told)
        masks = self._followed[1].of(number)
        assert masks is not None
        protected = None if masks.protected is None else resize(masks.protected, *size)
        return Masks(_stacked([resize(one, *size) for one in masks.regions], size), protected)


def _followed(wish: Wish, subject: Subject, told: Callable[[str], None]) -> FrameMasks:
    def on_event(event: Event) -> None:
        if isinstance(event, Scanned):
            told(f"Following what was drawn: frame {event.frames} of {event.of}")

    source = open_source(subject.source, size=FOLLOWED)
    shots = given_shots(source, wish.settings)
    if not shots:
        with closing(source.frames()) as frames:
            images = (frame.image for frame in frames)
            shots = find_shots(images, lambda done: told(f"Looking for cuts: frame {done} of {source.info.frames}"))
    job = ClipJob(subject.source, wish.styles, Path("draft.mp4"), **wish.regions.regions)
    return find_frame_masks(open_clip_masks(job, source.info), source, shots, DIS, on_event)


def _drawn_at(mask: Mask, number: int) -> Path | None:
    return next((one.path for one in mask.pictures if one.at == number), None)


def _stacked(masks: list[Image], size: tuple[int, int]) -> Image:
    return np.stack(masks) if masks else np.zeros((0, size[1], size[0]), np.uint8)
