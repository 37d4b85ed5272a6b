"""GIFs as browsers show them: frames that are placed, disposed of, cut at the canvas, and played so many times."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny import picture

from pipeline.media import Frame, open_sink, open_source
from pipeline.media.pictures import read_picture
from pipeline.media.plan import SinkPlan
from pipeline.types import Image

RED, BLUE, GREEN, YELLOW, WHITE = (200, 0, 0), (0, 0, 200), (0, 160, 0), (240, 240, 0), (255, 255, 255)
COLOURS = (RED, BLUE, GREEN, YELLOW)


@dataclass(frozen=True)
class Patch:
    """A rectangle of one colour, by its index."""

    colour: int
    place: tuple[int, int, int, int]
    """Left, top, width, height."""
    disposal: int = 1
    transparent: int | None = None


def gif(path: Path, patches: list[Patch], size: tuple[int, int] = (16, 12), loop: int | None = 0) -> Path:
    """A GIF written byte by byte: no library would place frames beyond the canvas."""
    palette = b"".join(bytes(colour) for colour in COLOURS)
    data = b"GIF89a" + struct.pack("<HHBBB", *size, 0xF1, 0, 0) + palette
    if loop is not None:
        data += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0"
    for patch in patches:
        flags = patch.disposal << 2 | (patch.transparent is not None)
        data += b"\x21\xf9\x04" + struct.pack("<BHBB", flags, 10, patch.transparent or 0, 0)
        data += b"\x2c" + struct.pack("<HHHHB", *patch.place, 0) + compressed(patch.colour, patch.place[2:])
    path.write_bytes(data + b"\x3b")
    return path


def compressed(colour: int, size: tuple[int, ...]) -> bytes:
    """LZW that never grows its codes: it is cleared before every pixel."""
    codes = [code for _ in range(size[0] * size[1]) for code in (4, colour)] + [5]
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    raw = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    return (
        b"\x02" + b"".join(bytes([len(raw[k : k + 255])]) + raw[k : k + 255] for k in range(0, len(raw), 255)) + b"\0"
    )


def shown(path: Path) -> list[Image]:
    return [frame.image for frame in open_source(path).frames()]


def canvas(*drawn: tuple[tuple[int, int, int], tuple[slice, slice]], size: tuple[int, int] = (16, 12)) -> Image:
    """White, with rectangles drawn on it: (rows, columns)."""
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    for colour, where in drawn:
        image[where] = colour
    return image


ALL = np.s_[:, :]
WHOLE = Patch(1, (0, 0, 16, 12))


def test_what_is_disposed_of_is_white_and_later_frames_do_not_bring_it_back(tmp_path: Path) -> None:
    path = gif(tmp_path / "a.gif", [WHOLE, Patch(2, (2, 2, 6, 6), disposal=2), Patch(3, (10, 2, 4, 4))])
    one, two, three = shown(path)
    np.testing.assert_array_equal(one, canvas((BLUE, ALL)))
    np.testing.assert_array_equal(two, canvas((BLUE, ALL), (GREEN, np.s_[2:8, 2:8])))
    np.testing.assert_array_equal(three, canvas((BLUE, ALL), (WHITE, np.s_[2:8, 2:8]), (YELLOW, np.s_[2:6, 10:14])))
    # Decoding from a frame on shows what was drawn before it.
    np.testing.assert_array_equal(next(open_source(path).frames(2)).image, three)
    np.testing.assert_array_equal(next(open_source(path, frames=(2, 3)).frames()).image, three)


@pytest.mark.parametrize("disposal", [3, 4])
def test_what_was_there_before_comes_back(tmp_path: Path, disposal: int) -> None:
    path = gif(tmp_path / "a.gif", [WHOLE, Patch(2, (2, 2, 6, 6), disposal=disposal), Patch(3, (10, 2, 4, 4))])
    np.testing.assert_array_equal(shown(path)[2], canvas((BLUE, ALL), (YELLOW, np.s_[2:6, 10:14])))


def test_what_no_frame_has_drawn_is_white(tmp_path: Path) -> None:
    patches = [Patch(1, (4, 3, 8, 6)), Patch(2, (0, 0, 2, 2))]
    small = canvas((BLUE, np.s_[3:9, 4:12]))
    path = gif(tmp_path / "a.gif", patches)
    one, two = shown(path)
    np.testing.assert_array_equal(one, small)
    np.testing.assert_array_equal(two, canvas((BLUE, np.s_[3:9, 4:12]), (GREEN, np.s_[:2, :2])))
    np.testing.assert_array_equal(read_picture(path), small)
    # A single picture that fills a part of its canvas is the same fault.
    still = gif(tmp_path / "still.gif", patches[:1])
    assert open_source(still).info.kind == "picture"
    np.testing.assert_array_equal(shown(still)[0], small)


def test_a_transparent_colour_shows_what_lies_below(tmp_path: Path) -> None:
    path = gif(
        tmp_path / "a.gif", [WHOLE, Patch(2, (2, 2, 6, 6), transparent=2), Patch(3, (0, 0, 2, 2), transparent=0)]
    )
    assert [np.unique(image.reshape(-1, 3), axis=0).tolist() for image in shown(path)[:2]] == [[list(BLUE)]] * 2
    np.testing.assert_array_equal(shown(path)[2], canvas((BLUE, ALL), (YELLOW, np.s_[:2, :2])))


def test_what_lies_beyond_the_canvas_is_cut_off(tmp_path: Path) -> None:
    path = gif(tmp_path / "a.gif", [WHOLE, Patch(2, (10, 8, 12, 12), disposal=2), Patch(3, (20, 20, 4, 4))])
    one, two, three = shown(path)
    assert open_source(path).info.width == 16
    np.testing.assert_array_equal(one, canvas((BLUE, ALL)))
    np.testing.assert_array_equal(two, canvas((BLUE, ALL), (GREEN, np.s_[8:, 10:])))
    np.testing.assert_array_equal(three, canvas((BLUE, ALL), (WHITE, np.s_[8:, 10:])))


def test_only_the_first_frame_enlarges_the_canvas(tmp_path: Path) -> None:
    path = gif(tmp_path / "a.gif", [WHOLE, Patch(2, (0, 0, 20, 20))], size=(8, 6))
    assert [image.shape for image in shown(path)] == [(12, 16, 3)] * 2
    np.testing.assert_array_equal(shown(path)[1], canvas((GREEN, ALL)))


def stored_plays(path: Path) -> int | None:
    """What a file says, read by Pillow: repeats of a GIF (None: nothing said), plays of the others."""
    with Pillow.open(path) as opened:
        loop = opened.info.get("loop")
        return None if loop is None else int(loop)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("plays", [0, 1, 2, 7])
def test_how_often_it_is_played_is_kept(tmp_path: Path, suffix: str, plays: int) -> None:
    path = tmp_path / f"a{suffix}"
    times, images = (Fraction(0), Fraction(1, 10), Fraction(2, 10)), [picture(12, 16, seed) for seed in range(3)]
    plan = SinkPlan(path, 16, 12, times, Fraction(3, 10), Fraction(10), animation=True, plays=plays)
    with open_sink(plan) as sink:
        for index, image in enumerate(images):
            sink.put(Frame(index, times[index], image))
        sink.finish()
    said = {0: 0, 1: None, 2: 1, 7: 6}[plays] if suffix == ".gif" else plays
    assert stored_plays(path) == said
    assert open_source(path).info.plays == plays
    assert open_source(path, frames=(0, 2)).info.plays == plays
