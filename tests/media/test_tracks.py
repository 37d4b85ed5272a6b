"""What is beside the pictures: audio tracks, subtitles, chapters, tags; kept, cut and moved, or said to be gone."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from media_clips import clip, copy_clip, ffmpeg

from pipeline.errors import OutputError, UsageError
from pipeline.media import open_source
from pipeline.media.ffmpeg import address, run
from pipeline.media.file_streams import Contents, read_contents
from pipeline.media.listing import packets
from pipeline.media.muxing import Muxing

TAGS = {
    "title": "Sea; #1 = mine\\\nat noon", "artist": "Ann", "creation_time": "2020-01-02T03:04:05.000000Z",
    "comment": "hello", "location": "+48.1+11.5/", "make": "Phone",
}  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with a commentary in front of the film's own sound, subtitles of two kinds, chapters and tags."""
    folder = tmp_path_factory.mktemp("film")
    path = folder / "film.mkv"
    (folder / "s.srt").write_text("1\n00:00:00,200 --> 00:00:01,500\nHello\n\n2\n00:00:01,600 --> 00:00:01,900\nTwo\n")
    (folder / "font.ttf").write_bytes(b"no font")
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    (folder / "c.txt").write_text(
        ";FFMETADATA1\n" + chapter.format(0, 1000, "o=ne") + chapter.format(1000, 2000, "two")
    )
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2", "-f", "lavfi", "-i", "sine=f=300:d=2"),
        *("-f", "lavfi", "-i", "sine=f=2000:d=2", "-i", address(folder / "s.srt"), "-i", address(folder / "c.txt")),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "3", "-map_metadata", "4", "-map_chapters", "4"),
        *("-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s:0", "srt", "-c:s:1", "ass"),
        *("-attach", address(folder / "font.ttf"), "-metadata:s:t", "mimetype=font/ttf"),
        *("-metadata:s:a:0", "title=Commentary", "-metadata:s:a:1", "language=ger", "-metadata:s:s:0", "language=eng"),
        *("-disposition:a:0", "comment", "-disposition:a:1", "default", "-disposition:s:1", "forced"),
        *(part for name, value in TAGS.items() for part in ("-metadata", f"{name}={value}")),
        address(path),
    )
    return path


def pitches(path: Path) -> list[int]:
    """The pitch of each audio track, in Hz."""
    import numpy as np

    found = []
    for number in range(len(read_contents(path).of("audio"))):
        listen = ["-i", address(path), "-map", f"0:a:{number}", "-ac", "1", "-ar", "8000", "-f", "f32le", "pipe:1"]
        samples = np.frombuffer(run(listen).out, np.float32)[1000:5000]
        found.append(int(np.abs(np.fft.rfft(samples)).argmax()) * 2)
    return found


def subtitles(path: Path, number: int = 0) -> list[str]:
    """'0.20-1.50 Hello' for each cue."""
    text = ffmpeg("-i", address(path), "-map", f"0:s:{number}", "-f", "srt", "pipe:1")
    cues = re.findall(r"00:00:(\S+) --> 00:00:(\S+)\n(.*)", text)
    return [
        f"{a[1:5].replace(',', '.')}-{b[1:5].replace(',', '.')} {re.sub('<[^>]*>', '', words)}" for a, b, words in cues
    ]


def chapters(contents: Contents) -> list[tuple[float, float, str]]:
    return [(float(one.start), float(one.end), one.title) for one in contents.chapters]


