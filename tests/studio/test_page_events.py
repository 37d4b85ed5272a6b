"""How the pages speak with what serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount

from pipeline.studio.drafts import Drafts
from pipeline.studio.live_page import live_application
from pipeline.studio.live_state import read_state
from pipeline.studio.live_visitors import LiveVisitors
from pipeline.studio.page import application
from pipeline.studio.studio import Studio
from pipeline.studio.wish import Wish

PORT = 8760


def events_of(make: Callable[[], FastAPI]) -> list[dict[str, Any]]:
    async def made() -> FastAPI:
        return make()

    # Outside of a loop Gradio makes one of its own, and leaves it open.
    (page,) = (route.app for route in asyncio.run(made()).routes if isinstance(route, Mount))
    return [event for event in page.get_blocks().config["dependencies"] if event["targets"][0][1] != "unload"]


def test_no_answer_comes_in_a_stream_that_a_page_may_have_closed(tmp_path: Path) -> None:
    """One that is lost leaves a page waiting, and it never again looks at what is new."""
    studio = Studio(Wish(), tmp_path, lambda: Drafts(None, "cpu"))
    visitors = LiveVisitors(lambda: None)
    try:
        for make in (
            lambda: application(studio, PORT),
            lambda: live_application(tmp_path, visitors, lambda: read_state(tmp_path), PORT),
        ):
            events = events_of(make)
            assert events and not [event for event in events if event["queue"] is not False]
    finally:
        studio.close()
