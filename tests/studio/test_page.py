"""The page of the studio in a real browser."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pipeline.studio.access import HOST
from tests.jobs import ROOT, SETS, environment, paint_picture
from tests.tiny import picture

pytestmark = pytest.mark.browser
QUICK = ("--device", "cpu", *SETS, "--set", "levels=1", "--set", "passes=1", "--set", "steps=20")


def until(there: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.1)


class Studio:
    """One that was started, and the folder that it was started in."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.temporary = here / "tmp"
        self.temporary.mkdir()
        with socket.socket() as found:
            found.bind((HOST, 0))
            self.port = found.getsockname()[1]
        self.home = f"http://{HOST}:{self.port}/"
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "studio", "--no-browser", "--port", str(self.port), *QUICK],
            cwd=here, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env=environment(TMPDIR=str(self.temporary)),
        )  # fmt: skip
        assert self.process.stdout is not None
        (self.address,) = re.findall(re.escape(self.home) + r"\S+", self.process.stdout.readline())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    here = tmp_path_factory.mktemp("studio")
    paint_picture(here / "c.png", width=96, height=64)
    paint_picture(here / "s.png", seed=5)
    (here / "none.png").write_text("no picture")
    found = Studio(here)
    yield found
    # With what it has started, which would hold its output open.
    with suppress(ProcessLookupError):
        os.killpg(found.process.pid, signal.SIGKILL)
    found.process.communicate()


