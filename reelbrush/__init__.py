"""Repaint pictures and videos in the style of a painting (Gatys, Ecker and Bethge 2016).

`stylize_image` and `stylize_video` do everything that the command line does. For painting frame by frame under your own
control there are the parts that they are made of:

    network = open_vgg19()
    painter = Painter(network, [Style(style)], resolve("standard", {"size": 256}), choose_device())
    painted = painter.paint(content)  # uint8 (H, W, 3) RGB in, `painted.image` likewise

Names are imported when they are first used: `import reelbrush` alone is quick, torch comes with the first call. Every
error that a user can mend is a `ReelbrushError`, whose text says how.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipeline import __version__

if TYPE_CHECKING:
    from pipeline.clip.api import stylize_image, stylize_video
    from pipeline.clip.events import Event
    from pipeline.clip.results import ClipResult, StillResult
    from pipeline.errors import (
        DeviceError,
        MediaError,
        NotEnoughMemoryError,
        OutputError,
        PaintingError,
        ReelbrushError,
        SettingsError,
        StoreError,
        UsageError,
        WeightsError,
    )
    from pipeline.network.base import Network
    from pipeline.network.device import choose_device
    from pipeline.network.weights import open_vgg19
    from pipeline.settings import PRESETS, Settings, resolve
    from pipeline.style.frame import PaintedFrame, Progress, Style
    from pipeline.style.painter import Painter
    from pipeline.style.regions import Masks

_HOMES = {
    "pipeline.clip.api": ("stylize_image", "stylize_video"),
    "pipeline.clip.events": ("Event",),
    "pipeline.clip.results": ("ClipResult", "StillResult"),
    "pipeline.errors": (
        *("DeviceError", "MediaError", "NotEnoughMemoryError", "OutputError", "PaintingError", "ReelbrushError"),
        *("SettingsError", "StoreError", "UsageError", "WeightsError"),
    ),
    "pipeline.network.base": ("Network",),
    "pipeline.network.device": ("choose_device",),
    "pipeline.network.weights": ("open_vgg19",),
    "pipeline.settings": ("PRESETS", "Settings", "resolve"),
    "pipeline.style.frame": ("PaintedFrame", "Progress", "Style"),
    "pipeline.style.painter": ("Painter",),
    "pipeline.style.regions": ("Masks",),
}
"""Module -> the names that it hands on."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PRESETS",
    "ClipResult",
    "DeviceError",
    "Event",
    "Masks",
    "MediaError",
    "Network",
    "NotEnoughMemoryError",
    "OutputError",
    "PaintedFrame",
    "Painter",
    "PaintingError",
    "Progress",
    "ReelbrushError",
    "Settings",
    "SettingsError",
    "StillResult",
    "StoreError",
    "Style",
    "UsageError",
    "WeightsError",
    "__version__",
    "choose_device",
    "open_vgg19",
    "resolve",
    "stylize_image",
    "stylize_video",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'reelbrush' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
