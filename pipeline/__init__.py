"""Reelbrush as a library: `from pipeline import stylize_image, stylize_video`.

Both names are looked up on first use, so that a command that needs no torch starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "stylize_image", "stylize_video"]

if TYPE_CHECKING:
    from pipeline.clip.api import stylize_image, stylize_video


def __getattr__(name: str) -> Any:
    if name in {"stylize_image", "stylize_video"}:
        from pipeline.clip import api

        return getattr(api, name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
