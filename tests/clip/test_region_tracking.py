"""What is carried of a painting where regions move on their own, and how what comes into view is filled."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from tiny import flat, picture

from pipeline.clip.frame_masks import FrameMasks
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.mask_files import Geometry, OpenMask, OpenMasks
from pipeline.clip.moves import PreviousPaintings, moves_now
from pipeline.clip.packed_masks import packed
from pipeline.clip.region_tracking import filled_by_regions, within_regions
from pipeline.clip.regions import Mask
from pipeline.clip.tracking import TrackedFrame
from pipeline.media.frame import Frame
from pipeline.motion.carry import filled, found_again
from pipeline.motion.flow import DIS
from pipeline.style.frame import PaintedFrame
from pipeline.style.optimise import Stop
from pipeline.types import Image

HIGH, WIDE = 48, 64


def masks_of(*edges: int, protect: bool = False) -> FrameMasks:
    """A region, or what is protected: in each frame up to that column."""
    found = []
    for edge in edges:
        mask = np.zeros((HIGH, WIDE), np.uint8)
        mask[:, :edge] = 255
        found.append(packed(mask))
    opened = OpenMasks((OpenMask(Mask(())),), int(not protect), Geometry((WIDE, HIGH), None, (WIDE, HIGH)))
    return FrameMasks(opened, (tuple(found),))


def second_frame(folder: Path, before: Image, now: Image, painting: Image) -> tuple[TrackedFrame, PreviousPaintings]:
    """The second frame of a clip whose first one is painted."""
    store = FrameStore(folder, range(2))
    store.put(0, PaintedFrame(painting, {}, 0, 0.0, Stop.STEPS))
    tracked = TrackedFrame(Frame(1, Fraction(1, 24), now), before, {1: found_again(before, now, DIS)})
    return tracked, PreviousPaintings(store)


def test_a_painting_is_not_carried_where_a_region_has_come_or_gone(tmp_path: Path) -> None:
    image = picture(HIGH, WIDE, 1)
    tracked, previous = second_frame(tmp_path, image, image.copy(), image)
    assert (tracked.ways[1].weights == 1).all()
    for protect in (False, True):
        found = within_regions(tracked, masks_of(20, 30, protect=protect), previous).ways[1].weights
        assert not found[:, 20:30].any() and (found[:, :20] == 1).all() and (found[:, 30:] == 1).all()
        same = within_regions(tracked, masks_of(20, 20, protect=protect), previous).ways[1].weights
        assert (same == 1).all()


def test_a_mask_that_moves_with_the_picture_changes_nothing(tmp_path: Path) -> None:
    wide = picture(HIGH, WIDE + 8, 1)
    before, now = wide[:, 8:].copy(), wide[:, 4:-4].copy()
    tracked, previous = second_frame(tmp_path, before, now, before)
    plain = tracked.ways[1].weights
    found = within_regions(tracked, masks_of(24, 28), previous).ways[1].weights
    assert (found != plain).mean() < 0.01
    alone = within_regions(tracked, masks_of(24, 36), previous).ways[1].weights
    assert alone[:, 30:35].mean() < 0.1 < plain[:, 30:35].mean()


def test_what_comes_into_view_has_the_colours_of_its_own_region(tmp_path: Path) -> None:
    """The region is painted red and the rest blue; the fit over all of it would be a purple that neither has."""
    image = picture(HIGH, WIDE, 1)
    painting = np.concatenate([flat((200, 30, 20), HIGH, 32), flat((20, 30, 200), HIGH, 32)], 1)
    tracked, previous = second_frame(tmp_path, image, image.copy(), painting)
    tracked.ways[1].weights[10:30, 20:44] = 0
    masks = masks_of(32, 32)
    moves = moves_now(tracked, previous)
    assert moves.opening is not None
    start = filled(moves.paintings[1], filled_by_regions(tracked, moves, masks).opening or moves.opening).astype(int)
    assert np.abs(start[12:28, 22:31] - (200, 30, 20)).max() < 12
    assert np.abs(start[12:28, 33:42] - (20, 30, 200)).max() < 12
    whole = filled(moves.paintings[1], moves.opening).astype(int)
    assert np.abs(whole[12:28, 22:31] - (200, 30, 20)).mean() > 20


def test_without_regions_all_is_as_it_was(tmp_path: Path) -> None:
    image = picture(HIGH, WIDE, 1)
    tracked, previous = second_frame(tmp_path, image, image.copy(), image)
    alike = FrameMasks(OpenMasks())
    moves = moves_now(tracked, previous)
    assert within_regions(tracked, alike, previous) is tracked and filled_by_regions(tracked, moves, alike) is moves
