"""A mask that follows what it was drawn on: known motions, what comes into view, and edges that stay edges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.motion.flow import DIS
from pipeline.motion.follow import followed, settled
from pipeline.motion.track import track
from pipeline.types import Image
from tests.tiny import picture

Mask = npt.NDArray[np.uint8]
HIGH, WIDE, SIDE = 72, 96, 28


def crossing(step: float, frames: int, alike: bool = False) -> tuple[list[Image], list[Mask]]:
    """A textured square that crosses a textured ground, and where it is.

    :param step: pixels a frame.
    :param alike: both have the same colours.
    """
    ground = picture(HIGH, WIDE, seed=3)
    thing = picture(HIGH, WIDE, seed=5)
    if not alike:
        ground, thing = ground // 2, 127 + thing // 2
    images, masks = [], []
    for number in range(frames):
        left = 8 + round(step * number)
        inside = np.s_[20 : 20 + SIDE, left : left + SIDE]
        image, mask = ground.copy(), np.zeros((HIGH, WIDE), np.uint8)
        image[inside] = thing[20 : 20 + SIDE, 10 : 10 + SIDE]
        mask[inside] = 255
        images.append(image)
        masks.append(mask)
    return images, masks


def carried(images: list[Image], mask: Mask, onward: bool = True) -> list[Mask]:
    """The mask of the first frame, in all of them."""
    found = [mask]
    for index in range(1, len(images)):
        onwards = DIS(images[index], images[index + 1]) if onward and index + 1 < len(images) else None
        found.append(followed(found[-1], images[index], track(images[index - 1], images[index]), onwards))
    return found


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    a, b = one > 127, other > 127
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("step", [0.0, 1.0, 2.5])
def test_a_mask_stays_on_what_it_was_drawn_on(step: float) -> None:
    images, masks = crossing(step, 16)
    found = carried(images, masks[0])
    assert min(overlap(one, other) for one, other in zip(found, masks, strict=True)) > 0.9
    # Edges have not become ramps.
    between = (found[-1] > 25) & (found[-1] < 230)
    assert between.mean() < 0.03
    if not step:
        np.testing.assert_array_equal(found[-1], masks[0])


def test_backward_it_follows_as_well() -> None:
    images, masks = crossing(2.0, 12)
    found = carried(images[::-1], masks[-1])
    assert overlap(found[-1], masks[0]) > 0.9


def test_what_comes_into_view_behind_a_thing_of_its_colours_stays_behind() -> None:
    images, masks = crossing(4.0, 12, alike=True)
    with_motion, without = (overlap(carried(images, masks[0], onward)[-1], masks[-1]) for onward in (True, False))
    assert with_motion > 0.75 and with_motion > without


def test_what_passes_in_front_leaves_nothing_behind() -> None:
    """A thing of the mask's own colours passes over its edge and is gone again."""
    ground, thing = picture(HIGH, WIDE, seed=3), picture(HIGH, WIDE, seed=5)
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[:, : WIDE // 2] = 255
    images = []
    for number in range(9):
        image = ground.copy()
        left = 9 * number
        image[16:56, left : left + 24] = np.where(number < 8, thing[16:56, :24], ground[16:56, left : left + 24])
        images.append(image)

    def last(with_drawn: bool) -> Mask:
        found = mask
        for index in range(1, len(images)):
            drawn = (mask, track(images[0], images[index])) if with_drawn else None
            found = followed(found, images[index], track(images[index - 1], images[index]), None, drawn)
        return found

    assert overlap(last(True), mask) > 0.97 > overlap(last(False), mask)


def test_pixels_that_are_not_known_go_with_their_colour() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    image[:, 77:] = (200, 120, 40)
    mask = np.zeros((100, 160), np.uint8)
    mask[:, 82:] = 255
    known = np.ones((100, 160), bool)
    known[:, 70:90] = False
    found = settled(mask, image, known)
    assert (found[:, :75] == 0).all() and (found[:, 79:] == 255).all()


def test_where_nothing_is_known_the_mask_stays() -> None:
    mask = picture(20, 30, 1)[..., 0]
    np.testing.assert_array_equal(settled(mask, picture(20, 30, 2), np.zeros((20, 30), bool)), mask)
    np.testing.assert_array_equal(settled(mask, picture(20, 30, 2), np.ones((20, 30), bool)), mask)


def test_a_mask_that_is_all_of_the_picture_stays_all_of_it() -> None:
    images, _ = crossing(3.0, 5)
    assert (carried(images, np.full((HIGH, WIDE), 255, np.uint8))[-1] == 255).all()
