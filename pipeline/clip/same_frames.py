"""Whether two results show the same, frame by frame and bit by bit."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np

from pipeline.media import open_source


def differing_frames(one: Path, other: Path) -> tuple[int, int]:
    """How many frames of two results are not equal in every pixel, and how many frames the longer one has.

    :param one, other: videos, animations, folders of pictures or pictures.
    :raises MediaError: one of them cannot be read.
    """
    pairs = zip_longest(open_source(one).frames(), open_source(other).frames())
    equal = [a is not None and b is not None and np.array_equal(a.image, b.image) for a, b in pairs]
    return equal.count(False), len(equal)
