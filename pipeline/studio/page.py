"""The page of the studio, made with Gradio. What it shows is a `Studio`; all pages show the same one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI

from pipeline.errors import ReelbrushError
from pipeline.settings import PRESETS
from pipeline.studio.live_painter import View
from pipeline.studio.look import QUIET, mounted
from pipeline.studio.page_text import input_label, job_said, play_said, said, trouble_said
from pipeline.studio.regions_tab import CSS as REGIONS_CSS
from pipeline.studio.regions_tab import RegionsTab
from pipeline.studio.result_tab import ResultTab
from pipeline.studio.studio import SECONDS, Studio

EVERY = 0.5
"""Seconds between two looks at what there is."""
SETTLED = 1.0
"""Seconds after the last change when a page shows what was chosen, on another one or by a job."""
TOLD_FOR = 15.0
"""Seconds for which a page says what went wrong."""
SIZES = {"By preset": None, "256": 256, "512": 512, "768": 768, "1024": 1024, "1536": 1536,
         "As the input": 0}  # fmt: skip
COLOURS = {"Painting's": "style", "Input's own": "keep", "Matched": "match"}
CSS = """
#title span {display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 14px}
#title h1 {font-size: 1.3rem; margin: 0} #title p {margin: 0; opacity: .75}
main {padding-bottom: 150px !important}
#halves > .column {min-width: min(320px, 100%) !important}
#said, #play-said {min-height: 2.4em; font-size: .95rem; padding: 4px 0 !important}
#picture:not(:has(img)) {min-height: 240px}
#dock {position: fixed !important; bottom: 0; left: max(0px, 50vw - 640px); width: min(1280px, 100vw); z-index: 50;
  padding: 8px 16px 10px; gap: 6px; border-top: 1px solid var(--neutral-300); border-radius: 10px 10px 0 0;
  background: var(--background-fill-primary); box-shadow: 0 -2px 12px rgba(0,0,0,.16)}
#dock .row {align-items: flex-end; gap: 12px}
#dock .block {padding: 0 !important}
#job-said, #trouble {font-size: .95rem}
#job-said:has(.prose:empty), #trouble:has(.prose:empty) {display: none}
#command textarea {font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .85rem; white-space: pre;
  overflow-x: auto}
