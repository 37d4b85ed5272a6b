"""The part of the page that shows what a job has painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from pipeline.studio.studio import Studio

PLAYED = (".mp4", ".webm")
"""Endings of what browsers play."""


class ResultTab:
    """Made within the tabs of the page."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Tab("Result", id="result", visible=False) as self.tab:
            self.clip = gr.Video(
                show_label=False, autoplay=True, loop=True, interactive=False, height=360, visible=False,
                elem_id="result-clip",
            )  # fmt: skip
            self.picture = gr.Image(
                show_label=False, interactive=False, type="filepath", height=360, visible=False, buttons=["fullscreen"],
                elem_id="result-picture",
            )  # fmt: skip

    @property
    def shown(self) -> list[Any]:
        """What `look` gives news of."""
        return [self.tab, self.clip, self.picture]

    def look(self, add: Callable[..., None]) -> None:
        """Say what is new: `add(name, state, *updates)`, as many updates as there are in `shown`."""
        result = self._studio.result()
        played = result is not None and result.suffix.lower() in PLAYED

        def value(visible: bool) -> Any:
            return gr.update(visible=visible, value=str(result) if visible else None)

        add("result", result, lambda: gr.update(visible=result is not None), lambda: value(played),
            lambda: value(result is not None and not played))  # fmt: skip
