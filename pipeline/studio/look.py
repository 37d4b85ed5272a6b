"""What all pages look like, and how Gradio serves them."""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import FastAPI

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
"""What every event of a page has. Each is a request of its own, and answered at once: of those that go through Gradio's
queue (6.31) the answers come in a stream that a page closes and opens again, and now and then one was lost. Whatever
waits for its own answer, such as the look at what is new, then never happens again."""
CSS = """
.gradio-container {width: 100% !important; max-width: 1280px !important;
  margin: 0 auto !important; padding: 12px !important}
.gradio-container footer, footer {display: none !important}
.bar {height: 6px; border-radius: 3px; background: rgba(128,128,128,.25); overflow: hidden; margin-top: 6px}
.bar i {display: block; height: 100%; background: #2f6f6a; transition: width .4s}
.wrong {color: #b3261e; font-weight: 600} .dark .wrong {color: #ff8a80}
"""


def mounted(blocks: gr.Blocks, port: int, css: str = "") -> FastAPI:
    """A page as an ASGI application. `PageServer` serves it and keeps others away from it.

    :param port: that it is served on.
    :param css: of this page, beside what all have.
    """
    return gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None), blocks, path="/", server_name="127.0.0.1",
        server_port=port, footer_links=[], show_error=True, ssr_mode=False, pwa=False, css=CSS + css,
        run_history=False,
        theme=gr.themes.Soft(
            primary_hue="teal", neutral_hue="stone", font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ).set(
            block_title_background_fill="none", block_title_background_fill_dark="none", block_title_padding="0",
            block_title_text_color="*neutral_700", block_title_text_color_dark="*neutral_200",
            block_label_text_color="*neutral_700", block_label_text_color_dark="*neutral_200",
            block_label_background_fill="*neutral_50", block_label_background_fill_dark="*neutral_800",
        ),
    )  # fmt: skip
