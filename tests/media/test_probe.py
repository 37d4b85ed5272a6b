"""A video that is looked through before anything is painted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MediaError
from pipeline.media import probe as module
from pipeline.media.decoding import decode
from pipeline.media.header import read_header
from pipeline.media.probe import probe

CLIP = Path(__file__).parents[2] / "samples" / "clip.mp4"


def test_what_the_file_says_is_read_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(2)

    def met(right: Any) -> Any:
        def looked(*arguments: Any, **named: Any) -> Any:
            meeting.wait(10)
            return right(*arguments, **named)

        return looked

    usual = probe(CLIP)
    monkeypatch.setattr(module, "read_header", met(read_header))
    monkeypatch.setattr(module, "decode", met(decode))
    told: list[tuple[int, int | None]] = []
    found = probe(CLIP, on_progress=lambda done, expected: told.append((done, expected)))
    assert found == usual and len(found.times) == told[-1][0]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("header")]


def test_a_file_that_is_no_video_is_told_of_by_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(MediaError) as of_header:
        read_header(path)
    with pytest.raises(MediaError) as of_probe:
        probe(path)
    assert str(of_probe.value) == str(of_header.value)
