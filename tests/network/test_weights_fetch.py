"""A large file over a line that drops, servers that misbehave, and disks that are full."""

from __future__ import annotations

import errno
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from loopback import Loopback, serve

from pipeline.errors import WeightsError
from pipeline.network import fetch as fetching

BODY = random.Random(1).randbytes(3_000_000)
fetch = partial(fetching.fetch, retries=2, pause=0.01, timeout=5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(BODY) as served:
        yield served


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "file.part"


def left(part: Path) -> list[str]:
    return sorted(path.name for path in part.parent.iterdir())


def test_whole_file_and_its_progress(server: Loopback, part: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(server.url("file"), part, lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == BODY
    assert seen == sorted(seen)
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))


def test_dropped_connection_goes_on_where_it_stopped(server: Loopback, part: Path) -> None:
    server.cuts = [1_000_000, 700_000]
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
    assert [request.get("Range") for request in server.requests] == [None, "bytes=1000000-", "bytes=1700000-"]
    assert server.requests[1]["If-Range"] == '"one"'


def test_gives_up_keeps_the_part_and_the_next_call_goes_on(server: Loopback, part: Path) -> None:
    server.cuts = [1_000_000, 0, 0]
    with pytest.raises(WeightsError, match=r"1\.0 MB of 3\.0 MB are kept in .*file\.part: run the command again"):
        fetch(server.url("file"), part, retries=2)
    assert part.read_bytes() == BODY[:1_000_000]
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
    assert server.requests[-1]["Range"] == "bytes=1000000-"


def test_many_drops_are_fine_as_long_as_something_comes(server: Loopback, part: Path) -> None:
    server.body = BODY * 3
    server.cuts = [1_100_000] * 8
    fetch(server.url("file"), part, retries=1)
    assert part.read_bytes() == BODY * 3


def test_ctrl_c_keeps_the_part(server: Loopback, part: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.url("file"), part, interrupt)
    kept = part.stat().st_size
    assert 500_000 < kept <= len(BODY)
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY


def test_complete_part_is_not_fetched_again(server: Loopback, part: Path) -> None:
    fetch(server.url("file"), part)
    fetch(server.url("file"), part)
    assert len(server.requests) == 1


def test_complete_part_without_its_note(server: Loopback, part: Path) -> None:
    part.parent.mkdir()
    part.write_bytes(BODY)
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
    assert len(server.requests) == 1


def test_part_longer_than_the_file_starts_again(server: Loopback, part: Path) -> None:
    part.parent.mkdir()
    part.write_bytes(BODY + b"more")
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY


def test_server_without_ranges_starts_again(server: Loopback, part: Path) -> None:
    server.ranges = False
    server.cuts = [1_000_000]
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
    assert server.requests[1]["Range"] == "bytes=1000000-"


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_file_that_changed_meanwhile_is_not_pieced_together(
    server: Loopback, part: Path, honours_if_range: bool
) -> None:
    server.honours_if_range = honours_if_range
    server.cuts = [1_000_000]
    with pytest.raises(WeightsError):
        fetch(server.url("file"), part, retries=0)
    server.body, server.etag = BODY[::-1], '"two"'
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY[::-1]


def test_weak_etag_is_not_offered_as_a_validator(server: Loopback, part: Path) -> None:
    server.etag = 'W/"one"'
    server.cuts = [1_000_000]
    fetch(server.url("file"), part)
    assert "If-Range" not in server.requests[1]
    assert part.read_bytes() == BODY


def test_other_mirror_goes_on(server: Loopback, part: Path) -> None:
    server.cuts = [1_000_000]
    with pytest.raises(WeightsError):
        fetch(server.url("file"), part, retries=0)
    server.etag = '"another server has tags of its own"'
    fetch(server.url("mirror/file"), part)
    assert server.requests[-1]["Range"] == "bytes=1000000-"
    assert "If-Range" not in server.requests[-1]
    assert part.read_bytes() == BODY


def test_unknown_length(server: Loopback, part: Path) -> None:
    server.tells_length = False
    seen: list[int | None] = []
    fetch(server.url("file"), part, lambda done, total: seen.append(total))
    assert part.read_bytes() == BODY
    assert set(seen) == {None}


def test_redirect_is_followed_with_its_range(server: Loopback, part: Path) -> None:
    server.redirects = {"old": "new"}
    server.cuts = [1_000_000]
    fetch(server.url("old"), part)
    assert part.read_bytes() == BODY
    assert server.requests[-1]["Range"] == "bytes=1000000-"


def test_404_is_final(server: Loopback, part: Path) -> None:
    server.statuses = [404] * 9
    with pytest.raises(WeightsError, match=r"/file could not be fetched: the server answers HTTP 404 Not Found"):
        fetch(server.url("file"), part)
    assert len(server.requests) == 1
    assert left(part) == []


def test_500_may_pass(server: Loopback, part: Path) -> None:
    server.statuses = [500, 503]
    fetch(server.url("file"), part, retries=2)
    assert part.read_bytes() == BODY


def test_500_that_stays(server: Loopback, part: Path) -> None:
    server.statuses = [500] * 9
    with pytest.raises(WeightsError, match=r"HTTP 500 Internal Server Error.*Nothing has arrived"):
        fetch(server.url("file"), part, retries=2)
    assert len(server.requests) == 3
    assert left(part) == []


def test_no_connection(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as nobody:  # bound, but not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/file"
        with pytest.raises(WeightsError, match=r"Connection refused.*check the connection"):
            fetch(address, part, retries=1)
    assert left(part) == []


def test_silent_server_times_out(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(WeightsError, match="timed out"):
            fetch(address, part, retries=0, timeout=0.2)


@pytest.mark.parametrize("address", ["file:///etc/hosts", "vgg19.pth", "ftp://example.org/x"])
def test_only_http(address: str, part: Path) -> None:
    with pytest.raises(WeightsError, match="weights import"):
        fetch(address, part)


@pytest.mark.parametrize("address", ["http://", "http://127.0.0.1:port/x", "http://127.0.0.1/a b"])
def test_address_that_is_none(address: str, part: Path) -> None:
    with pytest.raises(WeightsError):
        fetch(address, part, retries=0)


def test_disk_without_room_is_said_before_the_start(
    server: Loopback, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(part.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3_500_000))
    with pytest.raises(WeightsError, match=r"4\.0 MB are needed in .*cache, 3\.5 MB are free"):
        fetch(server.url("file"), part, room_after=1_000_000)
    assert left(part) == []
    fetch(server.url("file"), part)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
def test_disk_that_fills_up(server: Loopback, part: Path) -> None:
    part.parent.mkdir()
    part.symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="No space left on device"):
        fetch(server.url("file"), part)


def test_folder_that_cannot_be(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="TORCH_HOME"):
        fetch(server.url("file"), tmp_path / "file" / "x.part")


def test_two_at_a_time(server: Loopback, part: Path) -> None:
    def second(done: int, total: int | None) -> None:
        with pytest.raises(WeightsError, match="Another process"):
            fetch(server.url("file"), part)

    fetch(server.url("file"), part, second)
    assert part.read_bytes() == BODY
    assert len(server.requests) == 1
    assert left(part) == ["file.part", "file.part.json"], "no lock is left behind"


def test_a_killed_download_leaves_nothing_locked(server: Loopback, part: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from pipeline.network.fetch import fetch
def halt(done, total):
    if done > 500_000:
        print(done, flush=True)
        time.sleep(60)
fetch(sys.argv[1], Path(sys.argv[2]), halt)
"""
    command = [sys.executable, "-c", code, server.url("file"), str(part)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline()) > 500_000
        with pytest.raises(WeightsError, match="Another process"):
            fetch(server.url("file"), part)
        child.kill()
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
    assert left(part) == ["file.part", "file.part.json"]


def test_a_disk_without_locks(server: Loopback, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fetching.FileLock, "acquire", none)
    fetch(server.url("file"), part)
    assert part.read_bytes() == BODY
