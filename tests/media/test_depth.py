"""More than 8 bits a channel, and HDR, on the way out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_clips import decoded, images_of, plan, stream, write_clip
from test_display_conversion import TO_2020, hlg, mobius, patch, pq, srgb

from pipeline.errors import UsageError
from pipeline.media import Frame, Image, open_sink
from pipeline.media.codecs import choose_encoding
from pipeline.media.ffmpeg import run
from pipeline.media.header import _bits
from pipeline.media.pixels import Pictures
from pipeline.media.plan import SinkPlan
from pipeline.types import shallow

TRANSFERS = {"smpte2084": pq, "arib-std-b67": hlg}


def flat(colour: list[int]) -> list[Image]:
    return [np.tile(np.array(colour, np.uint8), (48, 64, 1))] * 2


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_hdr_comes_back_as_it_was(tmp_path: Path, transfer: str) -> None:
    # Grey of so much light, in cd/m2; then linear colours of BT.709, of which 1 is the white of an ordinary picture.
    patches = [np.full(3, light / 203) for light in (5, 203, 1000)]
    if transfer == "smpte2084":
        patches += [np.array(colour) for colour in ([0.18, 0.03, 0.01], [2.0, 1.5, 0.2])]
    for number, light in enumerate(patches):
        signal = TRANSFERS[transfer](TO_2020 @ light * 203)
        painted, _ = patch(tmp_path / f"{number}.mkv", signal, transfer)
        write_clip(tmp_path / f"{number}.mp4", flat(painted), count=2, deep=True, hdr=transfer)
        # The painting has 8 bits.
        most = 3 if len(set(light)) == 1 else 5
        np.testing.assert_allclose(decoded(tmp_path / f"{number}.mp4", "bt2020")[24, 32], signal, atol=most / 1023)


def test_the_colours_of_hlg_are_those_that_were_meant(tmp_path: Path) -> None:
    # Of a screen's light; what makes a scene of it turns on the luminance, not on each channel (ITU-R BT.2100).
    meant = TO_2020 @ np.array([0.58, 0.05, 0.1]) * 203
    luminance = meant @ np.array([0.2627, 0.6780, 0.0593])
    scene = meant / 1000 * (luminance / 1000) ** (1 / 1.2 - 1)
    signal = hlg(1000 * scene**1.2)  # the signal of each channel, without the gamma that `hlg` puts in for grey
    painted, _ = patch(tmp_path / "a.mkv", signal, "arib-std-b67")
    colour, share = np.array([0.58, 0.05, 0.1]), mobius(0.58) / 0.58
    np.testing.assert_allclose(painted, [srgb(one * share) for one in colour], atol=1)
    write_clip(tmp_path / "b.mp4", flat(painted), count=2, deep=True, hdr="arib-std-b67")
    np.testing.assert_allclose(decoded(tmp_path / "b.mp4", "bt2020")[24, 32], signal, atol=4 / 1023)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", None, "yuv420p10le"),
        ("a.mov", "prores", "yuv422p10le"),
        ("a.webm", None, "yuv420p10le"),
        ("a.mkv", "av1", "yuv420p10le"),
        ("a.mkv", "ffv1", "gbrp16le"),
    ],
)
def test_every_codec_for_it_says_that_it_is_hdr(tmp_path: Path, name: str, codec: str | None, pixels: str) -> None:
    sink = write_clip(tmp_path / name, flat([200, 60, 90]), count=2, codec=codec, deep=True, hdr="smpte2084")
    said = stream(tmp_path / name)
    assert f"{pixels}(" in said and "bt2020/smpte2084" in said
    assert any("Written as HDR again (PQ, BT.2020)" in note for note in sink.notes)
    np.testing.assert_allclose(images_of(tmp_path / name)[0][24, 32], [200, 60, 90], atol=1)


@pytest.mark.parametrize(
    ("name", "more", "codec", "pixels"),
    [
        ("a.mp4", {}, "hevc", "yuv420p10le"),
        ("a.mov", {}, "hevc", "yuv420p10le"),
        ("a.webm", {}, "vp9", "yuv420p10le"),
        ("a.mkv", {"codec": "av1"}, "av1", "yuv420p10le"),
        ("a.mp4", {"depth": 8}, "h264", "yuv420p"),
        ("a.mp4", {"codec": "h264"}, "h264", "yuv420p"),
        ("a.mp4", {"codec": "h264", "depth": 10}, "h264", "yuv420p10le"),
        ("a.mp4", {"deep": False, "depth": 10}, "hevc", "yuv420p10le"),
    ],
)
def test_what_has_more_bits_gets_them(tmp_path: Path, name: str, more: dict[str, Any], codec: str, pixels: str) -> None:
    sink = write_clip(tmp_path / name, flat([200, 60, 90]), count=2, **{"deep": True, **more})
    said = stream(tmp_path / name)
    assert f": Video: {codec}" in said and f" {pixels}(" in said and "bt709" in said
    words = " ".join(sink.notes)
    assert ("--depth 8" in words) is (codec == "hevc") and ("--depth 10" in words) is (more == {"codec": "h264"})


def test_ten_bits_keep_every_level_of_the_painting(tmp_path: Path) -> None:
    # A sky: red and green go up by a level every few pixels, where 8 bits of luma and chroma leave some out.
    # Of an odd size, since it is about levels and not about sharing colour.
    rows, columns = np.mgrid[0:49, 0:65]
    sky = np.stack([90 + columns // 4, 130 + columns // 4, 200 + rows // 8], 2).astype(np.uint8)
    wrong = {}
    for depth in (8, 10):
        how = {"codec": "h265", "quality": 0, "depth": depth}
        write_clip(tmp_path / f"{depth}.mp4", [sky], count=1, height=49, width=65, **how)
        found = np.rint(decoded(tmp_path / f"{depth}.mp4", "bt709", 49, 65) * 255)
        wrong[depth] = (found != sky).mean()
    assert wrong[8] > 0.2 and wrong[10] < 0.05


def test_what_lies_between_the_levels_of_eight_bits_is_kept_by_ten(tmp_path: Path) -> None:
    columns = np.tile(np.arange(64) / 16, (48, 1))
    exact = np.repeat(np.rint((100 + columns) * 257).astype(np.uint16)[:, :, None], 3, 2)
    counted = {}
    for deep in (False, True):
        path = tmp_path / f"{deep}.mp4"
        with open_sink(SinkPlan(**plan(path, 1, depth=10, quality=0, deep_frames=deep))) as sink:
            sink.put(Frame(0, Fraction(0), shallow(exact), exact if deep else None))
            sink.finish()
        found = decoded(path, "bt709")
        np.testing.assert_allclose(found * 255, exact / 257, atol=1)
        counted[deep] = len(np.unique(np.rint(found[24, :, 1] * 876)))
    assert counted[False] <= 6 and counted[True] >= 12


def test_what_cannot_be_is_refused() -> None:
    hdr = Pictures(deep=True, hdr="smpte2084")
    for suffix, codec, quality, words in (
        (".mp4", "h264", None, "shows no HDR"),
        (".mp4", "h265", "lossless", "h265 without loss shows no HDR"),
    ):
        with pytest.raises(UsageError, match=words):
            choose_encoding(suffix, codec, quality, hdr)
    with pytest.raises(UsageError, match="10 bits"):
        choose_encoding(".mp4", None, None, Pictures(depth=8, hdr="smpte2084"))
    with pytest.raises(UsageError, match="both HDR and its transparency"):
        choose_encoding(".mov", None, None, Pictures(alpha=True, hdr="smpte2084"))
    with pytest.raises(UsageError, match="8 or 10 bits"):
        choose_encoding(".mp4", None, None, Pictures(depth=12))
    # Too small for h265: nothing is refused that could be written before.
    assert choose_encoding(".mp4", None, None, Pictures((16, 16), deep=True)).codec == "h264"


def test_the_bits_of_every_pixel_format_of_ffmpeg() -> None:
    listed = run(["-pix_fmts"]).out.decode().splitlines()
    depths = {}
    for line in listed[listed.index("-----") + 1 :] if "-----" in listed else listed:
        words = line.split()
        if len(words) == 5 and words[3].isdecimal() and set(words[4]) <= set("0123456789-"):
            depths[words[1]] = max(map(int, words[4].split("-")))
    assert len(depths) > 150
    wrong = {
        name: (found, depth)
        for name, depth in depths.items()
        if depth >= 8 and (found := _bits(name)) != min(16, depth) and "bayer" not in name
    }
    assert wrong == {}
