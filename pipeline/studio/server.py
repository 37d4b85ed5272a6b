"""Serves a page to the browser of whoever started it, and to nobody else."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.signals import defer_signals
from pipeline.studio.access import HOST, Access, App, OwnPageOnly
from pipeline.studio.jobs import StudioJob

PORT = 8760
TRIED = 20
"""Ports that are tried where none is asked for."""
INSTALL = (
    "The studio needs Gradio, which is not installed, or not whole ({why}). Install it with: "
    "pip install 'reelbrush[studio]'"
)


def bound_socket(port: int | None) -> socket.socket:
    """A socket that listens on this machine alone.

    :param port: None: the usual one, or the next that is free.
    :raises UsageError: that port is taken.
    """
    for wanted in range(PORT, PORT + TRIED) if port is None else (port,):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":
            # There it would let two programs have the same port; here it only ends the wait after the last one.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, wanted))
            found.listen()
            return found
        except OSError as error:
            found.close()
            why = error.strerror
    if port is None:
        raise UsageError(f"No port from {PORT} to {PORT + TRIED - 1} can be had ({why}). Name one with --port.")
    raise UsageError(
        f"--port {port} cannot be had ({why}); another studio may be open there. Name another one, or leave --port "
        "out: then a free one is found."
    )


def port_of(listening: socket.socket) -> int:
    """The one that a socket of `bound_socket` listens on."""
    return int(listening.getsockname()[1])


@contextmanager
def page_imports(folder: Path) -> Iterator[None]:
    """Stands around whatever imports Gradio; from then on this process sends nothing to its makers.

    :param folder: private to this session: uploads, and copies of what a page shows, lie in there.
    :raises UsageError: Gradio is not installed.
    """
    # Gradio reads these when it is imported.
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1",
        GRADIO_TEMP_DIR=str(folder / "uploads"), GRADIO_SHARE="False",
    )  # fmt: skip
    with defer_signals():
        try:
            yield
        except ImportError as error:
            raise UsageError(INSTALL.format(why=error)) from None


class PageServer:
    """An application on a socket, behind `OwnPageOnly`. Made within `page_imports`, or after it."""

    def __init__(self, app: App, listening: socket.socket) -> None:
        import uvicorn

        self._access = Access(port_of(listening))
        self._listening = listening
        config = uvicorn.Config(
            OwnPageOnly(app, self._access), log_level="critical", timeout_graceful_shutdown=1, server_header=False,
            ws="none",
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """What a person opens; for nobody else's eyes."""
        return self._access.address

    def open_browser(self) -> None:
        """Open the page there as soon as it is served."""
        timer = threading.Timer(0.5, webbrowser.open, (self._access.address_for_once(),))
        timer.daemon = True
        timer.start()

    def run(self) -> None:
        """Serve until `stop`, or in the main thread until Ctrl-C or SIGTERM, which is raised again after that."""
        self._server.run(sockets=[self._listening])

    def stop(self) -> None:
        """End `run`, from whichever thread."""
        self._server.should_exit = True


def run_studio(
    job: StudioJob,
    values: Mapping[str, Any],
    written: Sequence[str],
    weights: Path | None,
    device: str,
    say: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; then nothing is left of the session but results.

    :param values: settings by name, the preset among them if it was named.
    :param written: the options that the page does not show, as they were typed.
    :param say: tells a person a line.
    :raises UsageError: Gradio is not installed, or the port is taken.
    :raises ReelbrushError: what the studio is to open with cannot be read.
    """
    listening = bound_socket(job.port)
    try:
        with tempfile.TemporaryDirectory(prefix="reelbrush-studio-", ignore_cleanup_errors=True) as folder:
            _serve(job, values, written, weights, device, say, listening, Path(folder))
    finally:
        listening.close()


def _serve(
    job: StudioJob, values: Mapping[str, Any], written: Sequence[str], weights: Path | None, device: str,
    say: Callable[[str], None], listening: socket.socket, folder: Path,
) -> None:  # fmt: skip
    with page_imports(folder):
        from pipeline.studio.page import application
    from pipeline.studio.drafts import Drafts
    from pipeline.studio.studio import Studio
    from pipeline.studio.wish import Wish

    shown = {one.name for one in fields(Wish)} & set(values)
    more = {name: value for name, value in values.items() if name not in shown}
    wish = Wish(job.source, job.styles, **{name: values[name] for name in shown}, more=more)
    _ = wish.settings
    # Before the page is there: a name that was mistyped is told in the terminal.
    drafts = Drafts(weights, device)
    studio = Studio(wish, folder, lambda: drafts, written)
    try:
        studio.check()
        server = PageServer(application(studio, port_of(listening)), listening)
        say(f"The studio is at {server.address} (for your browser only). Ctrl-C ends it.")
        if job.browser:
            server.open_browser()
        server.run()
    finally:
        studio.close()
        sys.stdout.flush()