#input, #new {border: 1px dashed var(--neutral-400) !important; border-radius: 8px}
#input .icon-wrap, #new .icon-wrap {display: none}
#input .wrap, #new .wrap {padding-top: 26px; font-size: 0; line-height: 0}
#input .wrap .or, #new .wrap .or {display: none}
#input .wrap::after, #new .wrap::after {font-size: .9rem; line-height: 1.3; content: "Drop it here, or click"}
#new .wrap::after {content: "Drop some here, or click"}
#styles img {object-fit: cover; width: 100%; height: 100%}
#styles .thumbnail-item {width: 84px; height: 84px; aspect-ratio: 1}
#styles .gallery-item {width: 84px; flex: none}
#styles .grid-container {display: flex; flex-wrap: wrap; gap: 8px}
#finish {align-items: flex-end} #replaces {padding-bottom: 14px}
@media (max-width: 640px) {
  main {padding: 8px 8px 170px !important} #halves > .column {display: contents} #finish {order: 9}
  #dock {padding: 6px 10px 8px} #dock .row {flex-direction: column; align-items: stretch; gap: 6px}
  #finish {flex-direction: column; align-items: stretch} #finish > * {width: 100%; flex: none !important}
  #dock .row > * {width: 100%; flex: none !important; min-width: 0 !important}
}
"""


def application(studio: Studio, port: int) -> FastAPI:
    """The page as an ASGI application. Whoever serves it keeps others away from it."""
    return mounted(_Page(studio).blocks, port, CSS + REGIONS_CSS)


class _Page:
    """Its parts, and what they do."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._trouble = (0.0, "")
        """Until when to say what went wrong last, as `time.monotonic` counts, and what it was."""
        with gr.Blocks(title="Reelbrush studio", analytics_enabled=False, fill_width=True) as self.blocks:
            gr.Markdown("# Reelbrush studio\nPaint a clip or a picture in the style of paintings. Everything stays on "
                        "this machine.", elem_id="title")  # fmt: skip
            with gr.Row(elem_id="halves"):
                with gr.Column(scale=3, min_width=320):
                    self._see()
                with gr.Column(scale=2, min_width=320):
                    self._choose()
            with gr.Column(elem_id="dock"):
                self._finish()
            self._connect()

    def _see(self) -> None:
        with gr.Tabs(elem_id="tabs") as self.tabs:
            with gr.Tab("Picture", id="picture"):
                self.picture = gr.ImageSlider(
                    show_label=False, interactive=False, max_height=360, buttons=["fullscreen"], elem_id="picture",
                    format="jpeg",
                )  # fmt: skip
                self.said = gr.HTML(elem_id="said")
                with gr.Row():
                    self.stop = gr.Button("Stop", size="sm", min_width=80, elem_id="stop")
                    self.again = gr.Button("Paint again", size="sm", min_width=80, elem_id="again")
            self.regions = RegionsTab(self._studio)
            with gr.Tab("In motion", id="motion", visible=False) as self.motion:
                self.clip = gr.Video(
                    show_label=False, autoplay=True, loop=True, interactive=False, height=360, elem_id="clip",
                    visible=False,
                )  # fmt: skip
                self.clip_said = gr.HTML(elem_id="play-said")
                with gr.Row():
                    self.play = gr.Button(f"Play {SECONDS} seconds", size="sm", min_width=80, elem_id="play")
                    self.still = gr.Button("Stop", size="sm", min_width=80, elem_id="still")
            self.result = ResultTab(self._studio)
        self.frame = gr.Slider(
            1, 8, 1, step=1, label="Moment of the clip", visible=False, elem_id="frame", buttons=[],
        )  # fmt: skip
        with gr.Row(elem_id="finish"):
            self.output = gr.Textbox(label="Save as", lines=1, max_lines=1, elem_id="output", scale=3)
            self.replaces = gr.Checkbox(
                label="Replace a file of that name", container=False, elem_id="replaces", scale=1, min_width=190
            )

    def _choose(self) -> None:
        with gr.Row():
            self.input = gr.File(
                label=input_label(None), file_count="single", type="filepath", height=96, elem_id="input",
                min_width=120,
            )  # fmt: skip
            self.new = gr.File(
                label="2  Paintings", file_count="multiple", type="filepath", height=96, elem_id="new", min_width=120
            )
        self.styles = gr.Gallery(
            label="Paintings at hand", visible=False, columns=4, height=100, show_label=False, allow_preview=False,
            interactive=False, buttons=[], elem_id="styles",
        )  # fmt: skip
        self.used = gr.CheckboxGroup([], label="Used; several are blended", visible=False, elem_id="used")
        self.strength = gr.Slider(0, 1, step=0.05, label="Strength", elem_id="strength")
        self.colours = gr.Radio(
            [*COLOURS.items()], label="Colours", info="Matched: the painting's strokes, recoloured to suit the input.",
            elem_id="colours",
        )  # fmt: skip
        with gr.Row():
            self.scale = gr.Slider(
                0.25, 2, step=0.05, label="Size of the strokes", info="Less is finer, more is coarser.",
                elem_id="scale", min_width=160,
            )  # fmt: skip
            self.shapes = gr.Slider(
                0, 1, step=0.1, label="Large shapes", info="In open areas only.", elem_id="shapes",
                min_width=160,
            )  # fmt: skip
        with gr.Row():
            self.preset = gr.Dropdown(
                list(PRESETS), label="Preset", info="draft is fast, fine is slow", elem_id="preset", min_width=120,
                filterable=False,
            )  # fmt: skip
            self.size = gr.Dropdown(
                list(SIZES), label="Longest side", info="of the result, in pixels", elem_id="size", min_width=120,
                filterable=False,
            )  # fmt: skip

    def _finish(self) -> None:
        self.job_said = gr.HTML(elem_id="job-said")
        self.trouble = gr.HTML(elem_id="trouble")
        with gr.Row():
            self.command = gr.Textbox(
                label="The same on the command line", lines=1, max_lines=1, interactive=False, buttons=["copy"],
                placeholder="Appears once there is an input and a painting.", elem_id="command", scale=4,
                min_width=200,
            )  # fmt: skip
            self.end = gr.Button("Stop the job", visible=False, elem_id="end", scale=1, min_width=140)
            self.all = gr.Button("Paint it all", variant="primary", elem_id="all", scale=1, min_width=140)

    def _connect(self) -> None:
        studio = self._studio

        def on(event: Any, act: Callable[..., object], *inputs: Any) -> None:
            event(self._told(act), list(inputs), None, trigger_mode="always_last", **QUIET)

        on(self.strength.input, lambda value: studio.change(strength=float(value)), self.strength)
        on(self.scale.input, lambda value: studio.change(style_scale=float(value)), self.scale)
        on(self.shapes.input, lambda value: studio.change(large_shapes=float(value)), self.shapes)
        on(self.colours.input, lambda value: studio.change(colours=value), self.colours)
        on(self.preset.input, lambda value: studio.change(preset=value), self.preset)
        on(self.size.input, lambda value: studio.change(size=SIZES.get(value, studio.wish.size)), self.size)
        on(self.frame.input, lambda value: studio.change(frame=int(value) - 1), self.frame)
        on(self.used.input, lambda value: studio.use_styles(list(value)), self.used)
        for event in (self.output.blur, self.output.submit):
            on(event, lambda value: studio.save_as(value, studio.replaces), self.output)
        on(self.replaces.input, lambda value: studio.save_as(studio.output, value), self.replaces)
        on(self.stop.click, studio.live.stop)
        on(self.again.click, studio.live.again)
        self.play.click(self._told(studio.play), None, None, **QUIET)
        on(self.still.click, studio.clip.stop)

        def paint_all(drawn: Any, request: gr.Request) -> None:
            self._told(self._paint_all)(drawn, str(request.session_hash))

        # What was drawn last may still be on its way.
        self.all.click(paint_all, self.regions.editor, None, trigger_mode="always_last", **QUIET)
        on(self.end.click, studio.job.stop)
        # The field is emptied: what was dropped is in the studio, and the next one can be dropped on the same place. It
        # counts while the one before it is still being looked at, too.
        dropped: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}
        for field, act in (
            (self.input, lambda path: studio.open_input(Path(path))),
            (self.new, lambda paths: studio.add_styles([*map(Path, paths)])),
        ):
            field.upload(self._told(act), field, None, **dropped).then(lambda: None, None, field, **dropped)
        seen = gr.State({})
        shown = [
            self.picture, self.said, self.stop, self.again, self.frame, self.motion, self.play, self.still, self.clip,
            self.clip_said, self.input, self.styles, self.used, self.strength, self.colours, self.scale, self.shapes,
            self.preset, self.size, self.output, self.replaces, self.all, self.end, self.job_said, self.trouble,
            self.command, *self.regions.shown, *self.result.shown,
        ]  # fmt: skip
        self.regions.connect(seen, self._told)
        # The command names masks beside the result: whoever takes it with them needs these.
        self.command.copy(self._told(studio.keep_masks), None, None, **QUIET)
        timer = gr.Timer(EVERY)
        timer.tick(self._look, [seen], [seen, *shown], trigger_mode="once", **QUIET)

    def _told(self, act: Callable[..., object]) -> Callable[..., None]:
        """An act; what goes wrong for a reason that a person can mend is told on the page."""

        def run(*values: Any) -> None:
            try:
                act(*values)
            except (ReelbrushError, OSError) as error:
                # Where an upload lies says nothing to who has dropped it.
                text = re.sub(re.escape(f"{self._studio.uploads}{os.sep}") + r"\w+[/\\]", "", str(error))
                self._trouble = (time.monotonic() + TOLD_FOR, text)

        return run

    def _paint_all(self, drawn: Any, page: str) -> None:
        self.regions.take(drawn, page)
        self._studio.paint_all()

    def _look(self, seen: dict[str, Any], request: gr.Request) -> list[Any]:
        """What is new since a page has looked last."""
        studio, view = self._studio, self._studio.view
        now: dict[str, Any] = {}
        news: list[Any] = []

        def add(name: str, state: Any, *updates: Callable[[], Any]) -> None:
            now[name] = state
            same = name in seen and seen[name] == state
            news.extend(gr.skip() if same else update() for update in updates)

        add("picture", (id(view.before), id(view.painting)), lambda: _pair(view))
        add("said", view.number, lambda: said(view), lambda: gr.update(interactive=not view.finished),
            lambda: gr.update(interactive=studio.wish.complete and view.finished))  # fmt: skip
        subject = view.subject
        frames = 0 if subject is None or subject.still else len(subject.frames)
        add("frames", (frames, studio.wish.frame), lambda: gr.update(
            visible=frames > 1, maximum=max(2, frames), value=studio.wish.frame + 1))  # fmt: skip
        played = studio.clip.state()
        add("play", (frames, played.runs, studio.wish.complete), lambda: gr.update(visible=frames > 0),
            lambda: gr.update(interactive=studio.wish.complete and not played.runs),
            lambda: gr.update(interactive=played.runs))  # fmt: skip
        add("clip", played.clip, lambda: gr.update(
            visible=played.clip is not None, value=None if played.clip is None else str(played.clip)))  # fmt: skip
        add("clip said", played, lambda: play_said(played))
        add("input", studio.wish.source, lambda: gr.update(label=input_label(studio.wish.source)))
        add("styles", tuple(studio.styles), self._gallery)
        add("used", tuple(studio.styles.items()), self._checks)
        wish = studio.wish
        # Not while a handle is dragged: what comes back then is older than where it is by now.
        settled = studio.number if time.monotonic() - studio.changed_at > SETTLED else seen.get("wish")
        sizes = {value: text for text, value in SIZES.items()}
        add(
            "wish", settled, lambda: wish.strength, lambda: wish.colours,
            lambda: gr.skip() if isinstance(wish.style_scale, tuple) else wish.style_scale,
            lambda: wish.large_shapes, lambda: wish.preset, lambda: gr.update(
                choices=list(dict.fromkeys([*SIZES, *([] if wish.size in sizes else [str(wish.size)])])),
                value=sizes.get(wish.size, str(wish.size))),
            lambda: studio.output, lambda: studio.replaces,
        )  # fmt: skip
        job = studio.job.state()
        add("job", (job, wish.complete), lambda: gr.update(interactive=wish.complete and not job.runs),
            lambda: gr.update(visible=job.runs, interactive=job.state != "stopping"),
            lambda: job_said(job, studio.result() is not None))  # fmt: skip
        until, text = self._trouble
        trouble = text if time.monotonic() < until else ""
        add("trouble", trouble, lambda: trouble_said(trouble))
        add("command", studio.command(), studio.command)
        self.regions.look(add, seen, str(request.session_hash))
        self.result.look(add)
        return [now, *news]

    def _gallery(self) -> Any:
        styles = self._studio.styles
        return gr.update(visible=bool(styles), value=[(str(style.path), style.path.stem) for style in styles])

    def _checks(self) -> Any:
        styles = self._studio.styles
        choices = [(style.path.stem, place) for place, style in enumerate(styles)]
        value = [place for place, used in enumerate(styles.values()) if used]
        return gr.update(visible=len(choices) > 1, choices=choices, value=value)


def _pair(view: View) -> Any:
    if view.before is None:
        return None
    return view.before, view.before if view.painting is None else view.painting
