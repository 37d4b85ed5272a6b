"""A picture with its story, given again: when all of it is done, and when an earlier run got no farther than a part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jobs import QUICK, SMALL, invoke, paint_picture

from pipeline.media.writing import write_picture
from pipeline.pictures import story_job
from reelbrush import stylize_image

STORY = ("--story-frames", "6", "--story-size", "32", "--keep")


@pytest.fixture
def job(tmp_path: Path) -> tuple[Any, ...]:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    output = tmp_path / "out" / "o.png"
    output.parent.mkdir()
    return ("image", content, "-s", style, "-o", output, "--story", output.with_suffix(".gif"), *STORY, *QUICK)


def stamps(job: tuple[Any, ...]) -> dict[str, int]:
    folder = Path(job[5]).parent
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


ALL = ["o.gif", "o.png", "o.png.reelbrush"]


@pytest.mark.parametrize(
    ("ends_in", "left"), [("store_snapshots", ["o.png"]), ("_write", ["o.png", "o.png.reelbrush"])]
)
def test_what_is_missing_is_made_and_what_is_there_stays(
    job: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, ends_in: str, left: list[str]
) -> None:
    def gone(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(story_job, ends_in, gone)
        assert invoke(*job).exit_code == 130
    before = stamps(job)
    assert sorted(before) == left
    assert invoke(*job).exit_code == 0
    after = stamps(job)
    assert sorted(after) == ALL and before.items() <= after.items()
    again = invoke(*job)
    assert again.exit_code == 0 and "already painted" in again.stderr + again.stdout and stamps(job) == after


def test_what_is_another_is_not_replaced(job: tuple[Any, ...]) -> None:
    assert invoke(*job).exit_code == 0
    before = stamps(job)
    for more in (("--steps", "7"), ("--story-frames", "7"), ("--panels",)):
        refused = invoke(*job, *more)
        assert refused.exit_code == 1 and "exists already" in refused.stderr, more
    assert stamps(job) == before
    assert invoke(*job, "--panels", "--overwrite").exit_code == 0
    assert all(after > before[name] for name, after in stamps(job).items())


def test_from_python_as_well(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=5)
    how = {key: value for key, value in SMALL.items() if key not in ("carried_steps", "passes")}
    first = stylize_image(content, style, tmp_path / "o.jpg", **how)
    again = stylize_image(content, style, tmp_path / "o.jpg", **how)
    assert again.painted.steps == 0 and again.painted.losses == first.painted.losses
    assert again.image.shape == first.image.shape
    # One that is cut off is none.
    whole = (tmp_path / "o.jpg").read_bytes()
    (tmp_path / "o.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Exception, match="exists already"):
        stylize_image(content, style, tmp_path / "o.jpg", **how)
    write_picture(tmp_path / "o.jpg", first.image, overwrite=True)
    with pytest.raises(Exception, match="exists already"):
        stylize_image(content, style, tmp_path / "o.jpg", **how)
