"""The page about a batch: what is on it, that nothing hostile gets through, and how it behaves in a real browser."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from ledgers import BEGAN, finish, frame_row, item_of, jpeg, planned, set_columns

from pipeline.batch.events import BatchEnded, BatchEvent, Checking, ItemBegan, ItemEnded, ItemEvent, LeftOut, Planned
from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import FlickerRow, ItemRow, State, ThumbnailRow
from pipeline.batch.thumbnails import LIMITS, thumbnail_limits
from pipeline.clip.events import Stepped
from pipeline.clip.exemplars import Exemplar
from pipeline.clip.keyframes import Keyframe, RegionKey
from pipeline.clip.regions import Mask, MaskPicture, Region
from pipeline.clip.styles import StylePicture
from pipeline.errors import OutputError, UsageError
from pipeline.report.batch_run import ReportWriter
from pipeline.report.html_facts import facts, relative_link
from pipeline.report.html_plots import HIGH, WIDE, flicker_plot, loss_plot
from pipeline.report.html_report import POINTS, PageCache, evenly_spaced, render, write_report
from pipeline.text import sanitize

HOSTILE = """<script>alert("it's mine")</script> & 100%#?.mp4"""
WRONG = """</script><img src=x onerror='alert(1)'>: "broken" {{ 7 * 7 }}"""


