"""The page of a job that runs in a terminal, made with Gradio."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from starlette.routing import Route

from pipeline.studio.live_state import PLAYED, LiveState, picture_files
from pipeline.studio.live_visitors import LiveVisitors
from pipeline.studio.look import QUIET, mounted
from pipeline.studio.progress_bar import bar

LOOK = 0.05
"""Seconds of one core that a look at what is new takes, nearly all of it Gradio's."""
SHARE = 0.01
"""Of all cores that looking may take: with two of them there is a look every 2.5 seconds, with more a second."""
TYPES = {".m4v": "video/mp4", ".mov": "video/mp4", ".apng": "image/apng", ".webp": "image/webp"}
"""What a browser is told that a file is, where it is not what Python takes it for."""
CSS = """
#title h1 {font-size: 1.35rem; margin: 0; overflow-wrap: anywhere} #title p {margin: 2px 0 0; opacity: .75}
#head {align-items: center; flex-wrap: nowrap} #said {min-height: 2.4em; font-size: .95rem; flex: 1}
.gradio-container {width: 100%} .meta-text, .meta-text-center, .progress-text {display: none !important}
#result video, #result img {display: block; width: 100%; max-height: 66vh; object-fit: contain; border-radius: 8px;
  background: #000}
#result p {margin: 6px 0 0; overflow-wrap: anywhere; font-size: .95rem}
#curves svg {display: block; width: 100%; height: 72px; border-bottom: 1px solid rgba(128,128,128,.5)}
#curves polyline {fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke}
#curves .one {stroke: #2f6f6a} #curves .two {stroke: #c27c2c}
#curves p {margin: 4px 0 0; font-size: .85rem} #curves b.one {color: #2f6f6a} #curves b.two {color: #c27c2c}
.dark #curves .one {stroke: #6fc3bb} .dark #curves b.one {color: #6fc3bb}
#notes {font-size: .85rem; opacity: .8} #notes ul {margin: 0; padding-left: 1.2em}
"""


def live_application(folder: Path, visitors: LiveVisitors, state: Callable[[], LiveState], port: int) -> FastAPI:
    """The page as an ASGI application. Whoever serves it keeps others away from it.

    :param folder: that the job hands pictures on in.
    :param state: what the job has handed on.
    """
    page = _LivePage(folder, visitors, state)
    app = mounted(page.blocks, port, CSS)

    def result() -> Response:
        """The one file that it shows as it lies on the disk."""
        found = Path(state().result or ".")
        if not found.is_file():
            return Response("There is no result yet.\n", 404, media_type="text/plain")
        return FileResponse(found, media_type=TYPES.get(found.suffix.lower()))

    # Before Gradio, which takes everything that comes after it.
    app.router.routes.insert(0, Route("/result", lambda request: result()))
    return app


