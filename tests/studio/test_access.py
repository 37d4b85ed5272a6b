"""Who may ask a page for anything: the browser that was given its address, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.studio.access import HEADERS, Access, OwnPageOnly

PORT = 8765
HOME = f"http://127.0.0.1:{PORT}/"
OWN = {"host": f"127.0.0.1:{PORT}"}


class Asked:
    """A page, and what is answered to whoever asks for it."""

    def __init__(self) -> None:
        self.access = Access(PORT)

    def __call__(
        self, headers: dict[str, str], path: str = "/config", method: str = "GET", query: str = "", kind: str = "http"
    ) -> Any:
        """The first message: the status and headers of the answer, or how a socket is closed."""
        sent: list[Any] = []

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOW")]})

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        scope = {"type": kind, "method": method, "path": path, "headers": raw, "query_string": query.encode()}
        asyncio.run(OwnPageOnly(inner, self.access)(scope, None, send))  # type: ignore[arg-type]
        return sent[0]

    def entered(self, address: str) -> Any:
        """What a browser is told that opens an address."""
        assert address.startswith(HOME)
        return self(OWN, "/", query=address.partition("?")[2])

    def cookie(self) -> dict[str, str]:
        """What a browser sends that has been let in."""
        (cookie,) = values(self.entered(self.access.address), b"set-cookie")
        return {**OWN, "cookie": cookie.decode().partition(";")[0]}


def values(message: Any, name: bytes) -> list[bytes]:
    return [value for key, value in message["headers"] if key == name]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8765"}, 200),
        ({"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        # A name that points here, another port of this machine, a file, a page elsewhere.
        ({"host": "evil.example:8765"}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://127.0.0.1:8765"}, 403),
        # A picture or a form in a page elsewhere sends no Origin.
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
def test_only_the_page_itself_is_answered(asked: Asked, more: dict[str, str], status: int) -> None:
    assert asked({**asked.cookie(), **more})["status"] == status
    # Whoever has not been let in is refused in any case, whatever is asked for and however.
    for path, method in (("/config", "GET"), ("/", "GET"), ("/gradio_api/upload", "POST"), ("/", "HEAD")):
        assert asked({**OWN, **more}, path, method)["status"] == 403


def test_the_address_lets_a_browser_in_as_often_as_it_is_opened(asked: Asked) -> None:
    for _ in range(2):
        found = asked.entered(asked.access.address)
        assert found["status"] == 303
        assert values(found, b"location") == [b"/"], "the secret does not stay in the address"
        (cookie,) = values(found, b"set-cookie")
        assert b"HttpOnly" in cookie and b"SameSite=Lax" in cookie
    assert asked(asked.cookie())["status"] == 200


def test_what_a_browser_is_started_with_is_good_for_once(asked: Asked) -> None:
    """All users of a machine can read it in the list of processes."""
    first, second = asked.access.address_for_once(), asked.access.address_for_once()
    assert len({first, second, asked.access.address}) == 3
    assert asked.entered(second)["status"] == 303
    assert asked.entered(first)["status"] == 303
    for used in (first, second):
        assert asked.entered(used)["status"] == 403
    (cookie,) = values(asked.entered(asked.access.address), b"set-cookie")
    for secret in (first, second):
        assert secret.rpartition("=")[2].encode() not in cookie


@pytest.mark.parametrize("query", ["", "token=", "token", "token=guessed", "token=%ff", "other=1"])
def test_a_wrong_token_is_refused_in_words_that_help(asked: Asked, query: str) -> None:
    assert asked(OWN, "/", query=query)["status"] == 403
    token = asked.access.address.rpartition("=")[2]
    assert asked(OWN, "/", query=f"token=x&token={token}")["status"] == 403
    assert asked(OWN, "/config", query=f"token={token}")["status"] == 403, "only the page itself is a door"


def test_the_cookie_of_another_page_is_none(asked: Asked) -> None:
    other = Asked()
    assert other.access.address != asked.access.address
    assert asked(other.cookie())["status"] == 403
    name = asked.cookie()["cookie"].partition("=")[0]
    for cookie in (f"{name}=", f"{name}=guessed", name, f'"{name}', f"{name}=\xff", ";;=;"):
        assert asked({**OWN, "cookie": cookie})["status"] == 403
    assert asked({**OWN, "cookie": f'a={{"b": 1,2}}; {asked.cookie()["cookie"]}; c=d'})["status"] == 200


def test_a_link_to_the_page_may_be_followed_but_not_posted_to(asked: Asked) -> None:
    followed = {**asked.cookie(), "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert asked(followed, "/")["status"] == 200
    assert asked(followed, "/", "POST")["status"] == 403


def test_a_request_without_a_host_and_a_web_socket_are_refused(asked: Asked) -> None:
    cookie = asked.cookie()
    assert asked({"cookie": cookie["cookie"]})["status"] == 403
    assert asked(cookie, kind="websocket") == {"type": "websocket.close", "code": 1008}


def test_every_answer_forbids_frames_and_what_lies_elsewhere(asked: Asked) -> None:
    for answer in (asked(asked.cookie()), asked(OWN), asked.entered(asked.access.address)):
        assert values(answer, b"x-frame-options") == [b"DENY"]
        assert all((name, value) in answer["headers"] for name, value in HEADERS)
        (policy,) = values(answer, b"content-security-policy")
        assert b"default-src 'self'" in policy and b"http" not in policy
