"""Who may ask the studio for anything, and what is said where it cannot open."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.studio.server import HOST, PORT, OwnOriginOnly, bound_socket
from tests.jobs import invoke, paint_picture


def answer(headers: dict[str, str], path: str = "/config", method: str = "GET", kind: str = "http") -> Any:
    """The status of a request, and its headers; or how a socket is closed."""
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOW")]})

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(key.encode(), value.encode()) for key, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": raw}
    asyncio.run(OwnOriginOnly(inner, 8765)(scope, None, send))  # type: ignore[arg-type]
    return sent[0]


OWN = {"host": "127.0.0.1:8765"}


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
def test_only_the_page_itself_is_answered(more: dict[str, str], status: int) -> None:
    assert answer({**OWN, **more})["status"] == status


def test_a_link_to_the_page_may_be_followed_but_not_posted_to() -> None:
    followed = {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert answer(followed, "/")["status"] == 200
    assert answer(followed, "/", "POST")["status"] == 403


def test_a_request_without_a_host_and_a_web_socket_are_refused() -> None:
    assert answer({})["status"] == 403
    assert answer(OWN, kind="websocket") == {"type": "websocket.close", "code": 1008}


def test_every_answer_forbids_frames_and_what_lies_elsewhere() -> None:
    found = answer(OWN)["headers"]
    assert [value for key, value in found if key == b"x-frame-options"] == [b"DENY"]
    (policy,) = [value for key, value in found if key == b"content-security-policy"]
    assert b"default-src 'self'" in policy and b"http" not in policy


def test_a_port_that_is_taken_is_told_and_without_a_wish_the_next_is_found() -> None:
    with bound_socket(None) as first, bound_socket(None) as second:
        ports = [one.getsockname() for one in (first, second)]
        assert {host for host, _ in ports} == {HOST}
        assert ports[0][1] != ports[1][1] and min(port for _, port in ports) >= PORT
        with pytest.raises(UsageError, match=f"--port {ports[0][1]}.*leave --port out"):
            bound_socket(ports[0][1])


def test_the_command_says_which_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = invoke("studio", "--no-browser", "--port", port)
    assert result.exit_code == 2
    assert f"--port {port}" in " ".join(result.stderr.split())


def test_without_gradio_one_paragraph_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "pipeline.studio.page", raising=False)
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "GRADIO_SHARE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = invoke("studio", paint_picture(tmp_path / "c.png"), "--no-browser")
    assert result.exit_code == 2
    assert "pip install 'reelbrush[studio]'" in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("reelbrush-studio-*")), "nothing of the session is left"
