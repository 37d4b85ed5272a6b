"""Back from what an ordinary screen shows to HDR: the inverse of `display_conversion`, for what was painted from it.

Light is counted in whites of an ordinary picture, which is 203 cd/m2 in HDR (ITU-R BT.2408).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from pipeline.media.display_conversion import BRIGHTEST, KNEE, PQ, WHITE
from pipeline.media.srgb import to_light
from pipeline.types import DeepImage, Image

_Light: TypeAlias = npt.NDArray[np.float32]

_TO_2020 = np.array(
    [[0.6274039, 0.3292830, 0.0433131], [0.0690973, 0.9195404, 0.0113623], [0.0163914, 0.0880133, 0.8955953]],
    np.float32,
)
"""Linear RGB of BT.709 to that of BT.2020 (ITU-R BT.2087)."""
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
"""Of linear BT.2020."""
_SYSTEM_GAMMA = 1.2
"""From the light of a scene to that of a screen of 1000 cd/m2, in HLG."""


def to_hdr(image: Image | DeepImage, transfer: str) -> DeepImage:
    """A picture as HDR: what the curve of `display_conversion` has laid together near white is spread out again.

    :param image: uint8 or uint16 (height, width, 3), sRGB.
    :param transfer: a key of `HDR`.
    :return: uint16 (height, width, 3): BT.2020 with that transfer, 65535 being the largest signal.
    """
    linear, gain = _tables(np.iinfo(image.dtype).max)
    light = linear[image] * gain[image.max(axis=2, keepdims=True)]
    signal = (_pq if transfer == PQ else _hlg)(light @ _TO_2020.T)
    return cast(DeepImage, np.rint(np.clip(signal, 0, 1) * 65535).astype(np.uint16))


@lru_cache(maxsize=2)
def _tables(top: int) -> tuple[_Light, _Light]:
    """For each value of sRGB up to `top`, its light; and by how much light grows of a pixel with that largest value."""
    value = np.arange(top + 1) / top
    linear = to_light(value)
    peak = BRIGHTEST / WHITE
    # The curve is c (x + a) / (x + b) above the knee, which it leaves in its direction, and 1 at the peak.
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    c = (b * b + 2 * b * KNEE + KNEE**2) / (b - a)
    spread = np.where(linear <= KNEE, linear, (c * a - linear * b) / (linear - c))
    gain = np.divide(spread, linear, out=np.ones_like(linear), where=linear > 0)
    return linear.astype(np.float32), gain.astype(np.float32)


def _pq(light: _Light) -> _Light:
    """SMPTE ST 2084."""
    power = np.maximum(light * np.float32(WHITE / 10_000), 0) ** np.float32(0.1593017578125)
    ratio = (np.float32(0.8359375) + np.float32(18.8515625) * power) / (1 + np.float32(18.6875) * power)
    return cast(_Light, ratio ** np.float32(78.84375))


def _hlg(light: _Light) -> _Light:
    """ITU-R BT.2100, for a screen of `BRIGHTEST`."""
    shown = np.maximum(light * np.float32(WHITE / BRIGHTEST), 0)
    luminance = np.maximum(shown @ _LUMINANCE, 1e-6)[:, :, None]
    scene = shown * luminance ** np.float32((1 - _SYSTEM_GAMMA) / _SYSTEM_GAMMA)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    dark = np.sqrt(3 * scene)
    return cast(_Light, np.where(scene <= 1 / 12, dark, a * np.log(np.maximum(12 * scene - b, 1e-6)) + c))
