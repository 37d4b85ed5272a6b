"""Files of which something is broken: only pictures that are painted count."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_clips import clip, copy_clip, ffmpeg, images_of, sound_packets

from pipeline.errors import MediaError
from pipeline.media import open_source
from pipeline.media.decoding import Decoded, decode
from pipeline.media.ffmpeg import address, complaint
from pipeline.media.header import Header, read_header

H264 = ("-c:v", "libx264", "-g", "10", "-bf", "2")


def without_packet(whole: Path, into: Path, stream: int, share: float) -> Path:
    """A transport stream without one of the packets of a stream, 0 for pictures; in the middle of what it carries."""
    data = whole.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    # Neither one that a frame begins with, nor one that tells the clock alone.
    inner = ((k, one) for k, one in enumerate(packets) if one[3] & 16 and not one[1] & 64)
    mine = [k for k, one in inner if ((one[1] & 31) << 8 | one[2]) == 256 + stream]
    del packets[mine[int(len(mine) * share)]]
    into.write_bytes(b"".join(packets))
    return into


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("broadcast") / "whole.ts"
    return clip(path, frames=75, sound=True, extra=(*H264, "-c:a", "mp2", "-muxrate", "500k"))


def complained(path: Path, frames: int) -> None:
    info = open_source(path).info
    assert (info.frames, info.rate, info.variable) == (frames, 25, False)
    assert any(
        note.startswith("ffmpeg complained, though every picture that is painted is there: ") for note in info.notes
    )


def test_a_lost_packet_of_sound_is_no_damage(tmp_path: Path, broadcast: Path) -> None:
    lost = without_packet(broadcast, tmp_path / "lost.ts", 1, 0.5)
    complained(lost, 75)
    for one, other in zip(images_of(lost), images_of(broadcast), strict=True):
        np.testing.assert_array_equal(one, other)
    copy_clip(open_source(lost), tmp_path / "out.mkv")
    assert sound_packets(tmp_path / "out.mkv")[-1][0] > 2.8, "what comes after it is heard"


def test_recordings_that_were_put_together_are_no_damage(tmp_path: Path, broadcast: Path) -> None:
    for number, offset in enumerate(("500", "20")):
        part = address(tmp_path / f"{number}.ts")
        ffmpeg("-i", address(broadcast), "-c", "copy", "-output_ts_offset", offset, part)
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "0.ts").read_bytes() + (tmp_path / "1.ts").read_bytes())
    complained(joined, 150)
    assert open_source(joined).info.duration == 6
    copy_clip(open_source(joined), tmp_path / "out.mkv")
    assert 5.8 < sound_packets(tmp_path / "out.mkv")[-1][0] < 6.1


def test_a_reference_to_chapters_that_are_not_there_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=8\ntitle=one\n")
    whole = address(clip(tmp_path / "plain.mp4"))
    chapters = ("-f", "ffmetadata", "-i", address(tmp_path / "c.txt"), "-map_chapters", "1")
    ffmpeg("-i", whole, *chapters, "-c", "copy", address(tmp_path / "whole.mp4"))
    data = (tmp_path / "whole.mp4").read_bytes()
    reference = bytes.fromhex("0000000c") + b"chap" + bytes.fromhex("00000002")
    assert data.count(reference) == 1
    (tmp_path / "odd.mp4").write_bytes(data.replace(reference, reference[:-1] + b"\x63"))
    complained(tmp_path / "odd.mp4", 20)


def test_times_that_run_backwards_are_no_damage(tmp_path: Path) -> None:
    """As ffmpeg writes H.264 with B-frames into an MXF."""
    clip(tmp_path / "in.mxf", frames=25, extra=("-c:v", "libx264"))
    complained(tmp_path / "in.mxf", 25)
    assert len(images_of(tmp_path / "in.mxf")) == 25


def test_a_slice_goes_past_a_break(tmp_path: Path, broadcast: Path) -> None:
    broken = without_packet(broadcast, tmp_path / "broken.ts", 0, 0.2)
    with pytest.raises(MediaError, match=r"--frames 0:(\d+) or --frames (\d+):") as caught:
        open_source(broken)
    told = re.search(r"--frames 0:(\d+) or --frames (\d+):", str(caught.value))
    assert told
    good, again = int(told[1]), int(told[2])
    assert 5 < good < again < 60
    whole = images_of(broadcast)
    assert all(map(np.array_equal, images_of(broken, frames=(0, good)), whole))
    after = images_of(broken, frames=(again, None))
    assert 10 < len(after) < 75 - good
    for one, other in zip(after, whole[-len(after) :], strict=True):
        np.testing.assert_array_equal(one, other)
    info = open_source(broken, frames=(again, again + 5)).info
    assert info.frames == 5 and any(note.endswith(", before the first one.") for note in info.notes)
    assert open_source(broken, frames=(Fraction(5, 2), None)).info.frames < 20
    for inside in ((good, None), (0, again), (Fraction(1, 2), None)):
        with pytest.raises(MediaError, match="good before the break"):
            open_source(broken, frames=inside)


def zeroed(whole: Path, into: Path, at: float) -> Path:
    """A file with 24 bytes of 0 in it, the share `at` from its beginning."""
    data = bytearray(whole.read_bytes())
    place = int(len(data) * at)
    data[place : place + 24] = bytes(24)
    into.write_bytes(data)
    return into


def refused_with_a_word(path: Path) -> bool:
    """Whether a decoder says of damage what it is, beside marking the frame."""
    try:
        open_source(path)
    except MediaError:
        return bool(complaint(decode(path, read_header(path), None, lenient=True).decoder))
    return False


def test_a_mark_that_is_lost_among_threads_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several threads decode, ffmpeg now and then forgets to say that it guessed a frame, and leaves with 0."""

    def forgetful(path: Path, header: Header, stop: int | None, *other: Any, **how: Any) -> Decoded:
        decoded = decode(path, header, stop, *other, **how, lenient=True)
        return replace(decoded, decoder=tuple(line for line in decoded.decoder if "corrupt decoded" not in line))

    whole = clip(tmp_path / "whole.mp4", frames=60, size="320x240", extra=(*H264, "-movflags", "+faststart"))
    # A decoder does not notice everything, nor say of all that it notices what it is.
    files = [zeroed(whole, tmp_path / f"{share}.mp4", share / 10) for share in range(3, 9)]
    refused = [path for path in files if refused_with_a_word(path)]
    assert refused
    monkeypatch.setattr("pipeline.media.probe.decode", forgetful)
    for broken in refused:
        with pytest.raises(MediaError, match="good before the break") as caught:
            open_source(broken)
        good = re.search(r"--frames 0:(\d+)", str(caught.value))
        assert good
        for one, other in zip(images_of(broken, frames=(0, int(good[1]))), images_of(whole), strict=False):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mkv", ("ffv1", "-level", "3", "-slicecrc", "1", "-vf", "noise=alls=40:allf=t")),
        ("a.avi", ("mjpeg", "-q:v", "2", "-huffman", "default")),
    ],
)
def test_frames_that_a_decoder_complains_about_are_not_called_whole(
    tmp_path: Path, name: str, codec: tuple[str, ...]
) -> None:
    """It does not mark what it could not decode as guessed, and a player shows it, broken."""
    whole = clip(tmp_path / f"whole_{name}", frames=20, extra=("-c:v", *codec))
    broken = zeroed(whole, tmp_path / name, 0.6)
    differ = [k for k, (a, b) in enumerate(zip(images_of(broken), images_of(whole), strict=True)) if (a != b).any()]
    assert differ
    told = [note for note in open_source(broken).info.notes if "complained" in note]
    near = re.search(r"near number (\d+), which may be damaged: ", told[0])
    assert len(told) == 1 and near and abs(int(near[1]) - differ[0]) <= 4
    assert not any("may be damaged" in note for note in open_source(broken, frames=(0, differ[0] - 2)).info.notes)


