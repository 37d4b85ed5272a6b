"""How far something is, on a page. Nothing here imports Gradio."""

from __future__ import annotations


def bar(share: float) -> str:
    """How much is done, 0 to 1, as HTML."""
    return f'<div class="bar"><i style="width:{100 * share:.0f}%"></i></div>'