def test_the_sound_that_players_take_is_taken(tmp_path: Path, film: Path) -> None:
    sink = copy_clip(open_source(film), tmp_path / "out.mkv")
    assert pitches(film) == [300, 2000]
    assert pitches(tmp_path / "out.mkv") == [2000]
    assert sink.notes == (
        "Not taken over from film.mkv: other sound (Commentary, aac, see --audio); what it says as comment, "
        "make; where it was filmed (see --location).",
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm"])
def test_everything_that_a_container_can_hold_is_kept(tmp_path: Path, film: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    sink = copy_clip(open_source(film), path, audio="all", metadata={"software": "x"})
    contents = read_contents(path)
    assert pitches(path) == [300, 2000]
    names = [(one.title, one.language, "default" in one.flags) for one in contents.of("audio")]
    assert names == [("Commentary", "", False), ("", "ger", True)]
    codecs = {".mkv": ["subrip", "ass"], ".webm": ["webvtt"] * 2}.get(suffix, ["mov_text"] * 2)
    assert [one.codec for one in contents.of("subtitle")] == codecs
    assert contents.of("subtitle")[0].language == "eng"
    for number in (0, 1):
        assert subtitles(path, number) == ["0.20-1.50 Hello", "1.60-1.90 Two"]
    assert chapters(contents) == [(0, 1, "o=ne"), (1, 2, "two")]
    assert all(contents.tags[name] == TAGS[name] for name in ("title", "artist", "creation_time"))
    assert "Phone" not in contents.tags.values() and "48.1" not in str(contents.tags)
    assert '"software": "x"' in contents.tags["comment"]
    assert open_source(path).info.times == open_source(film).info.times
    told = [note for note in sink.notes if note.startswith("Not taken over")]
    files = [one.title for one in contents.of("attachment")]
    assert files == (["font.ttf"] if suffix == ".mkv" else [])
    rest = "what it says as comment, make; where it was filmed (see --location)."
    lost = "" if files else "attached files (font.ttf); "
    assert told == [f"Not taken over from film.mkv: {lost}{rest}"]
    if files:
        ffmpeg("-dump_attachment:t:0", str(tmp_path / "font"), "-i", address(path), "-t", "0", "-f", "null", "-")
        assert (tmp_path / "font").read_bytes() == b"no font"


@pytest.mark.parametrize(
    ("suffix", "first", "last", "cues", "named"),
    [
        (".mkv", 5, 14, ["0.00-0.90 Hello"], [(0, 0.5, "o=ne"), (0.5, 0.9, "two")]),
        (".mp4", 12, 18, ["0.00-0.30 Hello", "0.40-0.60 Two"], [(0, 0.6, "two")]),
        (".mp4", 0, 2, [], [(0, 0.2, "o=ne")]),
        (".webm", 12, 18, ["0.00-0.30 Hello", "0.40-0.60 Two"], [(0, 0.6, "two")]),
    ],
)
def test_a_slice_has_the_subtitles_and_chapters_of_its_stretch(
    tmp_path: Path,
    film: Path,
    suffix: str,
    first: int,
    last: int,
    cues: list[str],
    named: list[tuple[float, float, str]],
) -> None:
    """One that is shown as the slice begins is shown from there on, one that goes on after it ends with it."""
    path = tmp_path / f"out{suffix}"
    copy_clip(open_source(film, frames=(first, last)), path)
    assert [subtitles(path, number) for number in (0, 1)] == [cues, cues]
    assert chapters(read_contents(path)) == named
    info = open_source(path).info
    assert (info.frames, info.start) == (last - first, 0)


def test_another_rate_leaves_the_times_of_subtitles_and_chapters(tmp_path: Path, film: Path) -> None:
    copy_clip(open_source(film, fps=Fraction(3)), tmp_path / "out.mp4")
    assert subtitles(tmp_path / "out.mp4") == ["0.20-1.50 Hello", "1.60-1.90 Two"]
    assert chapters(read_contents(tmp_path / "out.mp4")) == [(0, 1, "o=ne"), (1, 2, "two")]


def test_a_track_by_its_number(tmp_path: Path, film: Path) -> None:
    copy_clip(open_source(film, frames=(0, 5)), tmp_path / "out.mp4", audio=1)
    assert read_contents(tmp_path / "out.mp4").of("audio")[0].title == "Commentary"
    for wrong in (0, 3):
        with pytest.raises(
            UsageError, match=rf"no audio track {wrong}. There are: 1 \(Commentary, aac\), 2 \(ger, aac\)"
        ):
            copy_clip(open_source(film), tmp_path / "no.mp4", audio=wrong)


def test_texts_of_several_lines_are_no_chapters(tmp_path: Path) -> None:
    texts = {"title": "a\n[CHAPTER]", "artist": "[CHAPTER]\nSTART=5"}
    said = [part for name, value in texts.items() for part in ("-metadata", f"{name}={value}")]
    plain = clip(tmp_path / "plain.mkv", frames=3)
    ffmpeg("-i", address(plain), "-c", "copy", *said, address(tmp_path / "in.mkv"))
    copy_clip(open_source(tmp_path / "in.mkv"), tmp_path / "out.mkv")
    for path in (tmp_path / "in.mkv", tmp_path / "out.mkv"):
        contents = read_contents(path)
        assert contents.chapters == () and {name: contents.tags[name] for name in texts} == texts


def test_none_takes_the_rest_all_the_same(tmp_path: Path, film: Path) -> None:
    sink = copy_clip(open_source(film, frames=(0, 5)), tmp_path / "out.mp4", audio="none")
    contents = read_contents(tmp_path / "out.mp4")
    assert [one.kind for one in contents.streams if not one.menu] == ["video", "subtitle", "subtitle"]
    assert contents.tags["artist"] == "Ann" and "sound" not in " ".join(sink.notes)


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_the_place_is_kept_where_that_is_asked_for(tmp_path: Path, film: Path, suffix: str) -> None:
    sink = copy_clip(open_source(film, frames=(0, 2)), tmp_path / f"out{suffix}", location=True)
    assert read_contents(tmp_path / f"out{suffix}").tags["location"] == TAGS["location"]
    assert "filmed" not in " ".join(sink.notes)


@pytest.mark.parametrize("name", ["out.gif", "out", "out.webp"])
def test_where_there_is_room_for_pictures_only(tmp_path: Path, film: Path, name: str) -> None:
    sink = copy_clip(open_source(film, frames=(0, 12)), tmp_path / name, animation=True)
    assert sink.notes[0] == (
        "Not taken over from film.mkv: sound (Commentary, aac, ger, aac); subtitles (eng, subrip, ass); attached files "
        "(font.ttf); 2 chapters."
    )


def test_subtitles_that_are_pictures_are_kept_or_said_to_be_gone(tmp_path: Path) -> None:
    # An encoder for these subtitles takes pictures only; their packets are made up.
    (tmp_path / "raw.sup").write_bytes(b"PG" + bytes(8) + b"\x80\x00\x00")
    ffmpeg(
        *("-i", address(clip(tmp_path / "plain.mkv", frames=10)), "-f", "sup", "-i", address(tmp_path / "raw.sup")),
        *("-map", "0", "-map", "1", "-c", "copy", address(tmp_path / "in.mkv")),
    )
    kept = copy_clip(open_source(tmp_path / "in.mkv"), tmp_path / "out.mkv")
    lost = copy_clip(open_source(tmp_path / "in.mkv"), tmp_path / "out.mp4")
    assert [one.codec for one in read_contents(tmp_path / "out.mkv").of("subtitle")] == ["hdmv_pgs_subtitle"]
    assert kept.notes == ()
    assert lost.notes == ("Not taken over from in.mkv: subtitles (hdmv_pgs_subtitle).",)


def test_a_cover_and_further_pictures_are_said_to_be_gone(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:s=16x16", "-frames:v", "1", address(tmp_path / "cover.png"))
    pictures = address(clip(tmp_path / "plain.mp4", frames=10))
    ffmpeg(
        *("-i", pictures, "-i", pictures, "-i", address(tmp_path / "cover.png"), "-map", "0", "-map", "1", "-map", "2"),
        *("-c", "copy", "-disposition:v:2", "attached_pic", address(tmp_path / "in.mp4")),
    )
    sink = copy_clip(open_source(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    assert sink.notes == ("Not taken over from in.mp4: cover picture; further video track.",)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_track_that_is_silent_in_the_stretch_is_no_failure(tmp_path: Path, suffix: str) -> None:
    """It ends where the slice begins, or shortly after."""
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2", "-f", "lavfi", "-i", "sine=d=1.01"),
        *("-f", "lavfi", "-i", "sine=f=900:d=2", "-map", "0", "-map", "1", "-map", "2", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", address(tmp_path / "in.mkv")),
    )
    sink = copy_clip(open_source(tmp_path / "in.mkv", frames=(10, 16)), tmp_path / f"out{suffix}", audio="all")
    assert not any("no sound" in note for note in sink.notes)
    heard = [packets(tmp_path / f"out{suffix}", f"a:{number}").count("audio") for number in (0, 1)]
    assert sum(count > 10 for count in heard) == 1


def test_sound_that_got_lost_is_found(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Muxing._arguments

    def losing(self: Muxing, into: Path, tracks: list, subtitles: tuple, texts: Path | None) -> list[str]:
        return whole(self, into, tracks[:1], subtitles, texts)

    monkeypatch.setattr(Muxing, "_arguments", losing)
    with pytest.raises(OutputError, match="sound is missing"):
        copy_clip(open_source(film, frames=(0, 8)), tmp_path / "out.mkv", audio="all")
    assert list(tmp_path.iterdir()) == []


def test_the_titles_of_chapters_are_no_subtitles(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=800\ntitle=one\n")
    whole = clip(tmp_path / "a.mp4", frames=20)
    named = ("-f", "ffmetadata", "-i", address(tmp_path / "c.txt"), "-map_chapters", "1")
    ffmpeg("-i", address(whole), *named, "-c", "copy", address(tmp_path / "whole.mp4"))
    # A reference to another track than that of the titles.
    reference = bytes.fromhex("0000000c") + b"chap" + bytes.fromhex("00000002")
    data = (tmp_path / "whole.mp4").read_bytes()
    assert data.count(reference) == 1
    (tmp_path / "in.mp4").write_bytes(data.replace(reference, reference[:-1] + b"c"))
    assert "mov_text (text" in " ".join(run(["-i", address(tmp_path / "in.mp4")]).lines)
    sink = copy_clip(open_source(tmp_path / "in.mp4"), tmp_path / "out.mkv")
    contents = read_contents(tmp_path / "out.mkv")
    assert not contents.of("subtitle") and [one.title for one in contents.chapters] == ["one"]
    assert not any("Not taken over" in note for note in sink.notes)
