"""A web server on this machine that serves one file, well or badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Loopback:
    """What is served, how, and what was asked for. Change the fields between requests to make trouble."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.etag: str | None = '"one"'
        self.ranges = True
        """Off: Range is ignored, as some servers do, and the whole file comes."""
        self.honours_if_range = True
        self.tells_length = True
        self.cuts: list[int] = []
        """Each of the next answers breaks off after so many bytes."""
        self.statuses: list[int] = []
        """Each of the next requests is refused with this status."""
        self.redirects: dict[str, str] = {}
        self.requests: list[dict[str, str]] = []
        """Headers of every request, in order."""
        self.address = ""

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


@contextmanager
def serve(body: bytes) -> Iterator[Loopback]:
    served = Loopback(body)
    handler = type("Handler", (_Handler,), {"served": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Loopback

    def do_GET(self) -> None:
        served = self.served
        served.requests.append(dict(self.headers))
        if served.statuses:
            self.send_error(served.statuses.pop(0))
            return
        name = self.path.removeprefix("/")
        if name in served.redirects:
            self.send_response(302)
            self.send_header("Location", served.url(served.redirects[name]))
            self.end_headers()
            return
        self._send(self._first_byte())

    def _first_byte(self) -> int:
        served = self.served
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, served.etag) or not served.honours_if_range
        return int(asked[1]) if asked and served.ranges and same else 0

    def _send(self, start: int) -> None:
        served, size = self.served, len(self.served.body)
        if start >= size > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if served.tells_length:
            self.send_header("Content-Length", str(size - start))
        if served.etag:
            self.send_header("ETag", served.etag)
        self.end_headers()
        end = start + served.cuts.pop(0) if served.cuts else size
        with suppress(ConnectionError):  # the client may have heard enough
            self.wfile.write(memoryview(served.body)[start:end])

    def log_message(self, *args: object) -> None:
        pass
