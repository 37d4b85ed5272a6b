"""Said before torch is imported: one thread for each process. Sums come out the same, and tests that run side by side
do not wait for each other's idle threads. And what a test paints is noted in no home."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

# A background shell, nohup and some CI start programs that ignore Ctrl-C, and these hand that on to what they start:
# the tests that interrupt a program start it as a terminal would.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache_of_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For what fixtures of a whole file paint."""
    os.environ["REELBRUSH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def own_cache(cache_of_all: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty for each test: another one may have painted from the same pictures."""
    monkeypatch.setenv("REELBRUSH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """The signals of this process as a terminal starts it, and as they were once the test is done."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real one without a window; the tests are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()
