"""Several passes over a clip: there and back, resumed wherever they were stopped, and never worse than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, SMALL, assert_killed_is_whole, assert_same, moving_folder, paint_picture, pictures
from moving import led, panned
from PIL import Image as Pillow
from tiny import tiny_settings

from pipeline.clip.events import Event, FrameDone, Reverted, Started
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.moves import PreviousPaintings
from pipeline.clip.passes import Pass
from pipeline.clip.tracking import track_frames
from pipeline.clip.warm_start import further_start
from pipeline.clip.work_folder import WorkFolder
from pipeline.errors import PaintingError, SettingsError, StoreError, UsageError
from pipeline.media import open_source
from pipeline.media.frame import Frame, FrameSource, VideoInfo
from pipeline.media.prefetch import FEWEST, backward
from pipeline.settings import resolve
from pipeline.style.frame import PaintedFrame, WarmStart
from pipeline.style.optimise import Stop
from pipeline.style.painter import Painter
from reelbrush import stylize_video

TWO = {**SMALL, "passes": 2}


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return paint_picture(tmp_path / "style.png", seed=9)


class Killed(BaseException):
    """Stands in for a kill: nothing in the program catches it."""


# ---- the order of things


def test_passes_go_there_and_back() -> None:
    first, second, third = (Pass(number, 3, 5) for number in (1, 2, 3))
    assert [*first.order] == [*third.order] == [0, 1, 2, 3, 4]
    assert [*second.order] == [4, 3, 2, 1, 0]
    shots = [(0, 2), (2, 5)]
    assert first.entered(shots) == {0, 2}
    assert second.entered(shots) == {1, 4}
    assert [one.last for one in (first, second, third)] == [False, False, True]


def test_reading_backward_holds_no_more_frames_however_long_the_clip_is() -> None:
    alive = most = 0

    class Counted(np.ndarray):  # type: ignore[type-arg]
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    class Long:
        info = VideoInfo(Path("x"), "video", 4, 2, Fraction(24), (Fraction(0),) * 300, Fraction(12), False, None)

        def frames(self, start: int = 0) -> Iterator[Frame]:
            nonlocal alive, most
            for index in range(start, 300):
                image = np.full((2, 4, 3), index % 256, np.uint8).view(Counted)
                alive += 1
                most = max(most, alive)
                yield Frame(index, Fraction(0), image)

    source: FrameSource = Long()  # type: ignore[assignment]
    numbers = [frame.index for frame in backward(source, 300, held=20 * 2 * 4 * 3)]
    assert numbers == list(range(299, -1, -1))
    assert FEWEST < 20 <= most <= 22


# ---- what a pass does


def test_a_second_pass_leaves_the_turning_frame_and_improves_the_rest(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 6)
    stylize_video(folder, style, tmp_path / "one", **SMALL)
    result = stylize_video(folder, style, tmp_path / "two", on_event=told.append, **TWO, early_hold=1)
    assert (result.frames, result.painted) == (6, 12)
    assert not list(tmp_path.glob("*.reelbrush"))
    one, two = pictures(tmp_path / "one"), pictures(tmp_path / "two")
    np.testing.assert_array_equal(one[5], two[5])
    apart = [[float(np.abs(a.astype(int) - b).mean()) for b in one] for a in two]
    # The first frame was painted from nothing, and is now led from the next one.
    assert [int(np.argmin(row)) for row in apart][1:] == list(range(1, 6)), "every frame has its own place"
    assert all(apart[index][index] > 0 for index in range(5))
    done = [event for event in told if isinstance(event, FrameDone)]
    assert [(event.in_pass, event.frame) for event in done] == [
        *((1, i) for i in range(6)),
        *((2, 5 - i) for i in range(6)),
    ]
    assert [event.steps for event in done] == [6, *[5] * 5, 0, *[3] * 5]
    weight = resolve().temporal_weight
    losses = {(e.in_pass, e.frame): e.losses["total"] - weight * e.losses.get("temporal", 0.0) for e in done}
    assert sum(losses[2, index] for index in range(5)) < sum(losses[1, index] for index in range(5))
    (began,) = [event for event in told if isinstance(event, Started)]
    assert (began.passes, began.next_work, began.again_work) == (2, 5, 3)


def test_all_passes_but_the_last_hold_less_firmly(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 4)

    def painted(passes: int, hold: float) -> tuple[list[np.ndarray], list[list[float]]]:
        told: list[Event] = []
        out = tmp_path / f"{passes} {int(100 * hold)}"
        stylize_video(folder, style, out, on_event=told.append, **{**SMALL, "passes": passes, "early_hold": hold})
        done = [event for event in told if isinstance(event, FrameDone)]
        return pictures(out), [
            [event.losses["temporal"] for event in done if event.in_pass == one and "temporal" in event.losses]
            for one in range(1, passes + 1)
        ]

    for one, other in zip(painted(1, 0.25)[0], painted(1, 1.0)[0], strict=True):
        np.testing.assert_array_equal(one, other)
    (loose, early), (firm, late) = (painted(2, hold) for hold in (0.25, 1.0))
    assert any((a != b).any() for a, b in zip(loose, firm, strict=True))
    # The loss is of what it weighs: a quarter of it, and of paintings that have moved farther from what was expected.
    assert 0 < sum(early[0]) < sum(late[0]) < 4 * sum(early[0])


def test_what_a_circle_is_closed_with_is_held_as_firmly(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 4)

    def painted(passes: int, hold: float) -> list[np.ndarray]:
        out = tmp_path / f"{passes} {int(100 * hold)}"
        stylize_video(folder, style, out, loop=True, **{**SMALL, "passes": passes, "early_hold": hold})
        return pictures(out)

    for one, other in zip(painted(2, 0.25), painted(2, 1.0), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(painted(3, 0.25), painted(3, 1.0), strict=True))


def test_shots_are_independent_in_every_pass(tmp_path: Path, style: Path) -> None:
    """Two shots painted together are what each of them is alone, but for the palette that they share."""
    folder = moving_folder(tmp_path / "in", 6, cut=3)
    three = {**SMALL, "passes": 3, "recolour": 0, "clip_palette": 0, "start": "content"}
    stylize_video(folder, style, tmp_path / "both", cuts="3", **three)
    for name, frames in (("first", (0, 3)), ("second", (3, 6))):
        stylize_video(folder, style, tmp_path / name, frames=frames, cuts="none", **three)
    apart = pictures(tmp_path / "first") + pictures(tmp_path / "second")
    for a, b in zip(pictures(tmp_path / "both"), apart, strict=True):
        np.testing.assert_array_equal(a, b)


def test_still_frames_cost_nothing_in_a_further_pass(tmp_path: Path, style: Path) -> None:
    told: list[Event] = []
    folder = moving_folder(tmp_path / "in", 5, hold=(2, 3))
    stylize_video(folder, style, tmp_path / "out", on_event=told.append, **TWO)
    again = [event for event in told if isinstance(event, FrameDone) and event.in_pass == 2]
    assert [(event.frame, event.steps) for event in again] == [(4, 0), (3, 3), (2, 0), (1, 0), (0, 3)]
    out = pictures(tmp_path / "out")
    for index in (1, 2):
        np.testing.assert_array_equal(out[index], out[3])


def test_a_video_gets_its_frames_in_order(tmp_path: Path, style: Path) -> None:
    """Of a last pass that goes backward as of one that goes forward."""
    folder = moving_folder(tmp_path / "in", 4)
    for passes in (2, 3):
        values = {**SMALL, "passes": passes}
        stylize_video(
            folder, style, tmp_path / "out.mkv", keep=True, codec="ffv1", overwrite=True, restart=True, **values
        )
        kept = pictures(tmp_path / "out.mkv.reelbrush" / "frames")
        shown = [frame.image for frame in open_source(tmp_path / "out.mkv").frames()]
        assert len(shown) == len(kept) == 4
        apart = [[float(np.abs(a.astype(int) - b).mean()) for b in kept] for a in shown]
        assert [int(np.argmin(row)) for row in apart] == list(range(4))
        assert [path.name for path in (tmp_path / "out.mkv.reelbrush").iterdir() if path.is_dir()] == ["frames"]
    again = stylize_video(folder, style, tmp_path / "out.mkv", codec="ffv1", overwrite=True, **values)
    assert again.painted == 0, "what was kept is whole without the passes before it"


@pytest.mark.parametrize("carry", ["none", "previous", "adjusted"])
def test_further_passes_need_the_motion(carry: str) -> None:
    with pytest.raises(SettingsError, match=f'passes = 2 needs carry = "warped", not "{carry}"'):
        resolve(overrides={"passes": 2, "carry": carry})
    assert resolve(overrides={"passes": 1, "carry": carry}).passes == 1
    with pytest.raises(SettingsError, match="passes has to be from 1 to"):
        resolve(overrides={"passes": 0})


# ---- what is handed on


def test_a_frame_starts_from_the_painting_of_the_frame_after_it_or_from_its_own(tmp_path: Path) -> None:
    height, width = 48, 64
    way = [Frame(index, Fraction(index, 24), panned(4 * index, 0, height, width)[1]) for index in (3, 2, 1)]
    store = FrameStore(tmp_path / "now", range(3, -1, -1))
    for index, level in ((3, 200), (2, 100)):
        stopped = Stop.UNSTABLE if index == 2 else Stop.STEPS
        store.put(index, PaintedFrame(np.full((height, width, 3), level, np.uint8), {"total": 1.0}, 5, 0.1, stopped))
    settings = tiny_settings(temporal_weight=50.0)
    own = np.full((height, width, 3), 120, np.uint8)
    seen = list(track_frames(way, 3, {3}, settings))
    found = further_start(seen[1], PreviousPaintings(store), own, settings)
    middle, gone = (slice(8, -8), slice(10, -10)), (slice(8, -8), slice(-2, None))
    assert np.abs(found.start[middle].astype(int) - 200).max() <= 1, "that of frame 3, moved"
    np.testing.assert_array_equal(found.start[gone], own[gone], "frame 3 does not show this any more")
    np.testing.assert_array_equal(found.own, own)
    (expected,) = found.temporal_targets
    assert np.abs(expected.picture[middle].astype(int) - 200).max() <= 1
    np.testing.assert_allclose(np.median(led(seen[1].ways[1])[middle], axis=(0, 1)), (4, 0), atol=0.3)
    unstable = further_start(seen[2], PreviousPaintings(store), own, settings)
    np.testing.assert_array_equal(unstable.start, own, "nothing starts from what did not settle")
    assert unstable.temporal_targets == ()


# ---- frames that come out wrong


def without_a_loss(found: PaintedFrame) -> PaintedFrame:
    raise PaintingError("The loss of a frame is not a finite number.")


def far_worse(found: PaintedFrame) -> PaintedFrame:
    return replace(found, image=255 - found.image, losses={**found.losses, "total": 10 * found.losses["total"]})


def not_settled(found: PaintedFrame) -> PaintedFrame:
    return replace(found, image=255 - found.image, stopped=Stop.UNSTABLE)


@pytest.mark.parametrize("fault", [without_a_loss, far_worse, not_settled])
def test_a_pass_that_makes_a_frame_worse_leaves_it_as_it_was(
    tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    folder = moving_folder(tmp_path / "in", 4)
    stylize_video(folder, style, tmp_path / "one", **SMALL)
    right = Painter.paint

    def paint(
        self: Painter, content: np.ndarray, carried: WarmStart | None, index: int, *rest: Any, **more: Any
    ) -> PaintedFrame:
        found = right(self, content, carried, index, *rest, **more)
        return fault(found) if index == 2 and self.settings.carried_steps == 3 else found

    monkeypatch.setattr(Painter, "paint", paint)
    told: list[Event] = []
    stylize_video(folder, style, tmp_path / "two", on_event=told.append, **TWO, early_hold=1)
    assert [event for event in told if isinstance(event, Reverted)] == [Reverted(2, 2)]
    one, two = pictures(tmp_path / "one"), pictures(tmp_path / "two")
    np.testing.assert_array_equal(one[2], two[2])
    assert not np.array_equal(one[1], two[1]), "and the pass goes on"


# ---- killed and resumed


@pytest.mark.heavy
def test_stopped_after_every_frame_and_resumed(tmp_path: Path, style: Path) -> None:
    """In the middle of every pass, and between them; never more than two passes lie on the disk."""
    folder = moving_folder(tmp_path / "in", 5, cut=3, hold=(2,))
    values = {**SMALL, "passes": 3, "cuts": "3", "long_term": (1, 2)}
    stylize_video(folder, style, tmp_path / "whole", **values)
    work, out = tmp_path / "out.reelbrush", tmp_path / "out"
    painted: list[tuple[int, int]] = []

    def stop(event: Event) -> None:
        if isinstance(event, FrameDone):
            painted.append((event.in_pass, event.frame))
            assert len([path for path in work.iterdir() if path.is_dir()]) <= 2
            raise Killed

    for count in range(15):
        with pytest.raises(Killed):
            stylize_video(folder, style, out, on_event=stop, **values)
        assert len(painted) == count + 1
    result = stylize_video(folder, style, out, on_event=stop, **values)
    assert result.painted == 0
    assert painted == [(number, index) for number in (1, 2, 3) for index in Pass(number, 3, 5).order]
    assert_same(tmp_path / "whole", out, 5)


def test_killed_in_the_second_pass_and_resumed(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 6)
    job = (folder, "--style", style, *QUICK, "--carried-steps", "40", "--set", "tolerance=0", "--passes", "2")
    assert_killed_is_whole(tmp_path, job, "frames/000004.png", least=2, frames=6)


def painted(level: int) -> PaintedFrame:
    return PaintedFrame(np.full((4, 6, 3), level, np.uint8), {"total": 1.0}, 5, 0.1, Stop.STEPS)


def filled(work: WorkFolder, one: Pass, count: int) -> FrameStore:
    store, _ = work.begin(one)
    for index in one.order[:count]:
        store.put(index, painted(10 * one.number + index))
    return store


def test_the_work_folder_goes_on_in_the_last_pass_that_has_what_it_starts_from(tmp_path: Path) -> None:
    passes = [Pass(number, 3, 4) for number in (1, 2, 3)]
    work = WorkFolder(tmp_path / "work", {}, passes)
    assert work.reached() == passes[0]
    first = filled(work, passes[0], 4)
    assert work.reached() == passes[0], "whole, but the next one has not begun"
    filled(work, passes[1], 2)
    assert work.reached() == passes[1]
    first.path(2).unlink()
    assert work.reached() == passes[0], "frame 2 is missing, and what came of it does not count"
    assert work.frames(passes[0]).done == 2
    assert work.frames(passes[1]).done == 0
    filled(work, passes[1], 4)
    filled(work, passes[2], 1)
    assert work.reached() == passes[2]
    assert not (tmp_path / "work" / "pass1").exists()
    work.frames(passes[1]).path(0).unlink()
    assert work.reached() == passes[0], "what the second pass started from has gone: all begins anew"
    work.close()
    again = WorkFolder(tmp_path / "work", {"other": 1}, passes, restart=True)
    assert not [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    again.close()


# ---- what went wrong on the disk, and what was asked for wrongly


@pytest.mark.parametrize("how", ["cut short", "saved by another program"])
def test_a_damaged_record_says_what_to_do(tmp_path: Path, how: str) -> None:
    store = FrameStore(tmp_path, range(2))
    store.put(0, PaintedFrame(np.zeros((4, 6, 3), np.uint8), {"total": 1.0}, 5, 0.1, Stop.STEPS))
    path = store.path(0)
    if how == "cut short":
        path.write_bytes(path.read_bytes()[:40])
    else:
        Pillow.new("RGB", (6, 4)).save(path)
    with pytest.raises(StoreError, match="Give the same command again"):
        store.record(0)


def test_a_loop_that_is_refused_throws_nothing_away(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 4)

    def stop(event: Event) -> None:
        if isinstance(event, FrameDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize_video(folder, style, tmp_path / "out", on_event=stop, **SMALL)
    kept = sorted(path.name for path in (tmp_path / "out.reelbrush").rglob("*.png"))
    with pytest.raises(UsageError, match="only a single shot"):
        stylize_video(folder, style, tmp_path / "out", restart=True, **{**SMALL, "loop": True, "cuts": "2"})
    assert kept and sorted(path.name for path in (tmp_path / "out.reelbrush").rglob("*.png")) == kept


def test_without_a_flow_to_find_its_weights_are_not_asked_for(tmp_path: Path, style: Path) -> None:
    folder = moving_folder(tmp_path / "in", 2)
    assert stylize_video(folder, style, tmp_path / "out", **{**SMALL, "carry": "none", "flow": "raft"}).frames == 2


@pytest.mark.parametrize("preset", ["standard", "fine"])
def test_what_a_preset_wishes_for_does_not_forbid_another_carry(preset: str) -> None:
    assert resolve(preset).passes == 2
    assert resolve(preset, {"carry": "previous"}).passes == 1
    with pytest.raises(SettingsError, match="passes = 2 needs carry"):
        resolve(preset, {"carry": "previous", "passes": 2})
