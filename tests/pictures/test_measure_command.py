"""`reelbrush measure` as a person meets it, on clips that nothing had to be painted for."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pipeline.batch.plan.item import Item
from pipeline.batch.thumbnails import inspect_result
from pipeline.clip.jobs import StylePicture
from pipeline.media import open_source
from pipeline.motion.measure import LONG
from reelbrush import stylize_video
from tests.jobs import ROOT, SMALL, environment, events, invoke, moving_folder, paint_picture
from tests.media_clips import write_clip
from tests.moving import panned

COUNT = 14
PIXEL = np.zeros((1, 1, 3), np.uint8)
SHOTS = ((0, 9), (9, COUNT))


def content(number: int) -> np.ndarray:
    """A pan of two pixels a frame to the right, and after the cut another one, downwards."""
    if number < SHOTS[1][0]:
        return panned(2 * number, 0)[1]
    return 255 - panned(0, number - SHOTS[1][0])[1][:, ::-1]


def painted(image: np.ndarray, number: int) -> np.ndarray:
    """Fewer colours, and a flicker of six levels."""
    return (image // 32 * 32 + 16 + 6 * (number % 2)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`in.mp4`, and what two programs made of it: `out.mp4` of the same size, `half.gif` of half the size and rate."""
    here = tmp_path_factory.mktemp("clips")
    contents = [content(k) for k in range(COUNT)]
    paintings = [painted(image, k) for k, image in enumerate(contents)]
    size = {"width": 96, "height": 72}
    write_clip(here / "in.mp4", contents, count=COUNT, rate=10, quality="lossless", **size)
    write_clip(here / "out.mp4", paintings, count=COUNT, rate=10, quality="lossless", **size)
    small = [image[::2, ::2] for image in paintings[::2]]
    write_clip(here / "half.gif", small, count=COUNT // 2, rate=5, width=48, height=36)
    (here / "folder").mkdir()
    for number, image in enumerate(paintings):
        Pillow.fromarray(image).save(here / "folder" / f"{number}.png")
    write_clip(here / "part.mp4", paintings[2:7], count=5, rate=10, quality="lossless", **size)
    write_clip(here / "upright.mp4", [image[:, :50] for image in paintings], count=COUNT, rate=10, width=50, height=72)
    return here


@pytest.fixture
def here(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with the clips beside it."""
    for clip in clips.iterdir():
        (tmp_path / clip.name).symlink_to(clip)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str | Path) -> Any:
    return invoke("measure", *arguments, columns=100)


def done(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def refused(result: Any, code: int, *words: str) -> None:
    assert result.exit_code == code, result.stderr
    paragraph = result.stderr.splitlines()[-1]
    assert paragraph.startswith("Error: ") and not result.stdout
    for word in words:
        assert word in paragraph


def summary(*arguments: str | Path) -> dict[str, Any]:
    return events(done(run(*arguments, "--json")).stdout)[-1]


def test_the_table(here: Path) -> None:
    result = done(run("in.mp4", "out.mp4"))
    assert "14 frames of 96x72 in 2 shots (cut at 9)" in result.stdout
    assert "E_warp, from frame to frame" in result.stdout and "ratio" in result.stdout
    assert result.stdout.isascii(), "or a terminal without Unicode could not show it"
    assert not result.stderr, "so short a job needs no progress, and no note"


@pytest.mark.parametrize("pair", [("in.mp4", "out.mp4"), ("out.mp4", "in.mp4")])
def test_no_line_leaves_the_plot(here: Path, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]) -> None:
    """Whichever of the two flickers more."""
    drawn: list[Any] = []
    monkeypatch.setattr("pipeline.pictures.flicker_plot.figure_pixels", lambda figure: drawn.append(figure) or PIXEL)
    done(run(*pair, "--plot", "p.png"))
    for axes in drawn[0].axes:
        low, high = axes.get_ylim()
        values = [value for line in axes.get_lines()[:2] for value in line.get_ydata()]
        assert not values or (low <= min(values) and max(values) <= high), axes.get_title()
        assert low == 0 or axes.get_title().startswith("Colour")


def test_a_plot_has_no_boxes_for_a_name_it_has_no_letters_for(here: Path) -> None:
    Path("猫.mp4").symlink_to(Path("out.mp4").resolve())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = done(run("in.mp4", "猫.mp4", "--plot", "p.png"))
    assert "no letters here for '猫.mp4'; 'the painting' stands there instead" in " ".join(told.stderr.split())


def test_json_gives_every_frame_and_a_summary(here: Path) -> None:
    lines = events(done(run("in.mp4", "out.mp4", "--json")).stdout)
    assert [line["event"] for line in lines] == ["frame_measured"] * COUNT + ["measured"]
    assert [line["frame"] for line in lines[:-1]] == list(range(COUNT))
    assert [line["e_warp"] is None for line in lines[:-1]] == [k in (0, 9) for k in range(COUNT)]
    assert lines[3]["time"] == pytest.approx(0.3)
    last = lines[-1]
    assert (last["frames"], last["shots"], last["cuts"], last["width"], last["height"]) == (COUNT, 2, [9], 96, 72)
    # The flicker of six levels is there, whatever rounding to few colours adds.
    assert last["e_warp"] > last["e_warp_input"] + (5 / 255) ** 2
    known = [line["e_warp"] for line in lines[:-1] if line["e_warp"] is not None]
    assert last["e_warp"] == pytest.approx(np.mean(known))


def test_the_input_beside_itself_is_its_own_floor(here: Path) -> None:
    found = summary("in.mp4", "in.mp4")
    assert found["e_warp"] == found["e_warp_input"]
    assert (found["colour_drift"], found["colour_range"]) == (0, 0)


def test_a_folder_is_matched_by_number(here: Path) -> None:
    found, same = summary("in.mp4", "folder"), summary("in.mp4", "out.mp4")
    assert found["e_warp"] == pytest.approx(same["e_warp"], rel=0.1)
    assert found["frames"] == COUNT


def test_a_gif_of_half_the_size_and_rate(here: Path) -> None:
    result = done(run("in.mp4", "half.gif"))
    assert "7 frames of 48x36" in result.stdout
    assert "note: in.mp4 has 14 frames (10 a second), half.gif has 7 (5)" in result.stderr


def test_a_part_of_the_input(here: Path) -> None:
    refused(run("in.mp4", "part.mp4"), 2, "part.mp4", "--frames A:B")
    assert summary("in.mp4", "part.mp4", "--frames", "2:7")["frames"] == 5


def test_cuts_can_be_told(here: Path) -> None:
    assert summary("in.mp4", "out.mp4", "--cuts", "none")["shots"] == 1
    found = summary("in.mp4", "out.mp4", "--cuts", "3, 9")
    assert (found["shots"], found["cuts"]) == (3, [3, 9])
    refused(run("in.mp4", "out.mp4", "--cuts", "99"), 2, "99", "14 frames")
    part = ("in.mp4", "part.mp4", "--frames", "2:7", "--cuts", "1,4")
    told = done(run(*part))
    assert "2 shots (cut at 4)" in told.stdout and "names frame 1, which is not among" in told.stderr
    assert summary(*part)["cuts"] == [2], "the lines of --json count what is compared"
    refused(run("in.mp4", "out.mp4", "--cuts", "never"), 2, "never", "24,57")


def test_the_seam_of_a_loop(here: Path) -> None:
    """A pan there and back: the last frame is as far from the first as neighbours are. The painting jumps there."""
    there = [panned(2 * number, 0)[1] for number in range(4)]
    contents = [*there, *there[-2:0:-1]]
    paintings = [
        np.minimum(255, image.astype(int) + 10 * number).astype(np.uint8) for number, image in enumerate(contents)
    ]
    for name, images in (("sway.mp4", contents), ("painted.mp4", paintings)):
        write_clip(here / name, images, count=6, rate=10, quality="lossless", width=96, height=72)
    found = summary("sway.mp4", "painted.mp4", "--cuts", "none", "--loop")
    assert found["e_warp_seam"] > 10 * found["e_warp"]
    assert found["e_warp_seam_input"] == pytest.approx(found["e_warp_input"], rel=1)
    assert "from the last frame to the first" in done(run("sway.mp4", "painted.mp4", "--cuts", "none", "--loop")).stdout
    assert found["compared_seam"] > 0.5 and not [note for note in found["notes"] if "cuts" in note]
    plain = summary("sway.mp4", "painted.mp4", "--cuts", "none")
    assert "e_warp_seam" not in plain
    assert plain["e_warp"] == found["e_warp"]


def test_a_seam_across_cuts_is_told_for_what_it_is(here: Path) -> None:
    found = summary("in.mp4", "out.mp4", "--cuts", "3,9", "--loop")
    (note,) = [note for note in found["notes"] if "no loop" in note]
    assert "from the last frame (13, in shot 3) to the first (0, in shot 1)" in note
    assert f"in the {found['compared_seam']:.0%} of the picture" in note
    assert "no loop" in done(run("in.mp4", "out.mp4", "--cuts", "3,9", "--loop")).stderr
    assert not [note for note in summary("in.mp4", "out.mp4", "--cuts", "3,9")["notes"] if "no loop" in note]


def test_compared_at_another_size(here: Path) -> None:
    found = summary("in.mp4", "out.mp4", "--size", "48")
    assert (found["width"], found["height"]) == (48, 36)


def test_plot_and_heat_map(here: Path) -> None:
    result = done(run("in.mp4", "out.mp4", "--plot", "p.png", "--heatmap", "h.mp4", "--json"))
    assert events(result.stdout)[-1]["outputs"] == ["p.png", "h.mp4"]
    assert result.stderr.splitlines()[-2:] == ["p.png", "h.mp4"]
    with Pillow.open("p.png") as plot:
        assert plot.size == (1500, 900)
    shown = open_source("h.mp4")
    assert shown.info.times == tuple(Fraction(k, 10) for k in range(COUNT))
    images = [frame.image for frame in shown.frames()]
    panel = shown.info.width // 2
    below = shown.info.height - panel * 72 // 96
    bright = [image[:-below, panel:].mean() for image in images]
    # Nothing to compare with in the first frame of a shot.
    assert max(bright[0], bright[9]) < 3 and min(bright[1:9]) > 9
    left = images[5][:-below, :panel][panel // 96 // 2 :: panel // 96, panel // 96 // 2 :: panel // 96]
    assert np.abs(left.astype(int) - painted(content(5), 5)).mean() < 12


def test_nothing_is_replaced_unasked(here: Path) -> None:
    for option, name in (("--plot", "p.png"), ("--heatmap", "h.mp4")):
        (here / name).write_text("mine")
        refused(run("in.mp4", "out.mp4", option, name), 1, name, "--overwrite")
        assert (here / name).read_text() == "mine"
    done(run("in.mp4", "out.mp4", "--plot", "p.png", "--overwrite"))
    assert (here / "p.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("in.mp4", "none.mp4"), 2, ("none.mp4", "no such file")),
        (("in.mp4", "upright.mp4"), 2, ("proportions",)),
        (("in.mp4", "folder/0.png"), 2, ("only one frame",)),
        (("in.mp4", "out.mp4", "--plot", "p.bmp"), 2, ("p.bmp", ".png")),
        (("in.mp4", "out.mp4", "--heatmap", "h.png"), 2, ("h.png", ".mp4")),
        (("in.mp4", "out.mp4", "--heatmap", "in.mp4", "--overwrite"), 2, ("in.mp4", "replace")),
        (("in.mp4", "out.mp4", "--plot", "x.png", "--heatmap", "x.png"), 2, ("same file",)),
        (("in.mp4", "out.mp4", "--frames", "7"), 2, ("--frames",)),
    ],
)
def test_what_is_refused(here: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    before = {path.name for path in here.iterdir()}
    refused(run(*arguments), code, *words)
    assert {path.name for path in here.iterdir()} == before


def test_an_error_is_a_json_line_too(here: Path) -> None:
    result = run("in.mp4", "upright.mp4", "--json")
    (line,) = events(result.stdout)
    assert (line["event"], line["exit_code"]) == ("error", 2)


def test_ended_from_outside_it_leaves_nothing(here: Path) -> None:
    code = (
        "import cli, os, signal, pipeline.pictures.heatmap as h\n"
        "put = h.Heatmap.put\n"
        "def stop(self, m): put(self, m); m.measure.frame == 5 and os.kill(os.getpid(), signal.SIGTERM)\n"
        "h.Heatmap.put = stop\n"
        "cli.app(['measure', 'in.mp4', 'out.mp4', '--heatmap', 'h.mp4'])"
    )
    before = {path.name for path in here.iterdir()}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=here, env=environment(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 143, found.stderr
    assert "Interrupted." in found.stderr and "Traceback" not in found.stderr
    assert {path.name for path in here.iterdir()} == before


def test_too_short_for_long_pairs_is_no_error(here: Path) -> None:
    found = summary("in.mp4", "out.mp4")
    assert found["e_warp_long"] is None and SHOTS[0][1] <= LONG
    done(run("in.mp4", "out.mp4", "--plot", "p.png"))


def test_measuring_needs_no_torch_and_matplotlib_only_to_draw(here: Path) -> None:
    """Torch takes seconds to start, Matplotlib half of one."""
    code = (
        "import sys, cli\n"
        "try: cli.app(sys.argv[1:])\n"
        "except SystemExit: print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, "measure", "in.mp4", "out.mp4", "--json"],
        cwd=here, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *lines, modules = found.stdout.splitlines()
    assert modules == "[]"
    assert json.loads(lines[-1])["event"] == "measured"


def test_between_bars_the_picture_is_measured_and_not_the_bars(tmp_path: Path) -> None:
    source, style = moving_folder(tmp_path / "in", 4), paint_picture(tmp_path / "style.png", seed=9)
    how = {**SMALL, "steps": 2, "carried_steps": 1, "codec": "ffv1"}
    stylize_video(source, style, tmp_path / "plain.mkv", **how)
    stylize_video(source, style, tmp_path / "bars.mkv", aspect="1:1", pad="black", **how)
    assert open_source(tmp_path / "bars.mkv").info.height == 48
    found = [events(done(run(source, tmp_path / f"{name}.mkv", "--json")).stdout)[-1] for name in ("plain", "bars")]
    assert found[0]["e_warp"] > 0
    for key in ("width", "height", "e_warp", "e_warp_input", "compared", "sharpness", "lightness_drift"):
        assert found[0][key] == found[1][key], key
    assert "The 48x32 between the bars of bars.mkv are measured." in found[1]["notes"]
    item = Item("bars.mkv", source, (StylePicture(style),), tmp_path / "bars.mkv")
    flicker = [
        inspect_result(replace(item, output=tmp_path / f"{name}.mkv", pad=pad, aspect=pad and "1:1")).flicker
        for name, pad in (("plain", None), ("bars", "#000000"))
    ]
    assert flicker[0] == flicker[1]
