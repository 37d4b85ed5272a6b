"""HDR, wide colours and interlaced frames: what an ordinary screen shows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_clips import ffmpeg, images_of

from pipeline.media import open_source
from pipeline.media.ffmpeg import Process, address

TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""Linear RGB of BT.709 to that of BT.2020 (ITU-R BT.2087)."""


def pq(light: np.ndarray) -> np.ndarray:
    """Signal of PQ (SMPTE ST 2084) for light in cd/m2."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """Signal of HLG (ITU-R BT.2100) for grey of so much light, in cd/m2, on a screen of 1000."""
    scene = (light / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def srgb(light: float) -> float:
    """Value of sRGB, 0 to 255, for light of which 1 is white."""
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def mobius(light: float, peak: float = 1000 / 203, knee: float = 0.3) -> float:
    """The curve that ffmpeg maps light with: as it is below the knee, 1 at the peak."""
    if light <= knee:
        return light
    a = -(knee**2) * (peak - 1) / (knee**2 - 2 * knee + peak)
    b = (knee**2 - 2 * knee * peak + peak) / (peak - 1)
    return (b * b + 2 * b * knee + knee**2) / (b - a) * (light + a) / (light + b)


def patch(path: Path, signal: np.ndarray, transfer: str) -> tuple[list[int], tuple[str, ...]]:
    """A clip in BT.2020 of one colour; returns what it is read as, and what is said of it."""
    red, green, blue = (float(one) for one in signal)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    values = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746
    tags = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}:range=tv"
    process = Process(
        [
            *("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "32x32", "-r", "25", "-i", "pipe:0", "-vf", tags),
            *("-c:v", "ffv1", address(path)),
        ],
        feed=True,
    )
    planes = [np.full(count, round(value), "<u2") for value, count in zip(values, (1024, 256, 256), strict=True)]
    process.stdin.write(np.concatenate(planes).tobytes())
    assert process.wait() == 0, process.lines
    source = open_source(path)
    (frame,) = source.frames()
    return frame.image[16, 16].tolist(), source.info.notes


@pytest.mark.parametrize(("transfer", "signal"), [("smpte2084", pq), ("arib-std-b67", hlg)])
def test_hdr_shows_as_bright_as_on_an_ordinary_screen(tmp_path: Path, transfer: str, signal) -> None:
    for light in (5, 26, 203, 1000):
        found, notes = patch(tmp_path / f"{light}.mkv", signal(np.full(3, light)), transfer)
        np.testing.assert_allclose(found, srgb(mobius(light / 203)), atol=0.6)
    name = "PQ" if transfer == "smpte2084" else "HLG"
    assert notes == (
        f"The clip is HDR ({name}); it is painted from what an ordinary screen shows of it.",
        "The clip has 10 bits a channel; it is painted from 8 of them.",
    )


def test_the_colours_of_hdr_are_those_that_were_meant(tmp_path: Path) -> None:
    meant = np.array([0.18, 0.03, 0.01])
    found, _ = patch(tmp_path / "red.mkv", pq(TO_2020 @ meant * 203), "smpte2084")
    np.testing.assert_allclose(found, [srgb(one) for one in meant], atol=1)


def test_wide_colours_are_converted(tmp_path: Path) -> None:
    meant = np.array([200, 60, 90]) / 255
    found, notes = patch(tmp_path / "wide.mkv", (TO_2020 @ meant**2.4) ** (1 / 2.4), "bt2020-10")
    np.testing.assert_allclose(found, meant * 255, atol=1)
    assert notes[0] == "The colours of the clip are those of BT.2020; they are converted to BT.709."


@pytest.mark.parametrize(
    ("transfer", "primaries"), [("smpte2084", "bt2020"), ("arib-std-b67", "bt2020"), ("bt709", "smpte432")]
)
@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", ("ffv1", "-pix_fmt", "yuva444p10le")), ("a.mov", ("qtrle", "-pix_fmt", "argb"))]
)
def test_what_is_transparent_is_converted_as_well(
    tmp_path: Path, transfer: str, primaries: str, name: str, codec: tuple[str, ...]
) -> None:
    """And white shows through it as ordinary white, which HDR's is not."""
    tags = f"setparams=color_primaries={primaries}:color_trc={transfer}"
    into = "scale=out_color_matrix=bt709,format=yuva444p10le,setparams=colorspace=bt709," if "yuva" in codec[-1] else ""
    for opacity in (255, 128, 0):
        colour = f"color=0xb06040:s=32x32:r=25:d=0.08,format=rgba,colorchannelmixer=aa={opacity / 255}"
        how = ("-f", "lavfi", "-i", f"{colour},{into}{tags}", "-c:v", *codec)
        tagged = ("-color_primaries", primaries, "-color_trc", transfer)
        ffmpeg(*how, *tagged, address(tmp_path / f"{opacity}_{name}"))
    ffmpeg("-i", address(tmp_path / f"255_{name}"), "-vf", f"format=gbrp,{tags}", "-c:v", "ffv1",
           *tagged, address(tmp_path / "opaque.mkv"))  # fmt: skip
    wanted = images_of(tmp_path / "opaque.mkv")[0][16, 16].astype(float)
    assert np.abs(wanted - (0xB0, 0x60, 0x40)).max() > 5, "there is something to convert"
    for opacity in (255, 128, 0):
        found = images_of(tmp_path / f"{opacity}_{name}")[0][16, 16].astype(float)
        share = opacity / 255
        np.testing.assert_allclose(found, wanted * share + 255 * (1 - share), atol=2)