FRAGMENTED = (*H264, "-movflags", "frag_keyframe+empty_moov+default_base_moof")


def test_a_recording_that_is_cut_off_between_two_pieces(tmp_path: Path) -> None:
    """Where the table of a piece is not whole, ffmpeg ends with the piece before, in silence."""
    whole = clip(tmp_path / "whole.mp4", frames=60, extra=FRAGMENTED)
    data = whole.read_bytes()
    assert open_source(whole).info.frames == 60
    fourth = [found.start() - 4 for found in re.finditer(b"moof", data)][3]
    files = {name: data[: fourth + more] for name, more in (("size", 3), ("name", 8), ("inside", 20))}
    files["garbage"] = data[: fourth + 8] + b"\x55" * (len(data) - fourth - 8)
    for name, cut in files.items():
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(cut)
        with pytest.raises(MediaError, match=r"30 frames are good .*--frames 0:30"):
            open_source(path)
        good = images_of(path, frames=(0, 30))
        assert len(good) == 30
        for one, other in zip(good, images_of(whole, frames=(0, 30)), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("more", [b"", bytes(5000), b"\0\0\0\x20free" + bytes(24)])
def test_what_only_follows_a_recording_is_no_damage(tmp_path: Path, more: bytes) -> None:
    for name, how in (("pieces.mp4", FRAGMENTED), ("plain.mp4", H264), ("plain.mkv", H264)):
        path = clip(tmp_path / name, frames=20, extra=how)
        path.write_bytes(path.read_bytes() + (more if name.endswith("mp4") else b""))
        assert (open_source(path).info.frames, open_source(path).info.notes) == (20, ())
