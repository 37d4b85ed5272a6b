"""The page of a job, in a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import ROOT, SETS, environment, paint_picture
from tests.media_clips import clip

pytestmark = pytest.mark.browser
SLOW = ("--device", "cpu", *SETS, "--set", "levels=1", "--set", "passes=1", "--steps", "1500",
        "--carried-steps", "1500")  # fmt: skip


def until(there: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def started(here: Path, source: Path) -> tuple[subprocess.Popen[str], str]:
    """A job, and the address of its page."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "video", str(source), "--style", str(here / "s.png"),
         "-o", str(here / "o.mp4"), *SLOW, "--live"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**environment(TMPDIR=str(here / "tmp")), "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""},
    )  # fmt: skip
    assert process.stdout is not None
    (address,) = re.findall(r"http://\S+", process.stdout.readline())
    return process, address


def test_a_job_is_seen_stopped_gone_on_with_and_its_result_played(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    paint_picture(tmp_path / "s.png", seed=5)
    source = clip(tmp_path / "c.mp4", frames=4)
    trouble: list[str] = []

    def opened(address: str) -> Any:
        page = browser.new_context().new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#said", state="attached")
        return page

    process, address = started(tmp_path, source)
    page = opened(address)
    said = page.locator("#said")
    until(lambda: re.search(r"frame \d of 4, step \d+ of 1500", said.inner_text()))
    pictures = page.locator("#picture img")
    until(lambda: pictures.count() == 2 and all(
        pictures.nth(one).evaluate("image => image.naturalWidth") == 64 for one in range(2)))  # fmt: skip
    page.locator("#stop").click()
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Interrupted. The same command goes on where it was" in text
    until(lambda: "Stopped. The same command" in said.inner_text(), 5)
    page.context.close()

    process, address = started(tmp_path, source)
    first, second = opened(address), opened(address)
    # A tab that is closed ends nothing, and another one looks on.
    first.context.close()
    said = second.locator("#said")
    until(lambda: "Done" in said.inner_text())
    film = second.locator("#result video")
    until(lambda: film.evaluate("film => film.videoWidth") == 64)
    assert process.poll() is None, "it is there as long as the page is"
    second.context.close()
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in text
    assert trouble == []
    assert not list((tmp_path / "tmp").glob("reelbrush-live-*"))
