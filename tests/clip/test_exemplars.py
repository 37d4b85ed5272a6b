"""Frames that were painted by hand: they stay, lead what comes before and after them, and count as a style."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import QUICK, SMALL, invoke, moving_folder, paint_picture, pictures
from PIL import Image as Pillow

from pipeline.clip.events import FrameDone
from pipeline.clip.exemplars import Exemplar, exemplars_as_json, exemplars_from_json, parse_exemplar, shares_kept
from pipeline.clip.frame_store import FrameStore
from pipeline.clip.loss_monitor import worst_notes
from pipeline.clip.passes import Pass
from pipeline.clip.record_reading import read_record
from pipeline.errors import UsageError
from pipeline.frame_numbers import ALL_FRAMES
from pipeline.media import read_metadata, read_picture, write_picture
from pipeline.media.frame_file import read_kept
from reelbrush import stylize_video
from tests.tiny import tiny_settings

FRAMES = 3


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`in/` pans by a pixel a frame; `hand.png` is its first frame, turned to orange, of twice the size."""
    here = tmp_path_factory.mktemp("inputs")
    moving_folder(here / "in", FRAMES)
    paint_picture(here / "style.png", seed=9)
    first = read_picture(here / "in" / "0.png").astype(float)
    orange = (0.5 * first + 0.5 * np.array([255.0, 120.0, 0.0])).astype(np.uint8)
    write_picture(here / "hand.png", np.repeat(np.repeat(orange, 2, 0), 2, 1))
    return here


def painted(inputs: Path, output: Path, **more: Any) -> list[np.ndarray]:
    how = {**SMALL, "passes": 2, **more}
    stylize_video(inputs / "in", inputs / "style.png", output, **how)
    return [image.astype(float) for image in pictures(output)]


