"""A process that finds frames in earlier ones, in memory that it shares with the one that started it, `clip.finders`.

Its arguments are the descriptor of that memory, and height and width of the frames. For every byte on stdin it finds
the second frame in that memory in the first one, and writes a byte to stdout once what was found stands there. It ends
when stdin is closed, with whoever started it.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.motion.carry import Bytes, Way, found_again
from pipeline.motion.flow import DIS
from pipeline.types import Image

READY, FOUND, FAILED = b"r", b"f", b"x"


@dataclass(frozen=True)
class Shared:
    """Two frames and what is found of them, in one piece of memory."""

    earlier: Image
    later: Image
    found: Bytes
    """All that is found, its bytes one after the other."""

    @staticmethod
    def size(height: int, width: int) -> int:
        """Bytes that frames of that size want."""
        return 6 * height * width + Way.size(height * width)

    @classmethod
    def within(cls, memory: mmap.mmap, height: int, width: int) -> Shared:
        """Laid out in memory of that size."""
        pixels, whole = height * width, np.frombuffer(memory, np.uint8)
        earlier, later, found = np.split(whole, (3 * pixels, 6 * pixels))
        return cls(earlier.reshape(height, width, 3), later.reshape(height, width, 3), found)

    def put(self, way: Way) -> None:
        """Write down what was found."""
        way.write(self.found)

    def way(self) -> Way:
        """A copy of what was found."""
        return Way.from_bytes(self.found.copy(), *self.earlier.shape[:2])


def main() -> None:
    """Work until stdin is closed."""
    descriptor, height, width = map(int, sys.argv[1:])
    shared = Shared.within(mmap.mmap(descriptor, Shared.size(height, width)), height, width)
    # There are as many of these processes as there are cores to be had.
    cv2.setNumThreads(1)
    os.write(1, READY)
    while os.read(0, 1):
        try:
            shared.put(found_again(shared.earlier, shared.later, DIS))
        except Exception:
            # Whoever asked looks for it there, and sees why.
            os.write(1, FAILED)
        else:
            os.write(1, FOUND)
