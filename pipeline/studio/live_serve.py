"""The process that serves the page of a job, for `live_job`: it ends with whoever started it.

Its argument is the folder of the session. It says on stdout, a JSON object a line: its address and whether it opens a
browser there, or why there is none; how many pages are open and whether one is in sight; and that somebody wants the
job to stop.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from pipeline.errors import ReelbrushError
from pipeline.studio.live_state import LiveState, read_state
from pipeline.studio.live_visitors import LiveVisitors
from pipeline.studio.server import PageServer, bound_socket, page_imports, port_of

CHECKED_EVERY = 0.25
"""Seconds between two looks at who is there."""


def main() -> None:
    """Serve until stdin is closed."""
    # Ctrl-C at the terminal is for the job, which ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(sys.argv[1])
    try:
        server, visitors = _server(folder)
    except ReelbrushError as error:
        _say({"refused": str(error)})
        return
    # Now that it is imported: what paints goes first. With less urgency than that, on two cores at work, a page took a
    # quarter of a minute to come up.
    if hasattr(os, "nice"):
        os.nice(5)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    opens = has_screen()
    _say({"address": server.address, "opens": opens})
    threading.Thread(target=_watch, args=(visitors,), daemon=True).start()
    if opens:
        server.open_browser()
    sys.stdin.read()
    server.stop()
    serving.join(3)
    # It may have been killed, and no longer be there to do that.
    shutil.rmtree(folder, ignore_errors=True)
    # A thread that still answers somebody is no reason to stay.
    sys.stdout.flush()
    os._exit(0)


def has_screen() -> bool:
    """Whether there is one for a browser to be opened on. In a mere terminal one would take the place of the job."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _server(folder: Path) -> tuple[PageServer, LiveVisitors]:
    """:raises UsageError: Gradio is not installed, or no port can be had."""
    listening = bound_socket(None)
    with page_imports(folder):
        from pipeline.studio.live_page import live_application

    def state() -> LiveState:
        return read_state(folder)

    visitors = LiveVisitors(lambda: _say({"stop": True}))
    return PageServer(live_application(folder, visitors, state, port_of(listening)), listening), visitors


def _watch(visitors: LiveVisitors) -> None:
    before: dict[str, object] = {}
    while True:
        now = visitors.state(time.monotonic())
        if now != before:
            _say(now)
            before = now
        time.sleep(CHECKED_EVERY)


def _say(message: dict[str, object]) -> None:
    # Nobody may be there to hear it.
    with suppress(OSError, ValueError):
        print(json.dumps(message), flush=True)