def combs(image: np.ndarray) -> float:
    """How far rows stand out from those above and below them."""
    rows = image.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_interlaced_frames_are_deinterlaced(tmp_path: Path) -> None:
    # A bar that goes right by eight pixels from one field to the next.
    moving = "color=black:s=96x64:r=50:d=0.4,geq=lum='if(between(X-8*mod(N,10),0,15),235,16)':cb=128:cr=128"
    woven = ("-vf", "tinterlace=interleave_top,fieldorder=tff,format=yuv420p", "-c:v", "mpeg2video")
    ffmpeg("-f", "lavfi", "-i", moving, *woven, "-flags", "+ilme+ildct", "-q:v", "2", address(tmp_path / "in.mpg"))
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", address(tmp_path / "raw"))
    ffmpeg("-i", address(tmp_path / "in.mpg"), *raw)
    stored = np.fromfile(tmp_path / "raw", np.uint8).reshape(-1, 64, 96, 3)
    found = images_of(tmp_path / "in.mpg")
    assert len(found) == len(stored) == 10
    assert combs(stored[4]) > 15 and all(combs(image) < 4 for image in found)
    assert any("deinterlaced" in note for note in open_source(tmp_path / "in.mpg").info.notes)
    # A field is made a frame with the help of the frames around it, which a slice has as well.
    for one, other in zip(images_of(tmp_path / "in.mpg", frames=(4, 7)), found[4:7], strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_interlaced_frame_is_enough_wherever_it_is(tmp_path: Path) -> None:
    moving = "color=black:s=96x64:r=50:d=0.2,geq=lum='if(between(X-8*mod(N,10),0,15),235,16)':cb=128:cr=128"
    kinds = {
        "plain": ("-r", "25", "-c:v", "mpeg2video"),
        "woven": (
            *("-vf", "tinterlace=interleave_top,fieldorder=tff,format=yuv420p", "-c:v", "mpeg2video"),
            *("-flags", "+ilme+ildct"),
        ),
    }
    for name, how in kinds.items():
        raw = address(tmp_path / f"{name}.m2v")
        ffmpeg("-f", "lavfi", "-i", moving, *how, "-q:v", "2", "-f", "mpeg2video", raw)
    (tmp_path / "in.m2v").write_bytes(b"".join((tmp_path / f"{name}.m2v").read_bytes() for name in kinds))
    for name, interlaced in (("plain", False), ("in", True)):
        notes = open_source(tmp_path / f"{name}.m2v").info.notes
        assert any("deinterlaced" in note for note in notes) is interlaced
    found = images_of(tmp_path / "in.m2v")
    assert len(found) >= 10 and all(combs(image) < 4 for image in found)