def off(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_it_stays_to_the_pixel_and_leads_the_others(tmp_path: Path, inputs: Path) -> None:
    hand = np.array(Pillow.open(inputs / "hand.png").resize((48, 32), Pillow.Resampling.BOX), float)
    told: list[FrameDone] = []

    def on_event(event: Any) -> None:
        if isinstance(event, FrameDone) and event.frame == 0:
            told.append(event)

    alone = painted(inputs, tmp_path / "alone")
    led = painted(inputs, tmp_path / "led", exemplar=inputs / "hand.png", on_event=on_event, keep=True)
    assert off(led[0], hand) < 1.0 < off(alone[0], hand)
    kept, record = read_kept(tmp_path / "led.reelbrush" / "frames" / "000000.png")
    np.testing.assert_array_equal(led[0], kept)
    assert '"given"' in "".join(record.values())
    assert [(one.stopped, one.steps, one.in_pass) for one in told] == [("given", 0, 1), ("given", 0, 2)]
    assert all(one.losses["total"] > 0 for one in told)
    # The clip pans: what stood at x in the first frame stands k to the left in frame k.
    for k in range(1, FRAMES):
        inner = np.s_[4:-4, 4 : 44 - k]
        moved = hand[:, k:][inner]
        assert off(led[k][inner], moved) < 0.5 * off(alone[k][inner], moved), k


def test_it_leads_those_after_it_as_firmly_in_two_passes(tmp_path: Path, inputs: Path) -> None:
    """In the second pass, it is these that lead."""
    firm, usual = (
        painted(inputs, tmp_path / name, exemplar=inputs / "hand.png", early_hold=hold)
        for name, hold in (("firm", 1.0), ("usual", 0.1))
    )
    for one, other in zip(firm, usual, strict=True):
        np.testing.assert_array_equal(one, other)


def test_its_losses_are_those_of_its_full_size(tmp_path: Path, inputs: Path) -> None:
    def losses(levels: int) -> list[float]:
        told: list[FrameDone] = []
        output, sizes = tmp_path / f"led-{levels}", {"levels": levels, "carried_levels": levels, "smallest": 16}
        painted(inputs, output, exemplar=inputs / "hand.png", passes=1, on_event=told.append, **sizes)
        return [*next(one for one in told if isinstance(one, FrameDone)).losses.values()]

    assert losses(2) == pytest.approx(losses(1), rel=1e-3)


def test_its_statistics_count_as_much_as_those_of_the_styles(tmp_path: Path, inputs: Path) -> None:
    """Where nothing is carried from frame to frame, its colours come to the others all the same."""
    how = {"carry": "none", "passes": 1}
    alone = painted(inputs, tmp_path / "alone", **how)
    led = painted(inputs, tmp_path / "led", exemplar=inputs / "hand.png", **how)
    hand, style = (read_picture(inputs / name).mean((0, 1)) for name in ("hand.png", "style.png"))
    orange = (hand - style) / np.linalg.norm(hand - style)
    assert float((led[-1] - alone[-1]).mean((0, 1)) @ orange) > 5.0


def test_a_frame_of_another_shape_is_refused(tmp_path: Path, inputs: Path) -> None:
    paint_picture(tmp_path / "square.png", width=40, height=40)
    job = ("video", inputs / "in", "-s", inputs / "style.png", *QUICK, "-o", tmp_path / "out")
    refused = invoke(*job, "--first", tmp_path / "square.png")
    assert refused.exit_code == 2 and "another shape" in refused.stderr
    missing = invoke(*job, "--first", tmp_path / "none.png")
    assert missing.exit_code == 2 and "none.png" in missing.stderr
    assert invoke(*job, "--first", tmp_path / "square.png", "--aspect", "1:1").exit_code == 0
    cut = read_picture(tmp_path / "out" / "frame_000001.png")
    assert cut.shape == (32, 32, 3)


def test_results_know_it(tmp_path: Path, inputs: Path) -> None:
    job = ("video", inputs / "in", "-s", inputs / "style.png", *QUICK, "-o", tmp_path / "out")
    hand = ("--first", inputs / "hand.png")
    assert invoke(*job, *hand).exit_code == 0
    record = read_record(tmp_path / "out")
    (hand_painted,) = record.exemplar
    assert hand_painted.path.name == "hand.png" and hand_painted in record.ingredients
    assert "already painted" in invoke(*job, *hand).stderr
    other = invoke(*job)
    assert other.exit_code == 1 and "--overwrite" in other.stderr
    assert "as the first frame" in invoke("replay", tmp_path / "out", "--show").stdout
    again = invoke("replay", tmp_path / "out", "-o", tmp_path / "again", "--device", "cpu")
    assert again.exit_code == 0 and f"All {FRAMES} frames equal those of out in every pixel" in again.stderr


def test_another_first_frame_is_another_job(tmp_path: Path, inputs: Path) -> None:
    paint_picture(tmp_path / "other.png", seed=3)

    def stop(event: Any) -> None:
        if isinstance(event, FrameDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painted(inputs, tmp_path / "out", exemplar=inputs / "hand.png", on_event=stop)
    with pytest.raises(Exception, match=r"differs in exemplar \("):
        painted(inputs, tmp_path / "out", exemplar=tmp_path / "other.png")
    assert len(painted(inputs, tmp_path / "out", exemplar=inputs / "hand.png")) == FRAMES


def test_its_loss_is_no_news(tmp_path: Path, inputs: Path) -> None:
    """What was painted by hand may be far from what the losses want."""
    painted(inputs, tmp_path / "led", exemplar=inputs / "hand.png", keep=True)
    store = FrameStore(tmp_path / "led.reelbrush" / "frames", range(FRAMES))
    totals = [store.record(index)["losses"]["total"] for index in range(FRAMES)]
    assert totals[0] > 2 * max(totals[1:])
    assert worst_notes(store, tiny_settings(), ALL_FRAMES) == ()


# ---- anywhere in a clip


@pytest.fixture(scope="module")
def corrected(inputs: Path) -> Path:
    """Beside the others: `last.png` is the last frame, turned to blue."""
    last = read_picture(inputs / "in" / f"{FRAMES - 1}.png").astype(float)
    write_picture(inputs / "last.png", (0.4 * last + 0.6 * np.array([0.0, 90.0, 255.0])).astype(np.uint8))
    return inputs


@pytest.mark.parametrize(("text", "at"), [
    ("a.png", None), ("a.png@0", 0), ("a.png@60", 60), ("a.png@1.5s", Fraction(3, 2)), ("a@b.png", None),
    ("a@1.png", None), ("there@3", None), ("there@3@5", 5), ("@there", None), ("@there@5", 5),
])  # fmt: skip
def test_how_a_frame_is_named(tmp_path: Path, text: str, at: int | Fraction | None) -> None:
    for file in ("there@3", "@there"):
        (tmp_path / file).touch()
    found = parse_exemplar(text, tmp_path)
    name = text if at is None else text.rpartition("@")[0]
    assert found == Exemplar(tmp_path / name, at) and parse_exemplar(found.text) == found
    assert exemplars_from_json(exemplars_as_json([found])) == (found,)


def test_a_name_is_needed() -> None:
    for text in ("", "@3"):
        with pytest.raises(UsageError, match="is empty"):
            parse_exemplar(text)


def test_the_pull_fades_evenly_from_one_to_the_next() -> None:
    """What a frame has of the exemplar that the pass comes from, step by step."""
    shots = [(0, 4), (4, 20), (20, 30)]
    back = shares_kept(Pass(2, 3, 30), [6, 11, 15, 20], shots)
    assert sorted(back) == [4, 5, *range(7, 11), *range(12, 15)], "within the shot, up to the last exemplar"
    assert back[4] == back[5] == 0.0, "before the first one, nothing else pulls"
    for a, b in ((6, 11), (11, 15)):
        share = 1.0
        for index in range(b - 1, a, -1):
            share *= 1 - back[index]
            assert share == pytest.approx((index - a) / (b - a))
    forth = shares_kept(Pass(3, 3, 30), [6, 11], shots)
    assert forth == pytest.approx({10: 1 / 2, 9: 1 / 3, 8: 1 / 4, 7: 1 / 5})
    assert shares_kept(Pass(1, 3, 30), [6, 11], shots) == {}


def test_the_frames_before_one_are_led_as_well_in_two_passes(tmp_path: Path, corrected: Path) -> None:
    hand = read_picture(corrected / "last.png").astype(float)
    led = {passes: painted(corrected, tmp_path / f"led{passes}", exemplar={FRAMES - 1: corrected / "last.png"},
                           passes=passes) for passes in (1, 2)}  # fmt: skip
    for passes in (1, 2):
        np.testing.assert_array_equal(led[passes][-1], hand)
    for k in range(FRAMES - 1):
        # What stands at x in the last frame stood so many pixels to the right before.
        shift = FRAMES - 1 - k
        moved, inner = hand[4:-4, 4 : 44 - shift], np.s_[4:-4, 4 + shift : 44]
        assert off(led[2][k][inner], moved) < 0.5 * off(led[1][k][inner], moved), k


def test_between_two_the_colours_go_from_one_to_the_other(tmp_path: Path, corrected: Path) -> None:
    # A folder plays at 24 frames a second.
    both = {0: corrected / "hand.png", f"{(FRAMES - 1) / 24:.4f}s": corrected / "last.png"}
    found = painted(corrected, tmp_path / "both", exemplar=both)
    blue = [image[4:-4, 4:-4, 2].mean() - image[4:-4, 4:-4, 0].mean() for image in found]
    middle = (blue[0] + blue[-1]) / 2
    assert abs(blue[1] - middle) < 0.3 * (blue[-1] - blue[0])


def test_what_shows_the_same_goes_from_one_to_the_other_as_well(tmp_path: Path, corrected: Path) -> None:
    (tmp_path / "still").mkdir()
    for number in range(4):
        shutil.copy(corrected / "in" / "0.png", tmp_path / "still" / f"{number}.png")
    stylize_video(tmp_path / "still", corrected / "style.png", tmp_path / "out", **{**SMALL, "passes": 2},
                  exemplar={0: corrected / "hand.png", 3: corrected / "last.png"})  # fmt: skip
    blue = [float((image[..., 2].astype(int) - image[..., 0]).mean()) for image in pictures(tmp_path / "out")]
    assert blue == sorted(blue) and blue[0] < blue[1] < blue[2] < blue[3]


def test_over_a_cut_only_its_statistics_reach(tmp_path: Path, corrected: Path) -> None:
    """The other shot is painted as if the exemplar were one more style, to the bit."""
    moving_folder(tmp_path / "in", 4, cut=2)
    how: dict[str, Any] = {**SMALL, "passes": 2, "cuts": "2"}
    led, alone = tmp_path / "led", tmp_path / "alone"
    style, hand = corrected / "style.png", corrected / "hand.png"
    stylize_video(tmp_path / "in", style, led, exemplar={1: hand}, **how)
    stylize_video(tmp_path / "in", [style, hand], alone, **how)
    a, b = pictures(led), pictures(alone)
    np.testing.assert_array_equal(a[2:], b[2:])
    assert off(a[0].astype(float), b[0].astype(float)) > 1.0, "in its own shot it leads"


def test_numbers_count_from_the_start_of_the_input(tmp_path: Path, corrected: Path) -> None:
    found = painted(corrected, tmp_path / "part", exemplar={2: corrected / "last.png"}, frames=(1, 3), passes=1)
    np.testing.assert_array_equal(found[1], read_picture(corrected / "last.png"))


@pytest.mark.parametrize(("given", "code", "says"), [
    (["last.png@3"], 2, "there is no such frame. The last of in is number 2"),
    (["last.png@9s"], 2, "there is no such frame"),
    (["last.png@0"], 2, "not among those that are painted"),
    (["last.png@1", "hand.png"], 2, "are for the same frame"),
    (["in@1"], 2, "in"),
    (["text.png@1"], 1, "this is not a picture"),
])  # fmt: skip
def test_mistakes_are_told_before_anything_is_painted(
    tmp_path: Path, corrected: Path, given: list[str], code: int, says: str
) -> None:
    (corrected / "text.png").write_text("no picture")
    words = [word for one in given for word in ("--exemplar", f"{corrected}/{one}")]
    result = invoke("video", corrected / "in", "-s", corrected / "style.png", *QUICK, "-o", tmp_path / "out",
                    "--frames", "1:3", *words)  # fmt: skip
    assert result.exit_code == code and says in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_in_one_pass_a_note_says_what_is_not_led(tmp_path: Path, corrected: Path) -> None:
    job = ("video", corrected / "in", "-s", corrected / "style.png", *QUICK)
    last = ("--exemplar", f"{corrected}/last.png@2")
    assert "leads only the frames that come after it" in " ".join(
        invoke(*job, "-o", tmp_path / "a", *last).stderr.split()
    )
    first = ("--exemplar", corrected / "hand.png")
    assert "leads only" not in invoke(*job, "-o", tmp_path / "b", *first).stderr


def test_a_batch_takes_them_and_knows_them_again(tmp_path: Path, corrected: Path) -> None:
    def batch(at: int) -> Any:
        settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in SMALL.items() if name != "device")
        (corrected / "job.toml").write_text(
            f'sequences = true\nstyles = "style.png"\noutput = {json.dumps(str(tmp_path / "out"))}\n'
            f"[defaults]\n{settings}"
            f'[[item]]\ninput = "in"\noutput = "led/"\nexemplar = ["last.png@{at}"]\n'
        )
        return invoke("batch", corrected / "job.toml", "--device", "cpu", "--json")

    def ended(result: Any) -> list[str]:
        assert result.exit_code == 0, result.stderr
        return [one["state"] for one in map(json.loads, result.stdout.splitlines()) if one["event"] == "item_ended"]

    assert ended(batch(2)) == ["done"]
    hand = read_picture(corrected / "last.png")
    np.testing.assert_array_equal(pictures(tmp_path / "out" / "led")[2], hand)
    (one,) = read_record(tmp_path / "out" / "led").exemplar
    assert (one.path.name, one.at) == ("last.png", 2)
    assert ended(batch(2)) == [], "it is finished"
    again = invoke("replay", tmp_path / "out" / "led", "-o", tmp_path / "again", "--device", "cpu")
    assert again.exit_code == 0 and f"All {FRAMES} frames equal" in again.stderr
    assert "--exemplar" in batch(1).stderr, "another frame is another painting"


def test_a_picture_of_a_batch_has_no_frames(tmp_path: Path, corrected: Path) -> None:
    (corrected / "still.toml").write_text(
        f'styles = "style.png"\noutput = {json.dumps(str(tmp_path / "out"))}\n'
        '[[item]]\ninput = "in/0.png"\nexemplar = ["hand.png"]\n'
    )
    result = invoke("batch", corrected / "still.toml", "--device", "cpu")
    assert result.exit_code == 1 and "exemplar is for the frames of a clip" in " ".join(result.stderr.split())


def test_a_result_of_an_earlier_version_says_it_of_its_first_frame(tmp_path: Path, corrected: Path) -> None:
    painted(corrected, tmp_path / "a", exemplar=corrected / "hand.png", passes=1)
    (new,) = read_record(tmp_path / "a").exemplar
    for path in sorted((tmp_path / "a").glob("*.png")):
        texts = read_metadata(path)
        job = json.loads(texts["job"])
        job["first"] = job.pop("exemplar")[0]
        write_picture(path, read_picture(path), metadata={**texts, "job": json.dumps(job)}, overwrite=True)
    assert read_record(tmp_path / "a").exemplar == (new,)


@pytest.mark.parametrize("drawn", ["", "@0"], ids=["the same in all frames", "that follows the motion"])
def test_every_region_has_the_statistics_of_its_own_part(tmp_path: Path, corrected: Path, drawn: str) -> None:
    """Where nothing is carried from frame to frame, the left of the exemplar colours the left, the right the right."""
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    Pillow.fromarray(mask).save(tmp_path / "left.png")
    picture = np.repeat(read_picture(corrected / "in" / "0.png").mean(2, keepdims=True), 3, 2)
    tints = np.where(mask[..., None] > 0, (110.0, 0.0, -110.0), (-110.0, 0.0, 110.0))
    write_picture(tmp_path / "two.png", np.clip(picture + tints, 0, 255).astype(np.uint8))
    paint_picture(tmp_path / "other.png", seed=4)
    how: dict[str, Any] = {"carry": "none", "passes": 1, "region": [f"{tmp_path}/left.png{drawn}={tmp_path}/other.png"]}
    alone = painted(corrected, tmp_path / "alone", **how)
    led = painted(corrected, tmp_path / "led", exemplar=tmp_path / "two.png", **how)
    change = led[-1] - alone[-1]
    red = change[..., 0] - change[..., 2]
    assert red[:, :18].mean() > 10 and red[:, 30:].mean() < -10


def test_what_comes_into_view_on_the_way_back_is_led_as_well(tmp_path: Path, corrected: Path) -> None:
    """The first columns of the first frame are to be seen in no later one."""
    moving_folder(tmp_path / "in", 9)
    last = read_picture(tmp_path / "in" / "8.png").astype(float)
    write_picture(tmp_path / "last.png", (0.3 * last + 0.7 * np.array([255.0, 120.0, 0.0])).astype(np.uint8))
    stylize_video(tmp_path / "in", corrected / "style.png", tmp_path / "led", exemplar={8: tmp_path / "last.png"},
                  **{**SMALL, "passes": 2})  # fmt: skip
    first = pictures(tmp_path / "led")[0].astype(float)
    orange = first[..., 0] - first[..., 2]
    assert orange[:, :7].mean() > 0.8 * orange[:, 12:].mean() > 30