class Page(HTMLParser):
    """What a browser would make of a page: its tags, the links, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.asked: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self._inside = tag
        if tag == "a":
            self.links.append(given["href"] or "")
        elif given.get("src"):
            self.asked.append(given["src"] or "")
        if tag == "script":
            self.scripts.append((given.get("type") or "", ""))
        assert not any(name.startswith("on") for name in given)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data
        elif self._inside != "style":
            self.text += data


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def batch(out: Path) -> Iterator[Ledger]:
    """Of each kind one: done, failed, interrupted, waiting."""
    ledger = planned(out, ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    run = ledger.begin_run("studio", 4242, "0.1.0", 1)
    finish(ledger, "a.mp4")
    ledger.change("b.mp4", state="failed", error="b.mp4: the video is cut off.")
    ledger.change("c.mp4", state="painting", frames=10, passes=2, done=5)
    ledger.end_run(run, "interrupted")
    set_columns(ledger, "run", run, began=BEGAN, ended=BEGAN + 3700, seen=BEGAN + 3700)
    yield ledger
    ledger.close()


# ---- the file


def test_the_same_ledger_gives_the_same_bytes(out: Path, batch: Ledger) -> None:
    write_report(batch, out / "report.html")
    first = (out / "report.html").read_bytes()
    write_report(batch, out / "report.html")
    assert (out / "report.html").read_bytes() == first
    again = Ledger(out)
    assert render(again, out).encode() == first
    again.close()


def test_nothing_is_left_where_it_cannot_be_written(out: Path, batch: Ledger) -> None:
    (out / "report.html").mkdir()
    (out / "report.html" / "mine").touch()
    with pytest.raises(OutputError, match=r"report\.html"):
        write_report(batch, out / "report.html")
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_what_is_said_of_the_batch(out: Path, batch: Ledger) -> None:
    text = Page(render(batch, out)).text
    for words in (
        "1 of 4 painted", "1 failed", "1 begun", "1 waiting", "1 h 01 min", "interrupted", "2026-09-21",
        "b.mp4 the video is cut off.", "Each failure says what to do about it.", "25 %", "in the style of wheat field",
        "96 × 64", "12 frames", "painted in 1 min 30 s", "1.2 MB", "flicker 2.6 × that of the input",
        "Not taken over from", "seed = 7",
        "the original VGG-19, 8 bits a weight (c34748d2)", "ab" * 32,
    ):  # fmt: skip
        assert words in " ".join(text.split()), words
    assert text.index("the video is cut off") < text.index("c.mp4") < text.index("a.mp4") < text.index("d.mp4")


def test_the_page_tells_nobody_what_the_folders_of_this_machine_are_called(out: Path, batch: Ledger) -> None:
    made = {"software": "reelbrush 0.1.0", "settings": "seed = 7\n", "job": '{"input": "x"}', "losses": "{}"}
    batch.change("a.mp4", made=made)
    page = Page(render(batch, out))
    text = " ".join(page.text.split())
    assert str(out) not in text and "in/a.mp4" in text and "styles/wheat field.jpg" in text
    assert '{"input"' not in text and "losses" not in text and "reelbrush 0.1.0" in text


def test_nor_what_those_are_called_in_which_masks_keyframes_and_failures_lie(tmp_path: Path) -> None:
    """Whatever is named is called by the way to it from the page, or where there is none by its name."""
    out, far = tmp_path / "out", Path("/nowhere-near/at all")
    out.mkdir()
    style = StylePicture(far / "wave.jpg", 0.5)
    item = replace(
        item_of(out, "a.mp4"), init=far / "first.png", exemplar=(Exemplar(far / "hand.png", 12),),
        region=(Region(Mask((MaskPicture(out / "masks" / "sky.png", 3),)), (style,)),),
        protect=(Mask((MaskPicture(far / "face.png"),)),),
        keyframes=(Keyframe(48, styles=(style,), regions=(RegionKey(1, (style,)),)),),
    )  # fmt: skip
    ledger = Ledger(out, write=True)
    ledger.plan([item, item_of(out, "b.mp4"), item_of(out, "c.mp4"), item_of(out, "d.mp4")])
    finish(ledger, "a.mp4")
    ledger.change("a.mp4", notes=[f"The style {far / 'wave.jpg'} is grey."])
    ledger.change("b.mp4", state="failed", error=f"{out / 'styles' / 'wheat field.jpg'}: the picture is damaged.")
    ledger.change("c.mp4", state="failed", error=f"{out / 'styles' / 'wheat field.jpg'}: the picture is damaged.")
    ledger.change("d.mp4", state="failed", error=f"One.\n{out / 'd.mp4'}: two.")
    text = " ".join(Page(render(ledger, out)).text.split())
    ledger.close()
    assert str(far) not in text and str(out) not in text
    for words in (
        "masks/sky.png@3=wave.jpg:0.5", "face.png", "48: style=wave.jpg:0.5, region.1=wave.jpg:0.5", "first.png",
        "hand.png@12", "The style wave.jpg is grey.", "styles/wheat field.jpg: the picture is damaged.", "d.mp4: two.",
    ):  # fmt: skip
        assert words in text, words


def test_the_bar_grows_with_what_is_painted(out: Path, batch: Ledger) -> None:
    def shares() -> dict[str, float]:
        return {
            kind: float(share)
            for kind, share in re.findall(r'<i class="(\w+)" style="flex-grow: ([\d.]+)"', render(batch, out))
        }

    assert shares() == {"done": 1, "begun": 0.25, "waiting": 1.75, "failed": 1}
    batch.change("c.mp4", done=0)
    assert shares() == {"done": 1, "waiting": 2, "failed": 1}, "nothing of it is painted"


def test_what_was_left_out_of_the_folders_is_on_the_page(out: Path, batch: Ledger) -> None:
    assert "left-out" not in render(batch, out)
    writer = ReportWriter(out, lambda event: None)
    writer(LeftOut((Path("x.jxl"),), "1 file was left out: <x>.jxl."))
    writer(BatchEnded(out, 1, (), 0, 1.0))
    assert "1 file was left out: <x>.jxl." in Page((out / "report.html").read_text()).text


def test_of_a_painting_without_anything_to_show_the_rest_is_shown(out: Path, batch: Ledger) -> None:
    ledger = planned(out / "x", ["a.mp4"])
    ledger.finish("a.mp4", [])
    page = Page(render(ledger, out / "x"))
    ledger.close()
    assert "One painting, finished" in page.text
    assert page.asked == []


# ---- while a run is at work


@pytest.fixture
def running(out: Path) -> Iterator[Ledger]:
    """One painting is done, one failed, one under way, and one waits; the run began at `BEGAN`."""
    ledger = planned(out, ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    run = ledger.begin_run("studio", 4242, "0.1.0", 1)
    set_columns(ledger, "run", run, began=BEGAN, seen=BEGAN)
    finish(ledger, "a.mp4")
    ledger.change("b.mp4", state="failed", error="b.mp4: the video is cut off.")
    ledger.change("c.mp4", state="painting", frames=10, passes=2, done=5)
    yield ledger
    ledger.close()


def test_while_a_run_is_at_work_the_page_says_when_it_was_written_and_what_is_under_way(
    out: Path, running: Ledger
) -> None:
    page = Page(render(running, out, BEGAN + 3725))
    text = " ".join(page.text.split())
    for words in ("1 h 02 min so far, as of 2026-09-21", "1 begun", "1 waiting", "25 %", "look again"):
        assert words in text, words
    assert re.search(r"as of [-\d]+ \d\d:\d\d:\d\d UTC", text)
    assert page.links[0] == ""
    assert "look again" not in Page(render(running, out)).text


def test_a_batch_that_was_stopped_by_a_failure_says_so(out: Path, batch: Ledger) -> None:
    set_columns(batch, "run", 1, outcome="finished")
    text = " ".join(Page(render(batch, out)).text.split())
    assert ", stopped at the first failure, 2026" in text
    assert "is not begun, because of --fail-fast" in text
    assert "Everything else went on" not in text
    batch.change("b.mp4", state="done")
    assert "stopped at" not in Page(render(batch, out)).text


def test_a_run_that_was_killed_was_interrupted(out: Path, running: Ledger) -> None:
    """Nobody has written that it ended; what it was painting is painted no more."""
    text = " ".join(Page(render(running, out)).text.split())
    assert ", interrupted, 2026" in text and "so far" not in text
    assert re.search(r"interrupted ?in the style of", text) and not re.search(r"painting ?in the style of", text)


def test_a_broken_input_is_one_failure_in_however_many_styles(out: Path) -> None:
    names = ["a-ink.mp4", "a-wave.mp4", "b-ink.mp4"]
    ledger = planned(out, names)
    source = out / "in" / "a.mp4"
    for name in names[:2]:
        request = ledger.items()[0].item.as_json()
        set_columns(
            ledger, "item", name, request=json.dumps({**json.loads(request), "name": name, "source": str(source)})
        )
        ledger.change(name, state="failed", error=f"{source}: the video is cut off.")
    ledger.change("b-ink.mp4", state="failed", error="b-ink.mp4: its worker has died.")
    page = Page(render(ledger, out))
    text = " ".join(page.text.split())
    assert text.count("the video is cut off.") == 1 and "a.mp4 (2 paintings)" in text
    assert "a-ink.mp4, a-wave.mp4" in text and "its worker has died." in text and "3 failed" in text
    assert [link for link in page.links if link] == ["./in/a.mp4", "./in/b-ink.mp4"]
    ledger.close()


def test_what_the_last_command_leaves_out_is_shown_and_not_counted(out: Path) -> None:
    ledger = planned(out, ["a-ink.png", "a-wave.png", "b-wave.png"])
    for name in ("a-ink.png", "a-wave.png"):
        finish(ledger, name)
        (out / name).touch()
    ledger.plan([ledger.items()[0].item])
    text = " ".join(Page(render(ledger, out)).text.split())
    assert "One painting, finished" in text and "1 done" in text
    assert text.index("a-ink.png") < text.index("Of earlier commands") < text.index("a-wave.png")
    assert "b-wave.png" not in text, "it was never painted"
    (out / "a-wave.png").unlink()
    assert "earlier" not in Page(render(ledger, out)).text, "it was removed"
    ledger.close()


class Watched:
    """A report that is cache up to date, and the page as it stands."""

    def __init__(self, out: Path, ledger: Ledger) -> None:
        self.ledger, self.path = ledger, out / "report.html"
        self.reported = ReportWriter(out, lambda event: None)

    def __call__(self, event: BatchEvent) -> str:
        self.reported(event)
        return " ".join(Page(self.path.read_text(encoding="utf-8")).text.split()) if self.path.exists() else ""


PLANNED = Planned(Path("out"), 4, 2, 0, (), 9.0, 1, 2, 1)
STEPPED = ItemEvent("c.mp4", Stepped(0, 1, 9, 0.1))
ENDED = BatchEnded(Path("out"), 3, (), 0, 9.0)


def test_it_is_written_after_the_plan_after_every_painting_and_at_the_end(
    out: Path, running: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Watched(out, running)
    assert written(Checking("Looking at a.mp4", 0, 4)) == ""
    assert "1 of 4 painted" in written(PLANNED)
    running.change("c.mp4", done=15)
    assert "75 %" in written(ItemBegan("c.mp4", 1, 2))
    # One that ends too soon after the last writing is in the page as soon as writing it is cheap enough again, ...
    monkeypatch.setattr("pipeline.report.batch_run.SPARE", 1e9)
    finish(running, "c.mp4")
    assert "1 of 4 painted" in written(ItemEnded("c.mp4", State.DONE, 1.0))
    monkeypatch.setattr("pipeline.report.batch_run.SPARE", 0)
    assert "2 of 4 painted" in written(STEPPED)
    # ... a step alone is no reason, but after a while it is, ...
    finish(running, "d.mp4")
    assert "2 of 4 painted" in written(STEPPED)
    monkeypatch.setattr("pipeline.report.batch_run.EVERY", 0)
    assert "3 of 4 painted" in written(STEPPED)
    # ... and the last page waits for nothing more.
    monkeypatch.setattr("pipeline.report.batch_run.SPARE", 1e9)
    running.end_run(1, "finished")
    assert "look again" in written(STEPPED)
    assert "look again" not in written(ENDED)


@pytest.mark.parametrize("planned", [True, False])
def test_a_run_that_breaks_off_leaves_no_page_that_waits(out: Path, running: Ledger, planned: bool) -> None:
    written = Watched(out, running)
    with pytest.raises(UsageError), written.reported:
        if planned:
            assert "look again" in written(PLANNED)
        raise UsageError("There is not enough time.")
    assert written.path.exists() == planned
    assert not planned or "look again" not in written.path.read_text(encoding="utf-8")


def test_what_was_made_for_the_last_page_is_used_again_and_changes_when_it_does(out: Path, running: Ledger) -> None:
    cache = PageCache()
    assert render(running, out, BEGAN, cache) == render(running, out, BEGAN)
    running._db.execute("DELETE FROM look")
    assert "data:image" in render(running, out, BEGAN, cache), "nothing of a finished painting is read again"
    running.note("a.mp4", "It was painted again.")
    assert render(running, out, BEGAN, cache) == render(running, out, BEGAN)
    assert "It was painted again." in render(running, out, BEGAN, cache)


# ---- hostile names and texts


def test_nothing_that_a_name_or_a_message_says_is_code(out: Path) -> None:
    plain, hostile = planned(out / "plain", ["a.mp4", "b.mp4"]), planned(out / "hostile", [HOSTILE, f"2{HOSTILE}"])
    pages = []
    for ledger, (first, second) in ((plain, ("a.mp4", "b.mp4")), (hostile, (HOSTILE, f"2{HOSTILE}"))):
        rows = [frame_row(frame, stopped="plateau") for frame in range(12)]
        if ledger is hostile:
            rows[3] = replace(rows[3], losses={"total": 1.0, WRONG: 2.0})
        finish(ledger, first, rows=rows)
        ledger.change(first, notes=[WRONG], made={WRONG: WRONG, "settings": WRONG})
        ledger.change(second, state="failed", error=WRONG)
        pages.append(Page(render(ledger, out)))
        ledger.close()
    assert pages[1].tags == pages[0].tags
    assert [kind for kind, _ in pages[1].scripts] == ["application/json", "application/json", ""]
    assert pages[1].scripts[-1] == pages[0].scripts[-1]
    assert HOSTILE in pages[1].text
    assert pages[1].text.count(WRONG) == 5
    assert WRONG in json.loads(pages[1].scripts[0][1])[3][2]
    assert all(source.startswith("data:image/jpeg;base64,") for source in pages[1].asked)


def test_only_the_script_of_the_page_may_run(out: Path, batch: Ledger) -> None:
    text = render(batch, out)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy.replace("&#39;", "'")
    assert "'unsafe-inline'" not in policy.split("script-src")[1]


@pytest.mark.parametrize("name", ["a b.mp4", "%03d #1?.mp4", "a:b.mp4", "-dash.mp4", "ü/日本 & co.mp4", "\"'<b>.mp4"])
def test_links_lead_to_the_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    target = folder / name
    target.parent.mkdir(parents=True)
    target.touch()
    beside = tmp_path / "in" / target.name
    beside.parent.mkdir()
    beside.touch()
    for path in (target, beside):
        link = relative_link(path, folder)
        parts = urlsplit(link)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert (folder / unquote(parts.path)).samefile(path)
    ledger = planned(folder, [name])
    finish(ledger, name, thumbnails=())
    links = [unquote(link) for link in Page(render(ledger, folder)).links]
    ledger.close()
    assert links == [f"./{name}", f"./in/{name}"]


def test_what_a_terminal_would_obey_is_written_out(out: Path) -> None:
    name = "two\nlines \x1b[31m.mp4"
    ledger = planned(out, [name])
    ledger.change(name, state="failed", error="It is broken:\x07\nhere.")
    text = Page(render(ledger, out)).text
    ledger.close()
    assert r"two\nlines \x1b[31m.mp4" in text
    assert "It is broken:\\x07\nhere." in text


def test_a_name_that_is_no_text_can_be_shown_and_linked(tmp_path: Path) -> None:
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    assert sanitize(name) == "caf\ufffd.mp4"
    assert relative_link(tmp_path / name, tmp_path) == "./caf%E9.mp4"


# ---- size


def test_however_many_there_are_the_pictures_stay_bounded() -> None:
    assert [limits.items for limits in LIMITS] == sorted(limits.items for limits in LIMITS)
    assert all(2 * limits.items * limits.most_frames * limits.most_bytes * 4 / 3 < 30e6 for limits in LIMITS)


def test_of_a_batch_that_has_grown_less_is_shown(out: Path) -> None:
    wide = ThumbnailRow(0, jpeg(1, 640, 400), jpeg(2, 640, 400))
    names = [f"{number}.mp4" for number in range(30)]
    ledger = planned(out, names)
    ledger.finish(names[0], [], thumbnails=[replace(wide, frame=frame) for frame in range(9)])
    page = render(ledger, out)
    ledger.close()
    assert page.count("data:image/jpeg") == 2 * thumbnail_limits(30).most_frames
    assert 'style="--w: 360; --h: 225"' in page


@pytest.mark.parametrize(
    ("count", "wanted"), [(9, list(range(0, 18, 2))), (20, list(range(0, 18, 2))), (3, [0, 8, 16]), (1, [8])]
)
def test_looks_are_chosen_evenly(count: int, wanted: list[int]) -> None:
    assert evenly_spaced(range(0, 18, 2), count) == wanted


# ---- plots


def row(out: Path, frames: int, cuts: tuple[int, ...] = ()) -> ItemRow:
    ledger = planned(out, ["a.mp4"])
    ledger.change("a.mp4", frames=frames, cuts=cuts, state="done")
    (found,) = ledger.items()
    ledger.close()
    return found


def test_the_loss_of_every_pass_and_what_stands_out(out: Path) -> None:
    last = [frame_row(frame, 2, "still" if frame in (3, 4, 8) else "plateau") for frame in range(10)]
    last[9] = frame_row(9, 2, "unstable", loss=math.nan)
    plot = loss_plot(row(out, 10, (5,)), [*(frame_row(frame, 1) for frame in range(10)), *last], 480)
    assert plot is not None
    assert [(line.name, line.kind) for line in plot.lines] == [("pass 1", "earlier"), ("pass 2", "painting")]
    assert plot.cuts == (WIDE / 2,)
    assert [(mark.kind, mark.x, mark.width) for mark in plot.marks] == [
        ("still", 300, 200), ("still", 800, 100), ("unstable", 900, 100),
    ]  # fmt: skip
    assert [text for _, text in plot.legend] == [
        "pass 2", "pass 1", "cut", "repeats the frame before", "did not settle",
    ]  # fmt: skip
    assert plot.labels[2] == (
        0.25,
        round(1.2 / (1.9 * 1.08), 4),
        "frame 2\nloss 1.2\ncontent 0.25, style 0.5\n40 steps, 2.0 s",
    )
    assert plot.labels[3][2].endswith("repeats the frame before")
    assert "nan" not in " ".join(line.path for line in plot.lines)


def test_flicker_is_broken_at_a_cut_and_drawn_to_scale(out: Path) -> None:
    flicker = [FlickerRow(frame, *((None, None) if frame == 4 else (0.004, 0.002))) for frame in range(1, 8)]
    plot = flicker_plot(row(out, 8, (4,)), [], flicker, 480)
    assert plot is not None
    source, painting = plot.lines
    top = 1 / 1.08
    assert painting.path.count("M") == source.path.count("M") == source.area.count("Z") == 2
    assert painting.path.startswith(f"M187.5 {round(HIGH * (1 - top), 1)}L")
    assert source.path.startswith(f"M187.5 {round(HIGH * (1 - top / 2), 1)}L")
    assert plot.top == "4.32"
    assert [text for _, _, text in plot.labels][3:5] == [
        "frame 3\npainting 4 (2.0 ×)\ninput 2", "frame 4\nbegins a shot",
    ]  # fmt: skip


def test_the_seam_of_a_loop_is_marked_and_said(out: Path) -> None:
    found = row(out, 8)
    flicker = [FlickerRow(0, 0.012, 0.003), *(FlickerRow(frame, 0.002, 0.002) for frame in range(1, 8))]
    plot = flicker_plot(found, [], flicker, 480)
    assert plot is not None
    assert [(mark.kind, mark.x, mark.width) for mark in plot.marks] == [("seam", 0, 125)]
    assert ("seam", "seam of the loop") in plot.legend
    seam = "after the last one: seam of the loop"
    assert plot.labels[0] == (0.0625, round(1 / 1.08, 4), f"frame 0, {seam}\npainting 12 (4.0 ×)\ninput 3")
    assert facts(found, flicker)[-2:] == ("flicker 1.5 × that of the input", "4.0 × at the seam of the loop")
    assert facts(found, flicker[1:])[-1] == "flicker 1.0 × that of the input"
    many = flicker_plot(row(out, 3000), [], [FlickerRow(n, 0.1, 0.1) for n in range(3000)], 100)
    assert many is not None and many.marks[0].width == 10, "wide enough to be seen"
    assert many.labels[0][2].startswith("frame 0, after the last one")


def test_the_worst_frame_is_marked_where_the_flicker_stands_out(out: Path) -> None:
    ledger = planned(out, ["a.mp4"])
    finish(ledger, "a.mp4", frames=40, cut=None)
    for worst, marked in ((None, False), (30, True)):
        flicker = [FlickerRow(k, 0.03 if k == worst else 0.001 + k / 1e5, 0.001) for k in range(1, 40)]
        thumbnails = [ThumbnailRow(frame, jpeg(frame), jpeg(frame)) for frame in (0, 20, 30, 39)]
        ledger.finish("a.mp4", ledger.items()[0].outputs, (), flicker, thumbnails)
        page = render(ledger, out)
        text = " ".join(Page(page).text.split())
        assert ("most at frame 30 (30.0 × the input)" in text) == marked
        assert page.count('class="worst"') == page.count('class="k-worst"') == marked
        assert ("flickers most" in text) == marked, "the legend"
    ledger.close()


def test_a_long_clip_keeps_its_spikes(out: Path) -> None:
    frames = [frame_row(frame, loss=9.0 if frame == 1234 else 1.0) for frame in range(3000)]
    plot = loss_plot(row(out, 3000), frames, 100)
    assert plot is not None
    assert len(plot.labels) == 100
    (spike,) = [printed for printed in plot.labels if printed[1] > 0.5]
    assert spike[2].startswith("frame 1234, the highest of 1230–1259\nloss 9")
    assert POINTS >= 1000


def test_frames_of_a_part_have_their_numbers_in_the_input(out: Path) -> None:
    ledger = planned(out, ["a.mp4"])
    finish(ledger, "a.mp4", frames=12, cut=6)
    ledger.change("a.mp4", in_file={"first": 16, "each": []})
    found = ledger.items()[0]
    loss = loss_plot(found, ledger.frames("a.mp4"), 480)
    assert loss is not None and loss.ends == (16, 27) and loss.labels[2][2].startswith("frame 18\n")
    text = " ".join(Page(render(ledger, out)).text.split())
    assert "frame 16" in text and " 20 24 27 " in text, "the pictures"
    ledger.close()


def test_no_plot_of_what_is_not_known(out: Path) -> None:
    assert loss_plot(row(out, 12), [], 480) is None
    assert loss_plot(row(out, 1), [frame_row(0)], 480) is None
    assert flicker_plot(row(out, 12), [], [FlickerRow(1, None, None)], 480) is None


# ---- in a browser


class Opened:
    """A page in a browser, with everything it asks for and complains of."""

    def __init__(self, browser: Any, path: Path, width: int = 1200, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.trouble: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        asked = [url for url in self.asked if not url.startswith("data:")]
        self.context.close()
        if kind is None:
            assert self.trouble == []
            assert len(asked) == 1, asked
            assert urlsplit(asked[0]).scheme == "file"


@pytest.fixture
def report(out: Path, batch: Ledger) -> Path:
    write_report(batch, out / "report.html")
    return out / "report.html"


def cover(page: Any) -> int:
    """How much of the input is shown, in percent of the width."""
    return round(float(page.locator(".compare").evaluate("node => node.style.getPropertyValue('--at')")[:-1]))


def test_the_slider_follows_mouse_and_keys(browser: Any, report: Path) -> None:
    with Opened(browser, report) as page:
        page.locator(".compare").scroll_into_view_if_needed()
        box = page.locator(".compare").bounding_box()
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] / 2, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, middle, steps=4)
        assert cover(page) == 25
        page.mouse.up()
        page.mouse.move(box["x"] + box["width"] * 3 / 4, middle)
        assert cover(page) == 25, "only while the button is held"
        handle = page.locator(".handle").bounding_box()
        assert abs(handle["x"] + handle["width"] / 2 - box["x"] - box["width"] / 4) < 2
        for key, wanted in (("ArrowRight", 26), ("ArrowLeft", 25), ("Home", 0), ("End", 100)):
            page.keyboard.press(key)
            assert cover(page) == wanted
        assert page.locator(".after").evaluate("node => getComputedStyle(node).clipPath") == "inset(0px 0px 0px 100%)"


def test_every_frame_of_the_strip_can_be_looked_at(browser: Any, report: Path, batch: Ledger) -> None:
    thumbnails = batch.thumbnails("a.mp4")
    with Opened(browser, report) as page:
        page.wait_for_function("[...document.querySelectorAll('.compare img')].every(image => image.naturalWidth)")
        buttons = page.locator(".strip button")
        assert [text.strip() for text in buttons.all_text_contents()] == ["0", "4", "8", "11"]
        seen = set()
        for number in range(len(thumbnails)):
            buttons.nth(number).click()
            assert buttons.nth(number).get_attribute("aria-pressed") == "true"
            assert page.locator('.strip [aria-pressed="true"]').count() == 1
            seen |= {page.locator(f".compare .{which}").get_attribute("src") for which in ("before", "after")}
        assert len(seen) == 2 * len(thumbnails)
        page.keyboard.press("ArrowLeft")
        assert buttons.nth(2).get_attribute("aria-pressed") == "true"


def test_the_plots_say_what_is_known_of_a_frame(browser: Any, report: Path) -> None:
    with Opened(browser, report) as page:
        plots = page.locator(".plot")
        assert [text.split()[0] for text in plots.all_text_contents()] == ["Loss", "Flicker"]
        for number, wanted in ((0, "frame 2\nloss 1.2"), (1, "frame 2\npainting 2.2 (2.2 ×)\ninput 1")):
            canvas, tip = plots.nth(number).locator(".canvas"), plots.nth(number).locator(".tip")
            assert all(line.bounding_box()["height"] > 0 for line in canvas.locator(".line").all())
            assert not tip.is_visible()
            width = canvas.bounding_box()["width"]
            canvas.hover(position={"x": width * 2.5 / 12, "y": 60})
            assert tip.is_visible()
            assert tip.text_content().startswith(wanted)
            page.mouse.move(0, 0)
            assert not tip.is_visible()
            canvas.focus()
            page.keyboard.press("End")
            assert tip.text_content().startswith("frame 11\n")
        plots.first.locator(".canvas").click(position={"x": 2, "y": 60})
        assert page.locator(".strip button").first.get_attribute("aria-pressed") == "true"


def test_failures_come_first_and_hostile_texts_are_only_read(browser: Any, out: Path) -> None:
    ledger = planned(out, ["a.mp4", HOSTILE])
    finish(ledger, "a.mp4")
    ledger.change(HOSTILE, state="failed", error=WRONG)
    ledger.change("a.mp4", notes=[WRONG])
    write_report(ledger, out / "report.html")
    ledger.close()
    with Opened(browser, out / "report.html") as page:
        assert page.locator("main > section").evaluate_all("nodes => nodes.map(node => node.id)") == ["failed", "done"]
        assert page.locator(".trouble h3").text_content() == HOSTILE
        assert page.locator(".trouble .why").text_content() == WRONG
        assert page.locator(".notes").text_content().strip() == WRONG


@pytest.mark.parametrize("count", [0, 1, 60])
def test_any_number_of_paintings(browser: Any, out: Path, count: int) -> None:
    names = [f"clip {number:02d}.mp4" for number in range(count)]
    ledger = planned(out, names)
    for name in names:
        finish(ledger, name)
    write_report(ledger, out / "report.html")
    ledger.close()
    with Opened(browser, out / "report.html") as page:
        assert page.locator(".painting").count() == count
        assert page.locator(".compare:visible").count() == (1 if count == 1 else 0)
        if count < 60:
            assert page.locator("h1").text_content() == ("One painting, finished" if count else "Nothing to paint")
            return
        page.wait_for_function("document.querySelector('.thumb img').naturalWidth > 0")
        page.locator("#find").fill("P 3")
        assert page.locator(".painting:visible").count() == 10
        page.locator(".painting:visible summary").first.click()
        assert page.locator(".compare:visible").count() == 1


def test_while_a_run_is_at_work_an_untouched_page_looks_again(browser: Any, out: Path, running: Ledger) -> None:
    write_report(running, out / "report.html", time.time())
    for touched in (False, True):
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        loaded: list[str] = []
        page.on("load", lambda _, loaded=loaded: loaded.append("again"))
        page.clock.install()
        page.goto((out / "report.html").as_uri())
        assert re.search(r"as of \d+:\d\d:\d\d", page.locator(".when:visible").text_content() or "")
        if touched:
            page.keyboard.press("Tab")
        page.clock.run_for(61_000)
        page.wait_for_timeout(300)
        assert (len(loaded) > 1) != touched
        if touched:
            page.locator("#again").click()
            page.wait_for_timeout(300)
            assert len(loaded) == 2
        context.close()


def test_a_page_that_nobody_writes_any_more_says_that_it_was_interrupted(
    browser: Any, out: Path, running: Ledger
) -> None:
    for ago, said in ((60.0, "so far, as of"), (1200.0, "interrupted: nothing has been heard since")):
        write_report(running, out / "report.html", time.time() - ago)
        with Opened(browser, out / "report.html") as page:
            shown = page.locator(".counts .when:visible")
            assert shown.count() == 1 and said in shown.inner_text()


def test_no_line_breaks_an_option_or_begins_or_ends_with_a_dot(browser: Any, out: Path, running: Ledger) -> None:
    running.change("b.mp4", error="Say it again, or with this option, if that is what you want: --overwrite --restart.")
    write_report(running, out / "report.html")
    for width in (300, 320, 360, 390):
        with Opened(browser, out / "report.html", width) as page:
            heights = page.locator(".option").evaluate_all("nodes => nodes.map(node => node.getClientRects().length)")
            assert heights == [1, 1]
            rows, cut = page.locator("#done .facts").evaluate(
                """facts => {
                    const left = facts.getBoundingClientRect().left, row = [...facts.children];
                    const first = row.filter((one, at) => !at || one.offsetTop > row[at - 1].offsetTop);
                    const seen = left + parseFloat(getComputedStyle(facts).clipPath.split(" ").pop());
                    const dots = first.map((one) => one.getBoundingClientRect().left);
                    const heading = facts.previousElementSibling.getBoundingClientRect().left;
                    return [dots.map((dot) => dot - left), [seen - left, seen - heading]];
                }"""
            )
            # The dots are before the words, and those at the beginning of a line where nothing is seen.
            assert len(rows) > 1
            assert rows == [0] * len(rows)
            assert cut[0] > 10
            assert abs(cut[1]) < 1


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_light(browser: Any, report: Path, width: int, scheme: str) -> None:
    with Opened(browser, report, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        colours = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        paper, ink = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
        assert (paper > ink) == (scheme == "light")
        assert abs(paper - ink) > 450


def test_without_its_script_everything_is_still_there(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".compare img:visible").count() == 2
    assert page.locator(".line").count() == 3
    assert "2026-09-21" in page.locator(".when").text_content()
    context.close()
