"""Serves the page to the browser of this machine, and to nobody else."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.signals import defer_signals
from pipeline.studio.jobs import StudioJob

HOST = "127.0.0.1"
PORT = 8760
TRIED = 20
"""Ports that are tried where none is asked for."""
INSTALL = (
    "The studio needs Gradio, which is not installed, or not whole ({why}). Install it with: "
    "pip install 'reelbrush[studio]'"
)
# What the page may load: nothing from elsewhere, whatever a library thinks of.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class OwnOriginOnly:
    """An ASGI application in front of another: what does not come from the page itself is refused.

    Gradio's own `strict_cors` only leaves out a header, and only for origins that are not on this machine: the request
    itself is carried out, and a page of another port may read the answer.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and self.allows(scope):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "http":
            start = {"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]}
            await send(start)
            await send({"type": "http.response.body", "body": b"Only the studio's own page may ask for this.\n"})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def allows(self, scope: Scope) -> bool:
        """Whether a request is the page's own, or one that a person typed."""
        headers: dict[str, list[str]] = {}
        for key, value in scope["headers"]:
            headers.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1").lower())
        # A name that somebody else lets point to this machine is not one of its own.
        if len(headers.get("host", [])) != 1 or headers["host"][0] not in self._hosts:
            return False
        if any(origin not in self._origins for origin in headers.get("origin", [])):
            return False
        site = headers.get("sec-fetch-site", ["none"])
        followed = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode") == ["navigate"]
        return followed or all(one in ("same-origin", "none") for one in site)


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            message["headers"] = [*(one for one in message.get("headers", ()) if one[0].lower() not in ours), *HEADERS]
        await send(message)

    return sending


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
    # Gradio reads these when it is imported: nothing is told to its makers, and nothing is kept elsewhere.
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1",
        GRADIO_TEMP_DIR=str(folder / "uploads"), GRADIO_SHARE="False",
    )  # fmt: skip
    with defer_signals():
        try:
            import uvicorn

            from pipeline.studio.page import application
        except ImportError as error:
            raise UsageError(INSTALL.format(why=error)) from None
        from pipeline.studio.drafts import Drafts
        from pipeline.studio.room import Room
        from pipeline.studio.wish import Wish

    shown = {one.name for one in fields(Wish)} & set(values)
    more = {name: value for name, value in values.items() if name not in shown}
    wish = Wish(job.source, job.styles, **{name: values[name] for name in shown}, more=more)
    _ = wish.settings
    # Before the page is there: a name that was mistyped is told in the terminal.
    drafts = Drafts(weights, device)
    room = Room(wish, folder, lambda: drafts, written)
    try:
        room.check()
        port = listening.getsockname()[1]
        url = f"http://{HOST}:{port}/"
        config = uvicorn.Config(
            OwnOriginOnly(application(room, port), port), log_level="critical", timeout_graceful_shutdown=1,
            server_header=False, ws="none",
        )  # fmt: skip
        say(f"The studio is at {url} (on this machine only). Ctrl-C ends it.")
        if job.browser:
            threading.Timer(0.5, webbrowser.open, (url,)).start()
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        room.close()
        sys.stdout.flush()
