"""The sound of the sample clip: a soft arpeggio, and a click at the cut by which to check that sound is in step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
NOTES = ((57, 64, 69, 73, 76, 73, 69, 64), (53, 60, 65, 69, 72, 69, 65, 60))
"""Two bars of an arpeggio, MIDI note numbers: A major before the cut, F major after it."""


def pluck(note: int, seconds: float) -> npt.NDArray[np.float64]:
    """One note like a soft harp: harmonics that die the sooner the higher they are."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 440.0 * 2 ** ((note - 69) / 12)
    tone = sum(np.sin(2 * np.pi * pitch * k * t) * np.exp(-t * (2.2 + 1.3 * k)) / k**1.6 for k in range(1, 7))
    return np.asarray(tone * np.minimum(1, t / 0.006))


def sound(seconds: float, cut: float) -> npt.NDArray[np.int16]:
    """Stereo samples, shape (n, 2): music that changes its chord at `cut`, where the click is.

    The click is by far the steepest and loudest thing in the track; music is silent for 30 ms before it.
    """
    count = round(seconds * SAMPLE_RATE)
    mix = np.zeros((count + SAMPLE_RATE * 2, 2))
    for begin, end, notes in ((0.0, cut, NOTES[0]), (cut, seconds, NOTES[1])):
        for step in range(int(np.ceil((end - begin) / 0.25))):
            start = round((begin + 0.25 * step) * SAMPLE_RATE)
            tone = 0.16 * pluck(notes[step % len(notes)], 1.6)
            pan = 0.5 + 0.35 * np.sin(1.7 * step)
            mix[start : start + len(tone)] += tone[:, None] * np.array([np.sqrt(1 - pan), np.sqrt(pan)])
    at = round(cut * SAMPLE_RATE)
    mix[:at] *= np.clip((at - np.arange(at)) / SAMPLE_RATE - 0.03, 0, 0.08)[:, None] / 0.08
    t = np.arange(int(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
    click = 0.85 * np.cos(2 * np.pi * 1500 * t) * np.exp(-t / 0.004)
    mix[at : at + len(t)] = 0.3 * mix[at : at + len(t)] + click[:, None]
    mix = mix[:count]
    fade = np.clip((seconds - np.arange(count) / SAMPLE_RATE) / 0.25, 0, 1)
    return np.rint(np.clip(mix * fade[:, None], -1, 1) * 32767).astype("<i2")
