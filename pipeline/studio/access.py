"""Who may ask a local page for anything: the browser that was given its address, and nobody else.

To listen on this machine alone is not enough: its other users and programs reach the page all the same, and so does
every page of the web that its browser has open.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

HOST = "127.0.0.1"
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
REFUSED = (
    "This page belongs to whoever started it. Open the whole address that stands in its terminal, with the token at "
    "its end; each start has another one.\n"
)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Access:
    """The secrets of a page, and what they let in."""

    def __init__(self, port: int) -> None:
        """
        :param port: that the page is served on.
        """
        self._home = f"http://{HOST}:{port}/"
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._token = secrets.token_urlsafe(24)
        self._tickets: set[str] = set()
        # Ports are nothing to cookies: without it in the name, one studio would take away the cookie of another.
        self._cookie = f"reelbrush-{port}"

    @property
    def address(self) -> str:
        """The page's, for the eyes of who started it: it opens the page as often as one likes."""
        return f"{self._home}?token={self._token}"

    def address_for_once(self) -> str:
        """Another that opens the page a single time: what a browser is started with, all users of the machine can read
        in the list of its processes.
        """
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return f"{self._home}?token={ticket}"

    def own(self, scope: Scope) -> bool:
        """Whether a request is the page's own, or one that a person typed: no other page's."""
        headers = _headers(scope)
        # A name that somebody else lets point to this machine is not one of its own.
        if len(headers.get("host", [])) != 1 or headers["host"][0].lower() not in self._hosts:
            return False
        if any(origin.lower() not in self._origins for origin in headers.get("origin", [])):
            return False
        site = headers.get("sec-fetch-site", ["none"])
        followed = _opens(scope) and headers.get("sec-fetch-mode") == ["navigate"]
        return followed or all(one in ("same-origin", "none") for one in site)

    def enters(self, scope: Scope) -> bool:
        """Whether a request comes with a secret in its address; a ticket is used up by that."""
        if not _opens(scope):
            return False
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        if len(given) != 1:
            return False
        if _same(given[0], self._token):
            return True
        used = next((ticket for ticket in self._tickets if _same(given[0], ticket)), None)
        self._tickets.discard(used or "")
        return used is not None

    def known(self, scope: Scope) -> bool:
        """Whether a request comes from a browser that has entered."""
        # By hand: http.cookies ends at the first cookie that some other program of this machine has written badly.
        for one in ";".join(_headers(scope).get("cookie", [])).split(";"):
            name, _, value = one.strip().partition("=")
            if name == self._cookie and _same(value, self._token):
                return True
        return False

    @property
    def welcome(self) -> list[tuple[bytes, bytes]]:
        """Headers that send a browser on to the page, with a cookie and without a secret in its address."""
        # Lax and not Strict: a link in a mail or a chat may lead here, and only to look.
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Lax; Path=/"
        return [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]


class OwnPageOnly:
    """An ASGI application in front of another: what does not come from its own page, opened by its owner, is refused.

    Gradio's own `strict_cors` only leaves out a header, and only for origins that are not on this machine: the request
    itself is carried out, and a page of another port may read the answer.
    """

    def __init__(self, app: App, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif not self._access.own(scope):
            await _answer(send, 403, "Only the page itself may ask for this.\n")
        elif self._access.enters(scope):
            await _answer(send, 303, "", self._access.welcome)
        elif self._access.known(scope):
            await self._app(scope, receive, _with_headers(send))
        else:
            await _answer(send, 403, REFUSED)


def _opens(scope: Scope) -> bool:
    return bool(scope["method"] == "GET" and scope["path"] == "/")


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())


def _headers(scope: Scope) -> dict[str, list[str]]:
    """The headers of a request by their names in lower case."""
    found: dict[str, list[str]] = {}
    for key, value in scope["headers"]:
        found.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _answer(send: Send, status: int, text: str, more: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS, *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            message["headers"] = [*(one for one in message.get("headers", ()) if one[0].lower() not in ours), *HEADERS]
        await send(message)

    return sending