class _LivePage:
    def __init__(self, folder: Path, visitors: LiveVisitors, state: Callable[[], LiveState]) -> None:
        self._folder, self._visitors, self._state = folder, visitors, state
        # What Gradio copies for its answers is of no use once it was loaded.
        with gr.Blocks(title="Reelbrush", analytics_enabled=False, fill_width=True, delete_cache=(60, 60)) as blocks:
            self.blocks = blocks
            title = gr.HTML(elem_id="title")
            with gr.Row(elem_id="head"):
                said = gr.HTML(elem_id="said")
                stop = gr.Button("Stop", size="sm", min_width=80, scale=0, elem_id="stop")
            result = gr.HTML(visible=False, elem_id="result")
            picture = gr.ImageSlider(
                label="Before and after", interactive=False, max_height=640, buttons=["fullscreen"],
                elem_id="picture", format="jpeg",
            )  # fmt: skip
            curves = gr.HTML(visible=False, elem_id="curves")
            notes = gr.HTML(visible=False, elem_id="notes")
            seen, hidden = gr.State({}), gr.Checkbox(visible=False)
            stop.click(visitors.stop, None, None, **QUIET)
            look = {"fn": self._look, "inputs": [seen, hidden], "js": "(seen, hidden) => [seen, document.hidden]",
                    "outputs": [seen, title, picture, result, said, stop, curves, notes]}  # fmt: skip
            gr.Timer(max(1.0, LOOK / (SHARE * (os.cpu_count() or 1)))).tick(**look, trigger_mode="once", **QUIET)
            blocks.unload(self._left)

    def _left(self, request: gr.Request) -> None:
        self._visitors.leaves(str(request.session_hash))

    def _look(self, seen: dict[str, Any], hidden: bool, request: gr.Request) -> list[Any]:
        """What is new since a page has looked last."""
        try:
            state = self._state()
        except OSError:
            return [gr.skip() for _ in range(8)]
        self._visitors.asks(str(request.session_hash), hidden, state.ended, time.monotonic())
        now: dict[str, Any] = {}
        news: list[Any] = []

        def add(name: str, value: Any, update: Callable[[], Any]) -> None:
            now[name] = value
            news.append(gr.skip() if name in seen and seen[name] == value else update())

        stopping = self._visitors.stopping and not state.ended
        files = picture_files(self._folder, state.pictures)
        result = state.result if state.state == "done" else ""
        add("title", state.title, lambda: f"<h1>{html.escape(state.title)}</h1>")
        add("picture", state.pictures, lambda: tuple(map(str, files)) if all(map(Path.is_file, files)) else gr.skip())
        add("result", result, lambda: gr.update(visible=bool(result), value=_result_html(result) if result else ""))
        add("said", (state.text, state.share, state.state, stopping), lambda: _said_html(state, stopping))
        add("stop", (stopping, state.ended), lambda: gr.update(visible=not state.ended, interactive=not stopping))
        lines = state.curves or {}
        add("curves", str(lines), lambda: gr.update(visible=bool(lines), value=_curves_html(lines)))
        add("notes", state.notes, lambda: gr.update(visible=bool(state.notes), value=_notes_html(state.notes)))
        return [now, *news]


def _said_html(state: LiveState, stopping: bool) -> str:
    """What is being done, and how much of it is done."""
    text = html.escape(state.text)
    if state.ended:
        # That the server is gone after that is no news.
        kind = "wrong" if state.state == "failed" else ""
        return f'<span class="{kind}">{text}</span><style>.toast-body {{display: none !important}}</style>'
    return f"{'Stopping after the step under way' if stopping else text}{bar(state.share)}"


def _result_html(result: str) -> str:
    """The finished file, playing."""
    name = html.escape(result)
    cannot = "this.hidden = true; this.nextElementSibling.innerHTML = 'This browser cannot show it: ' + "
    cannot += "this.nextElementSibling.innerHTML"
    shows = f'onerror="{cannot}"'
    if Path(result).suffix.lower() in PLAYED:
        return f'<video src="/result" {shows} controls autoplay loop muted playsinline></video><p>{name}</p>'
    return f'<img src="/result" alt="The result" {shows}><p>{name}</p>'


def _curves_html(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Values along the clip, each of the largest of its kind."""
    lines, names = [], []
    for kind, (name, points) in zip(("one", "two"), curves.items(), strict=False):
        path = " ".join(f"{1000 * x:.1f},{98 - 94 * y:.1f}" for x, y in points)
        lines.append(f'<polyline class="{kind}" points="{path}"/>')
        names.append(f'<b class="{kind}">{html.escape(name)}</b>')
    return (
        f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img">{"".join(lines)}</svg>'
        f"<p>{' and '.join(names)} of each frame, from the first to the last; 0 below, the largest at the top</p>"
    )


def _notes_html(notes: Sequence[str]) -> str:
    """What a person should know of the job."""
    return f"<ul>{''.join(f'<li>{html.escape(one)}</li>' for one in notes)}</ul>"
