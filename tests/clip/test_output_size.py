"""What is painted of the input, and at which size it is written: from one end of a job to the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jobs import SMALL, invoke, paint_picture, pictures
from PIL import Image as Pillow
from tiny import picture

from pipeline.batch.plan.batch import plan_job_file
from pipeline.clip.events import Event, Started
from pipeline.clip.framing import parse_aspect, parse_colour, parse_output_size
from pipeline.clip.jobs import ReplayJob
from pipeline.clip.record_reading import read_record
from pipeline.clip.replay import run_replay
from pipeline.errors import OutputError, UsageError
from pipeline.media import resize
from pipeline.media.reframe import enlarged
from reelbrush import stylize_image, stylize_video

HOW = {**SMALL, "size": 24, "steps": 2, "carried_steps": 1}
NOTHING = {"alpha": "flatten", "depth": None, "hdr": "sdr"}
"""What is not said of the rest."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "in").mkdir()
    for number in range(2):
        Pillow.fromarray(picture(54, 96, seed=3)[:, number:][:, :95]).save(folder / "in" / f"{number}.png")
    return folder / "in", paint_picture(folder / "style.png", seed=9)


def notes_of(told: list[Event]) -> list[str]:
    return [note for event in told if isinstance(event, Started) for note in event.notes]


def test_a_clip_is_written_larger_than_it_is_painted_and_its_frames_are_kept_as_they_are_painted(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    source, style = inputs
    told: list[Event] = []
    stylize_video(source, style, tmp_path / "out", keep=True, on_event=told.append, **HOW)
    small = pictures(tmp_path / "out")
    assert [image.shape for image in small] == [(14, 24, 3)] * 2
    assert any("Painted at 24x14 of 95x54" in note and "output_size source" in note for note in notes_of(told))
    with pytest.raises(OutputError, match="overwrite=True"):
        stylize_video(source, style, tmp_path / "out", keep=True, output_size="source", **HOW)
    told.clear()
    # Its frames are those of the other size: none of them is painted again.
    again = stylize_video(
        source, style, tmp_path / "out", keep=True, output_size="source", overwrite=True, on_event=told.append, **HOW
    )
    assert again.painted == 0
    assert any("Painted at 24x14 of 95x54, enlarged to 95x54" in note for note in notes_of(told))
    content = pictures(source)
    for found, painting, whole in zip(pictures(tmp_path / "out"), small, content, strict=True):
        np.testing.assert_array_equal(found, enlarged(painting, whole, 95, 54))
    assert stylize_video(source, style, tmp_path / "out", keep=True, output_size="source", **HOW).painted == 0


def test_shape_bars_and_size_are_recorded_and_replayed(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    how = {"aspect": "1:1", "pad": "white", "output_size": 48}
    stylize_video(source, style, tmp_path / "out.mkv", codec="ffv1", quality="lossless", **how, **HOW)
    record = read_record(tmp_path / "out.mkv")
    assert record.framing == {"aspect": "1:1", "pad": "#ffffff", "output_size": 48, **NOTHING}
    replayed = run_replay(ReplayJob(tmp_path / "out.mkv", tmp_path / "again.mkv", source, (style,), device="cpu"))
    assert (replayed.frames, replayed.differing) == (2, 0)


def test_a_picture_is_cropped_painted_and_enlarged(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    content = source / "0.png"
    told: list[Event] = []
    how = {**HOW, "size": 20}
    del how["carried_steps"], how["passes"]
    painted = stylize_image(content, style, tmp_path / "o.png", aspect="10:9", output_size="source",
                            on_event=told.append, **how)  # fmt: skip
    whole = np.array(Pillow.open(content))[:, 17:77]
    assert painted.image.shape == (54, 60, 3) and painted.painted.image.shape == painted.content.shape == (18, 20, 3)
    np.testing.assert_array_equal(painted.content, resize(whole, 20, 18))
    np.testing.assert_array_equal(painted.image, enlarged(painted.painted.image, whole, 60, 54))
    assert notes_of(told) == [
        "Cropped to 10:9: the 60x54 in the middle of 95x54.",
        "Painted at 20x18 of 60x54, enlarged to 60x54 with the fine detail of the input.",
    ]
    replayed = run_replay(ReplayJob(tmp_path / "o.png", tmp_path / "again.png", content, (style,), device="cpu"))
    assert replayed.differing == 0


def test_a_crop_counts_as_another_painting_and_bars_do_not(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    stylize_video(source, style, tmp_path / "out", keep=True, **HOW)
    bars = stylize_video(source, style, tmp_path / "out", keep=True, overwrite=True, aspect="1:1", pad="black", **HOW)
    assert bars.painted == 0 and pictures(tmp_path / "out")[0].shape == (24, 24, 3)
    cropped = stylize_video(
        source, style, tmp_path / "out", keep=True, overwrite=True, restart=True, aspect="1:1", **HOW
    )
    assert cropped.painted == 2 and pictures(tmp_path / "out")[0].shape == (24, 24, 3)


def test_job_files_say_it_too(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    (tmp_path / "job.toml").write_text(
        f'inputs = ["{source}/0.png"]\nstyles = ["{style}"]\noutput = "painted"\n[defaults]\naspect = "4:5"\n'
        'output_size = "source"\n[[item]]\ninput = "%s/1.png"\noutput_size = 640\npad = "black"\n' % source
    )
    found = [item.framing for item in plan_job_file(tmp_path / "job.toml").items]
    assert found == [
        {"aspect": "4:5", "pad": None, "output_size": "source", **NOTHING},
        {"aspect": "4:5", "pad": "#000000", "output_size": 640, **NOTHING},
    ]
    (tmp_path / "job.toml").write_text(
        f'inputs = ["{source}/0.png"]\nstyles = ["{style}"]\noutput = "painted"\n[defaults]\npad = "black"\n'
    )
    with pytest.raises(UsageError, match="--aspect"):
        plan_job_file(tmp_path / "job.toml")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (parse_aspect, " 18 : 32 ", "9:16"),
        (parse_aspect, "1920x1080", "16:9"),
        (parse_aspect, "0:1", None),
        (parse_aspect, "1:21", None),
        (parse_aspect, "tall", None),
        (parse_colour, "Black", "#000000"),
        (parse_colour, "#1A2b3c", "#1a2b3c"),
        (parse_colour, "plaid", None),
        (parse_output_size, "Source", "source"),
        (parse_output_size, "1920", 1920),
        (parse_output_size, 1920, 1920),
        (parse_output_size, True, None),
        (parse_output_size, "0", None),
        (parse_output_size, "99999", None),
        (parse_output_size, "-5", None),
    ],
)
def test_what_can_be_written(read, text, value) -> None:
    if value is not None:
        assert read(text) == value
        return
    with pytest.raises(UsageError, match="--"):
        read(text)


def test_bars_without_a_shape_are_refused_before_anything_is_read(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    source, style = inputs
    found = invoke("video", source, "-s", style, "-o", tmp_path / "o.mp4", "--pad", "black")
    assert found.exit_code == 2 and "--aspect" in found.stderr
