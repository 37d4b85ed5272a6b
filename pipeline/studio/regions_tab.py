"""The part of the page on which regions are drawn over the frame that is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr
import numpy as np

from pipeline.clip.styles import StylePicture
from pipeline.media import Image, fit_size, resize
from pipeline.studio.drawing import COLOURS, KEEP, OPACITY, Layer
from pipeline.studio.look import QUIET
from pipeline.studio.studio import Studio

LARGEST = 768
"""Pixels of the longer side that are drawn over, at most."""
ALIKE = 12.0
"""Of 255: by how much a frame may differ on average from itself once a browser has shown it."""
ALL = (*COLOURS, KEEP)
CSS = """
#brush label span::before {content: ""; display: inline-block; width: 12px; height: 12px; margin-right: 6px;
  border-radius: 3px; background: var(--dot); vertical-align: -1px}
#editor {min-height: 300px}
#editor[data-waits] * {pointer-events: none !important}
""" + "".join(
    f'#brush label:has(input[value="{name}"]) {{--dot: {name}}}\n' for name in ALL
)  # fmt: skip


class RegionsTab:
    """Made within the tabs of the page."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Tab("Regions", id="regions", visible=False) as self.tab:
            self.brush = gr.Radio(
                [], label="Draw over a part, to paint it like another painting or to leave it as it is", elem_id="brush"
            )
            self.editor = gr.ImageEditor(
                show_label=False, sources=(), transforms=(), layers=False, format="png", type="numpy", height=380,
                buttons=[], brush=_brush(KEEP), eraser=gr.Eraser(default_size=30), elem_id="editor",
                canvas_size=(LARGEST, LARGEST * 9 // 16),
            )  # fmt: skip
            self.clear = gr.Button("Clear all regions", size="sm", min_width=80, elem_id="clear")

    @property
    def shown(self) -> list[Any]:
        """What `look` gives news of."""
        return [self.tab, self.brush, self.editor, self.clear]

    def connect(self, seen: Any, told: Callable[[Callable[..., object]], Callable[..., None]]) -> None:
        """Hand on what is drawn.

        :param seen: the state of what a page has seen.
        :param told: puts around an act what tells of its failure.
        """

        def draw(value: Any, request: gr.Request) -> None:
            told(self.take)(value, str(request.session_hash))

        def wipe(seen: dict[str, Any], request: gr.Request) -> None:
            _, place, *_ = seen.get("editor", (None, 0))
            told(self._studio.draw)(place, None, str(request.session_hash))

        self.editor.input(draw, self.editor, None, trigger_mode="always_last", **QUIET)
        self.editor.clear(wipe, seen, None, **QUIET)
        # In the browser itself, and nothing is drawn meanwhile: or what is drawn at once has the colour before.
        chosen = self.brush.input(None, self.brush, self.editor, js=_BRUSH_SCRIPT, **QUIET)
        cleared = self.clear.click(self._clear, None, self.editor, js=_WAIT_SCRIPT, **QUIET)
        for event in (chosen, cleared):
            event.then(None, None, None, js=_DRAW_SCRIPT, **QUIET)

    def take(self, value: Any, page: str) -> None:
        """Take what an editor shows.

        :param page: whose editor it is.
        :raises OSError: a mask cannot be written.
        """
        # An editor says this of what it has been given, too, and before there is a layer in it.
        if value is not None and value["layers"]:
            self._draw(value["background"], np.asarray(value["layers"][0], np.uint8), page)

    def look(self, add: Callable[..., None], seen: dict[str, Any], page: str) -> None:
        """Say what is new: `add(name, state, *updates)`, as many updates as there are in `shown`.

        :param page: which one looks.
        """
        studio, subject, styles = self._studio, self._studio.view.subject, tuple(self._studio.styles)
        there = subject is not None and subject.source == studio.wish.source and bool(styles)
        add("regions", there, lambda: gr.update(visible=there))
        first = _first(studio)
        # A page chooses its brush itself: only what there is to choose from is shared.
        add("brush", (there, styles), lambda: gr.update(choices=_choices(styles), value=first, info=_said(studio)))
        number, by = studio.drawn
        place = self._place
        old = seen.get("editor", (None, 0, 0, ()))
        here = (studio.wish.source if there else None, place)
        # What this page has drawn itself it shows already, and perhaps more by now.
        own = old[:2] == here and by == page
        state = (*here, old[2] if own else number, styles)
        brush = {} if old[3:] == (styles,) else {"brush": _brush(first)}
        add("editor", state, lambda: self._frame(place, there, brush))
        add("drawn", studio.wish.regions, lambda: gr.update(interactive=studio.wish.regions.has_regions))

    @property
    def _place(self) -> int:
        """Of the frame that is looked at among those that stand for the clip."""
        subject = self._studio.view.subject
        return 0 if subject is None else min(self._studio.wish.frame, len(subject.frames) - 1)

    def _clear(self, request: gr.Request) -> Any:
        # Answered with an empty editor: until the next look at what there is, somebody may have drawn again.
        self._studio.clear_drawing(str(request.session_hash))
        return self._frame(self._place, True, {})

    def _draw(self, background: Image, layer: Layer, page: str) -> None:
        """What arrives may be late, and another frame be looked at by now: it belongs to the one that lies under it."""
        subject = self._studio.view.subject
        if subject is None or background is None:
            return
        size = background.shape[1], background.shape[0]
        frames = [resize(frame, *size).astype(np.int32) for frame in subject.frames]
        far = [float(np.abs(frame - background[..., :3]).mean()) for frame in frames]
        if min(far) < ALIKE:
            self._studio.draw(far.index(min(far)), layer, page)

    def _frame(self, place: int, there: bool, more: dict[str, Any]) -> Any:
        subject = self._studio.view.subject
        if subject is None or not there:
            return gr.update(value=None, **more)
        image = _small(subject.frames[place])
        layer = self._studio.layer(place)
        if layer is None:
            # Given no layer at all, an editor keeps those that it has.
            layer = np.zeros((*image.shape[:2], 4), np.uint8)
        value = {"background": image, "layers": [layer], "composite": None}
        return gr.update(value=value, canvas_size=(image.shape[1], image.shape[0]), **more)


def _said(studio: Studio) -> str:
    follows = studio.view.subject is not None and not studio.view.subject.still
    more = " Over the clip it follows the motion; correct it at other moments." if follows else ""
    return f"'Picture' shows what becomes of it.{more}"


def _choices(styles: Sequence[StylePicture]) -> list[tuple[str, str]]:
    named = [(style.path.stem, colour) for style, colour in zip(styles, COLOURS, strict=False)]
    return [*named, ("Leave it as it is", KEEP)]


def _first(studio: Studio) -> str:
    """The colour of a painting that is not used for the rest, if there is one: in that a region is to be."""
    used = list(studio.styles.values())[: len(COLOURS)]
    return COLOURS[used.index(False)] if False in used else KEEP


def _brush(colour: str) -> gr.Brush:
    colours: list[str | tuple[str, float]] = [(name, OPACITY) for name in ALL]
    return gr.Brush(default_size=30, colors=colours, default_color=(colour, OPACITY), color_mode="fixed")


_WAIT = 'document.getElementById("editor").dataset.waits = "";'
_WAIT_SCRIPT = f"() => {{{_WAIT} return [];}}"
"""Lets nobody draw."""
_DRAW_SCRIPT = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
    delete document.getElementById("editor").dataset.waits;
    done([]);
})))"""
"""Lets one draw again, once the editor has been shown as it is now."""
_BRUSH_SCRIPT = f"""(name) => {{
    {_WAIT}
    const news = {json.dumps({"__type__": "update", "brush": asdict(_brush(KEEP))})};
    news.brush.default_color = [name, {OPACITY}];
    return news;
}}"""
"""Lets nobody draw, and gives the editor a brush of a colour by its name."""


def _small(image: Image) -> Image:
    return resize(image, *fit_size(image.shape[1], image.shape[0], LARGEST))
