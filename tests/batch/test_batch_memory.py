"""That the memory of a batch does not grow with the length of its clips."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from batch_trials import QUICK
from batches import MARK, workers_of
from jobs import ROOT, paint_picture, start
from media_clips import ffmpeg

from pipeline.media.ffmpeg import address

SHORT, LONG = 100, 3000
WIDTH, HEIGHT = 48, 32
# Freed memory goes back at once, so that what a process has is what it uses: what VGG-19 takes while it is read would
# leave room for every frame of a clip.
GIVEN_BACK = "import pipeline.network.memory\npipeline.network.memory.keep_freed_memory = lambda: False\n"
EVEN = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072:glibc.malloc.arena_max=1"}
LEAST = ("--preset", "draft", "--steps", "1", "--carried-steps", "1")


def taken(pid: int) -> int:
    """The memory that a process has, in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def peaks(folder: Path, frames: int) -> dict[str, int]:
    """The most memory of the driver and of its worker while they paint a clip of so many frames, all different."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GIVEN_BACK)
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25", "-vf", "scroll=horizontal=0.03"),
        *("-frames:v", str(frames), "-pix_fmt", "yuv420p", "-crf", "10", address(folder / "clip.mp4")),
    )
    style = paint_picture(folder / "ink.png", seed=7)
    command = ("batch", folder / "clip.mp4", "--style", style, "-o", folder / "out", *QUICK, *LEAST, "--json")
    process = start(*command, **{MARK: str(folder)}, **EVEN, PYTHONPATH=os.pathsep.join([str(folder), str(ROOT)]))
    found = {"driver": 0, "worker": 0}
    worker = 0
    assert process.stdout is not None
    for number, line in enumerate(process.stdout):
        event = json.loads(line)["event"]
        if event == "started":
            (worker,) = workers_of(folder)
        # Both are alive until the last line has been read, or shortly after.
        if worker and (number % 50 == 0 or event not in ("frame_done", "batch_ended")):
            for name, pid in (("driver", process.pid), ("worker", worker)):
                found[name] = max(found[name], taken(pid))
    assert process.wait() == 0, process.communicate()[1]
    process.communicate()
    return found


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_thousands_of_frames_take_no_more_memory_than_a_hundred(tmp_path: Path) -> None:
    short, long = (peaks(tmp_path / str(frames), frames) for frames in (SHORT, LONG))
    for name in ("driver", "worker"):
        grown = long[name] - short[name]
        # Small frames are little beside what Python and torch take, and yet nobody keeps every one of them.
        assert grown <= 0.7 * (LONG - SHORT) * WIDTH * HEIGHT * 3, name
