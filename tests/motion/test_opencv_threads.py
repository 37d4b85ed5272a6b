"""How many threads OpenCV takes."""

from __future__ import annotations

import cv2
import pytest

from pipeline.motion.opencv_threads import single_threaded


def test_a_call_takes_one_thread_while_it_is_wanted_and_what_it_was_after_that() -> None:
    usual = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        with pytest.raises(ZeroDivisionError), single_threaded():
            assert cv2.getNumThreads() == 1
            with single_threaded():
                pass
            assert cv2.getNumThreads() == 1
            raise ZeroDivisionError
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(usual)