@pytest.fixture
def tab(browser: Any, studio: Studio) -> Iterator[Callable[[], Any]]:
    """Opens pages; nothing that they ask for may lie elsewhere, and no script may go wrong."""
    asked: list[str] = []
    trouble: list[str] = []
    contexts = []

    def opened() -> Any:
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}))
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(studio.address)
        page.wait_for_selector("#strength input[type=range]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
    assert asked and all(url.startswith((studio.home, "data:", "blob:")) for url in asked)


def command(page: Any) -> str:
    return str(page.locator("#command textarea, #command input").input_value())


def said(page: Any, which: str = "#said") -> str:
    return str(page.locator(which).inner_text())


def drop(page: Any, place: str, path: Path) -> None:
    page.locator(f"{place} input[type=file]").set_input_files(str(path))


def job_for(output: str) -> list[int]:
    """The processes that paint it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"--json" in words and any(word.endswith(output.encode()) for word in words):
                found.append(int(entry.name))
    return found


def begin(page: Any, studio: Studio, name: str) -> None:
    """Drop an input and a painting, whatever is there already."""
    drop(page, "#input", studio.here / name)
    until(lambda: name in page.locator("#input").inner_text())
    drop(page, "#new", studio.here / "s.png")
    until(lambda: name in command(page) and "s.png" in command(page))


def test_load_change_paint_stop_and_reload(studio: Studio, tab: Callable[[], Any]) -> None:
    page = tab()
    until(lambda: "field 1" in said(page))
    assert command(page) == ""
    drop(page, "#input", studio.here / "none.png")
    until(lambda: "That did not work: none.png: this is not a picture" in said(page, "#trouble"))
    assert str(studio.temporary) not in page.locator("body").inner_text()
    assert "field 1" in said(page)
    # The place is free again, for another file.
    page.locator("#input input[type=file]").wait_for(state="attached")
    drop(page, "#input", studio.here / "c.png")
    until(lambda: "field 2" in said(page))
    drop(page, "#new", studio.here / "s.png")
    until(lambda: "A draft of" in said(page))
    assert command(page).startswith("reelbrush image c.png --style s.png --strength 0.5")
    pictures = page.locator("#picture img")

    def shown() -> list[Any]:
        return [pictures.nth(number).get_attribute("src") for number in range(pictures.count())]

    until(lambda: len(set(shown())) == 2)
    old = shown()
    page.locator("#strength input[type=range]").fill("0.9")
    until(lambda: "--strength 0.9" in command(page))
    until(lambda: "A draft of" in said(page))
    until(lambda: len(set(shown())) == 2 and shown() != old)

    page.reload()
    page.wait_for_selector("#strength input[type=range]")
    until(lambda: "--strength 0.9" in command(page))
    assert page.locator("#strength input[type=range]").input_value() == "0.9"
    page.locator("#all").click()
    until(lambda: "Done" in said(page, "#job-said"))
    page.get_by_role("tab", name="Result").click()
    page.locator("#result-picture img").wait_for(state="visible")
    with Pillow.open(studio.here / "c-painted.png") as painted:
        assert painted.size == (96, 64)


def test_a_second_tab_sees_the_same_and_a_job_survives_a_closed_one(studio: Studio, tab: Callable[[], Any]) -> None:
    first, second = tab(), tab()
    begin(first, studio, "c.png")
    name = first.locator("#output input, #output textarea").first
    name.fill(str(studio.here / "slow.png"))
    name.press("Enter")
    first.locator("#preset input").click()
    first.get_by_role("option", name="classic").click()
    for page in (first, second):
        until(lambda page=page: "--preset classic" in command(page) and "slow.png" in command(page))
    first.locator("#all").click()
    until(lambda: job_for("slow.png"))
    # However fast the machine is, it is not done before it is stopped.
    (job,) = job_for("slow.png")
    os.kill(job, signal.SIGSTOP)
    second.locator("#end").wait_for(state="visible")
    first.close()
    second.reload()
    second.wait_for_selector("#strength input[type=range]")
    second.locator("#end").wait_for(state="visible")
    second.locator("#end").click()
    until(lambda: second.locator("#end").is_disabled())
    os.kill(job, signal.SIGCONT)
    until(lambda: "Stopped" in said(second, "#job-said"))
    assert not (studio.here / "slow.png").exists()


def test_a_region_is_drawn_with_the_mouse_and_survives_a_reload(studio: Studio, tab: Callable[[], Any]) -> None:
    page = tab()
    begin(page, studio, "c.png")

    def opened() -> None:
        page.get_by_role("tab", name="Regions").click()
        page.locator("#editor canvas").first.wait_for(state="visible")

    def red() -> int:
        """Pixels of about the first painting's colour that are shown."""
        with Pillow.open(io.BytesIO(page.locator("#editor").screenshot())) as seen:
            pixels = np.asarray(seen.convert("RGB")).astype(int)
        return int(((pixels[..., 0] > 130) & (pixels[..., 1] < 80) & (pixels[..., 2] < 110)).sum())

    def draw() -> None:
        box = page.locator("#editor canvas").first.bounding_box()
        across, down = (box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        page.mouse.move(across - 20, down)
        page.mouse.down()
        page.mouse.move(across + 20, down, steps=4)
        page.mouse.up()

    opened()
    page.locator("#brush input").first.click()
    # The picture is there when it has been drawn on.
    for _ in range(20):
        draw()
        time.sleep(1)
        if "--region" in command(page):
            break
    assert re.search(r"--region \S+-mask-\w+\.png=s\.png", command(page))
    page.reload()
    opened()
    until(lambda: "--region" in command(page))
    time.sleep(1)
    drawn = red()
    page.locator("#clear").click()
    until(lambda: "--region" not in command(page) and red() < drawn / 2)

    # Whoever draws and then paints at once gets what was drawn, in no other colour than was chosen.
    name = page.locator("#output input, #output textarea").first
    name.fill(str(studio.here / "drawn.png"))
    name.press("Enter")
    until(lambda: "drawn.png" in command(page))
    page.locator("#brush input").last.click()
    until(lambda: page.locator("#editor").get_attribute("data-waits") is None)
    draw()
    page.locator("#all").click()
    until(lambda: "Done" in said(page, "#job-said") and "drawn" in said(page, "#job-said"))
    assert len([*studio.here.glob("drawn-mask-*.png")]) == 1
    assert "--protect drawn-mask-" in command(page) and "--region" not in command(page)


def test_a_draft_is_stopped_and_painted_again(studio: Studio, tab: Callable[[], Any]) -> None:
    paint_picture(studio.here / "large.png", width=640, height=480)
    page = tab()
    begin(page, studio, "large.png")
    until(lambda: "larger" in said(page), 120)
    page.locator("#stop").click()
    until(lambda: "Stopped" in said(page))
    time.sleep(1.5)
    assert "Stopped" in said(page)
    page.locator("#again").click()
    until(lambda: "Painting" in said(page))
    page.locator("#stop").click()
    until(lambda: "Stopped" in said(page))


def test_a_clip_is_played_until_something_is_changed(studio: Studio, tab: Callable[[], Any]) -> None:
    first, *others = (Pillow.fromarray(picture(32, 96, seed=3)[:, x : x + 48]) for x in range(6))
    first.save(studio.here / "clip.gif", save_all=True, append_images=others, duration=100)
    page = tab()
    begin(page, studio, "clip.gif")
    page.get_by_role("tab", name="In motion").click()
    page.locator("#play").click()
    video = page.locator("#clip video")
    video.wait_for(state="visible", timeout=90_000)
    until(lambda: page.evaluate("document.querySelector('#clip video').duration > 0"))
    page.locator("#strength input[type=range]").fill("0.2")
    until(lambda: not video.is_visible())
    until(lambda: "Press Play" in said(page, "#play-said"))


def test_nobody_else_is_let_in(studio: Studio, browser: Any, tab: Callable[[], Any]) -> None:
    page = tab()
    assert page.url == studio.home, "the token does not stay in the address"
    assert page.evaluate("document.cookie") == ""
    stranger = browser.new_context()
    for path in ("", "config", "?token=guessed"):
        answer = stranger.new_page().goto(studio.home + path)
        assert answer.status == 403
        assert "terminal" in answer.text()
    stranger.close()


def test_nothing_is_left_after_sigterm(studio: Studio, tab: Callable[[], Any]) -> None:
    """The last of the module: it ends the studio."""
    page = tab()
    until(lambda: said(page))
    # Its scripts load more as they go.
    page.context.close()
    assert list(studio.temporary.glob("reelbrush-studio-*"))
    studio.process.send_signal(signal.SIGTERM)
    text, _ = studio.process.communicate(timeout=60)
    assert studio.process.returncode == 143, text
    assert not list(studio.temporary.glob("reelbrush-studio-*"))
    assert "Traceback" not in text
