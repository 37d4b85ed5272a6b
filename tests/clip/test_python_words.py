"""Errors and notes of the calls from Python name arguments, not options of the command line, and no temporary file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import SMALL, paint_picture
from media_clips import clip, ffmpeg
from tiny import picture

from pipeline.clip.events import Event, Finished, Started
from pipeline.clip.python_words import python_words
from pipeline.errors import OutputError, ReelbrushError, StoreError, UsageError
from pipeline.media.ffmpeg import address
from reelbrush import stylize_image, stylize_video

STILL = {name: value for name, value in SMALL.items() if name not in ("carried_steps", "passes")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("replace it with --overwrite.", "replace it with overwrite=True."),
        (
            "Leave --gif-size out, or name one with --gif FILE.gif.",
            "Leave gif_size out, or name one with gif FILE.gif.",
        ),
        ("allow it with --set may_shrink=true, or --size 256", "allow it with may_shrink=true, or size 256"),
        ("/a--b/c--d.png and /x/--e: a - b -- c", "/a--b/c--d.png and /x/--e: a - b -- c"),
        ("/tmp/r-1/style_1.png: this is no picture", "style_1: this is no picture"),
        ("/tmp/r-1/frames: 3 frames; /tmp/r-1/frames/000002.png", "source: 3 frames; source, frame 2"),
    ],
)
def test_words(text: str, said: str) -> None:
    assert python_words(text, Path("/tmp/r-1")) == said


def refused(kind: type[ReelbrushError], *words: str, **job: Any) -> str:
    with pytest.raises(kind) as caught:
        stylize_image(picture(32, 48), picture(32, 48, 3), **{**STILL, **job})
    said = str(caught.value)
    assert type(caught.value) is kind and "--" not in said and "/reelbrush-" not in said
    assert all(word in said for word in words), said
    return said


def test_of_a_call(tmp_path: Path) -> None:
    output = paint_picture(tmp_path / "o.png")
    refused(OutputError, f"{output}: this exists already. Choose another name, or replace it with overwrite=True.",
            output=output)  # fmt: skip
    refused(UsageError, "Leave accept=True out to paint it.", output=tmp_path / "x.png", accept=True)
    refused(UsageError, "alpha 'x' is neither", alpha="x")
    with pytest.raises(ReelbrushError, match=r"^protected_1: this mask is 8x32") as caught:
        stylize_image(picture(32, 48), picture(32, 48, 3), protect=np.ones((32, 8), bool), **STILL)
    assert "/reelbrush-" not in str(caught.value)


def test_of_a_call_for_a_clip(tmp_path: Path) -> None:
    frames = [picture(32, 48, number) for number in range(2)]
    job = {**SMALL, "keep": True}
    stylize_video(frames, picture(32, 48, 3), tmp_path / "o", **job)
    with pytest.raises(StoreError, match=r"or restart=True to throw its frames away") as caught:
        stylize_video(frames, picture(32, 48, 3), tmp_path / "o", **{**job, "seed": 4, "overwrite": True})
    assert "--" not in str(caught.value)
    with pytest.raises(UsageError, match=r"^source: there is no frame 5\."):
        stylize_video(frames, picture(32, 48, 3), tmp_path / "p", frames="5:", **SMALL)


def test_notes_of_a_call_for_a_clip(tmp_path: Path) -> None:
    """Those told before it is painted, when it is done, and those of the result."""
    source = clip(tmp_path / "in.mp4", frames=4, rate="10")
    ffmpeg("-i", address(source), "-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy", address(tmp_path / "s.mp4"))
    told: list[Event] = []
    job = {**SMALL, "frames": (2, None), "cuts": "1,3", "alpha": "keep", "on_event": told.append}
    result = stylize_video(tmp_path / "s.mp4", picture(32, 48, 3), tmp_path / "o.mov", **job)
    begun, done = (next(one for one in told if isinstance(one, kind)) for kind in (Started, Finished))
    assert "Nothing in the clip is transparent, so there is nothing for alpha keep to keep." in begun.notes
    assert any(note.startswith("cuts names frame 1, which is not among") for note in begun.notes)
    assert any(note.endswith("; shortest=True cuts it.") for note in result.notes) and done.notes == result.notes
    assert not [note for note in (*begun.notes, *begun.deadline_notes, *result.notes) if "--" in note]
