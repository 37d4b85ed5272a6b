"""Reading and writing single pictures."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_clips import clip, ffmpeg, picture
from PIL import Image as Pillow
from PIL import ImageCms

from pipeline.clip.engine import style_notes
from pipeline.clip.start import start_notes
from pipeline.clip.styles import StylePicture
from pipeline.errors import MediaError, OutputError, UsageError
from pipeline.media import fit_size, is_animated, open_source, read_metadata, read_picture, resize, write_picture
from pipeline.media.deep_pictures import depth_notes, picture_bits, picture_notes
from pipeline.media.ffmpeg import address
from pipeline.media.pictures import more_in
from pipeline.media.suffixes import READS_HEIF, is_media_name

TEXTS = {"network": "vgg19", "settings": 'steps = 5\nname = "Ä; = #\\"\n'}


HEIC = bytes.fromhex("00000018") + b"ftypheic" + bytes(4) + b"mif1heic"


def test_a_picture_of_a_telephone_is_read_or_it_is_said_how(tmp_path: Path) -> None:
    """Never a tile of it as a video."""
    path = tmp_path / "a.heic"
    path.write_bytes(HEIC + bytes(200))
    for read in (read_picture, open_source):
        with pytest.raises(MediaError) as caught:
            read(path)
        assert ("HEIC picture" in str(caught.value) and "pip install pillow-heif" in str(caught.value)) or READS_HEIF


def test_a_heic_with_pillow_heif(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = picture(3, 96, 64)
    pillow_heif.from_pillow(Pillow.fromarray(image)).save(tmp_path / "a.heic", quality=95)
    found = read_picture(tmp_path / "a.heic")
    assert found.shape == (64, 96, 3) and np.abs(found.astype(int) - image).mean() < 3
    assert is_media_name(Path("b.HEIC")) and open_source(tmp_path / "a.heic").info.kind == "picture"


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (50706, b"\x01\x04\x00\x00")])
def test_the_preview_in_a_raw_photograph_is_not_taken_for_it(tmp_path: Path, tag: int, value: int | bytes) -> None:
    Pillow.new("RGB", (16, 16)).save(tmp_path / "a.dng", "TIFF", tiffinfo={tag: value})
    with pytest.raises(MediaError, match="raw photograph"):
        read_picture(tmp_path / "a.dng")


def linear_exr(path: Path, light: list[float]) -> Path:
    """A picture of 8x8 pixels of so much light in red, green, blue, and with an opacity where there is a fourth."""
    planes = [np.full(64, light[k], "<f4") for k in ((1, 2, 0) if len(light) == 3 else (1, 2, 0, 3))]
    kind = "gbrpf32le" if len(light) == 3 else "gbrapf32le"
    raw = path.with_suffix(".raw")
    raw.write_bytes(np.concatenate(planes).tobytes())
    ffmpeg("-f", "rawvideo", "-pix_fmt", kind, "-s", "8x8", "-i", address(raw), "-c:v", "exr", address(path))
    raw.unlink()
    return path


def test_the_light_in_an_exr_is_shown_as_srgb(tmp_path: Path) -> None:
    path = linear_exr(tmp_path / "a.exr", [0.5, 0.1, 4.0])
    # IEC 61966-2-1.
    assert np.abs(read_picture(path)[4, 4].astype(int) - (188, 89, 255)).max() <= 1
    source = open_source(path)
    assert source.info.kind == "picture" and is_media_name(path)
    assert next(iter(source.frames())).image[4, 4].tolist() == read_picture(path)[4, 4].tolist()
    assert read_picture(linear_exr(tmp_path / "clear.exr", [0.0, 0.0, 0.0, 0.0]))[4, 4].tolist() == [255] * 3
    (tmp_path / "cut.exr").write_bytes(path.read_bytes()[:-40])
    with pytest.raises(MediaError, match=r"cut\.exr: the picture is damaged or cut off"):
        read_picture(tmp_path / "cut.exr")


def test_colours_that_are_converted_are_said(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("lab.tif", lab), ("srgb.tif", srgb), ("none.tif", None)):
        mode = "LAB" if name == "lab.tif" else "RGB"
        Pillow.new(mode, (2, 2), (128, 128, 128)).save(tmp_path / name, icc_profile=profile)
    assert open_source(tmp_path / "lab.tif").info.notes == (
        "The colours of lab.tif are converted to sRGB from its profile (Lab identity built-in).",
    )
    assert open_source(tmp_path / "srgb.tif").info.notes == open_source(tmp_path / "none.tif").info.notes == ()


@pytest.mark.parametrize(
    ("primaries", "transfer", "said"),
    [(9, 16, "is HDR (PQ)"), (9, 18, "is HDR (HLG)"), (12, 13, "are those of Display P3"), (1, 13, "")],
)
@pytest.mark.parametrize("name", ["a.png", "a.avif"])
def test_colours_beyond_srgb_without_a_profile_are_said(
    tmp_path: Path, name: str, primaries: int, transfer: int, said: str
) -> None:
    path = tmp_path / name
    Pillow.fromarray(picture(3)).save(path)
    data = path.read_bytes()
    if name == "a.png":
        chunk = b"cICP" + bytes([primaries, transfer, 0, 1])
        data = data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    else:
        at = data.index(b"colrnclx") + 8
        data = data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]
    path.write_bytes(data)
    notes = open_source(path).info.notes
    assert [said in note and "looks dull" in note for note in notes] == ([True] if said else [])
    Pillow.fromarray(picture(3)).save(
        path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    assert open_source(path).info.notes == ()


def test_alpha_shows_white_where_it_is_transparent(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (10, 20, 30, 255)
    pixels[1, 1] = (0, 0, 0, 128)
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert image.shape == (2, 2, 3) and image.dtype == np.uint8
    assert image[0, 0].tolist() == [10, 20, 30]
    assert image[0, 1].tolist() == [255, 255, 255]
    assert image[1, 1].tolist() == [127, 127, 127]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    Pillow.fromarray(values).save(tmp_path / f"g{suffix}")
    image = read_picture(tmp_path / f"g{suffix}")
    assert image[0, :, 0].tolist() == [0, 1, 128, 255]
    assert (image[:, :, 0] == image[:, :, 2]).all()


def test_16_bit_rgb(tmp_path: Path) -> None:
    import struct
    import zlib

    row = b"\0" + struct.pack(">6H", 0, 32896, 65535, 257, 10280, 65535)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    (tmp_path / "d.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    )
    assert read_picture(tmp_path / "d.png").tolist() == [[[0, 128, 255], [1, 40, 255]]]


def test_floating_point_and_32_bit_tiff(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)).save(tmp_path / "f.tif")
    assert read_picture(tmp_path / "f.tif")[0, :, 0].tolist() == [0, 128, 255]
    Pillow.fromarray(np.array([[0, 32896, 65535]], np.int32)).save(tmp_path / "i.tif")
    assert read_picture(tmp_path / "i.tif")[0, :, 0].tolist() == [0, 128, 255]


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Pillow.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "p.png", transparency=1)
    assert read_picture(tmp_path / "p.png").tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_one_bit_and_grey(tmp_path: Path) -> None:
    Pillow.new("1", (2, 2), 1).save(tmp_path / "b.png")
    Pillow.new("LA", (2, 2), (100, 255)).save(tmp_path / "la.png")
    assert read_picture(tmp_path / "b.png").min() == 255
    assert read_picture(tmp_path / "la.png")[0, 0].tolist() == [100, 100, 100]


def test_cmyk_without_profile(tmp_path: Path) -> None:
    Pillow.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    red = read_picture(tmp_path / "c.jpg")[0, 0]
    assert red[0] > 240 and red[1] < 15 and red[2] < 15


def test_embedded_profile_is_converted(tmp_path: Path) -> None:
    # A profile with gamma 1: a linear 55 is a much lighter 128 or so in sRGB.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    assert profile and lab
    Pillow.new("LAB", (2, 2), (128, 128, 128)).save(tmp_path / "lab.tif", icc_profile=lab.tobytes())
    image = read_picture(tmp_path / "lab.tif")[0, 0].astype(int)
    assert abs(image - 119).max() <= 2  # L* = 50.2


def test_broken_profile_is_ignored(tmp_path: Path) -> None:
    Pillow.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "x.png", icc_profile=b"not a profile")
    assert read_picture(tmp_path / "x.png")[0, 0].tolist() == [1, 2, 3]


def test_exif_orientation(tmp_path: Path) -> None:
    image = Pillow.new("RGB", (4, 2), "white")
    image.putpixel((0, 0), (255, 0, 0))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise to be upright
    image.save(tmp_path / "o.png", exif=exif)
    upright = read_picture(tmp_path / "o.png")
    assert upright.shape == (4, 2, 3)
    assert upright[0, 1].tolist() == [255, 0, 0]


def test_animation_gives_its_first_frame_and_says_so(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "s.gif")
    assert is_animated(tmp_path / "a.gif")
    assert not is_animated(tmp_path / "s.gif")
    assert read_picture(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_pages_of_a_tiff_are_no_animation(tmp_path: Path) -> None:
    pages = [Pillow.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "t.tif", save_all=True, append_images=pages[1:])
    assert not is_animated(tmp_path / "t.tif")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:4000])
    (tmp_path / "text.png").write_text("hello, this is no picture at all")
    (tmp_path / "none.png").write_bytes(b"")
    for name, words in {
        "cut.png": "damaged or cut off",
        "text.png": "not a picture",
        "none.png": "0 bytes",
        "missing.png": "no such file",
        ".": "folder",
    }.items():
        with pytest.raises(MediaError, match=words) as caught:
            read_picture(tmp_path / name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


def without_a_format(data: bytearray) -> None:
    """A DDS whose header says nothing of how its pixels are stored."""
    data[80:84] = bytes(4)


def without_a_height(data: bytearray) -> None:
    """A TIFF whose pages do not say how high they are."""
    at = data.index(struct.pack("<HH", 257, 4), data.index(struct.pack("<HH", 257, 4)) + 1)
    data[at : at + 2] = struct.pack("<H", 65000)


def without_sense(data: bytearray) -> None:
    """An AVIF whose data nobody can decode."""
    data[len(data) // 3 :] = bytes(len(data) - len(data) // 3)


@pytest.mark.parametrize(
    ("name", "spoil"), [("a.dds", without_a_format), ("a.tif", without_a_height), ("a.avif", without_sense)]
)
def test_whatever_a_decoder_raises_is_damage(tmp_path: Path, name: str, spoil: Callable[[bytearray], None]) -> None:
    images = [Pillow.fromarray(np.random.default_rng(k).integers(0, 255, (40, 60, 3), np.uint8)) for k in range(3)]
    path = tmp_path / name
    images[0].save(path, **({} if name == "a.dds" else {"save_all": True, "append_images": images[1:]}))
    data = bytearray(path.read_bytes())
    spoil(data)
    path.write_bytes(data)
    with pytest.raises(MediaError, match="damaged or cut off"):
        open_source(path)


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.avif", "AVIF")])
def test_a_broken_animation_is_no_video_of_one_frame(tmp_path: Path, name: str, kind: str) -> None:
    images = [Pillow.fromarray(picture(k, 40, 30)) for k in range(3)]
    images[0].save(tmp_path / name, save_all=True, append_images=images[1:], duration=100)
    data = (tmp_path / name).read_bytes()[:60]
    for suffix in (Path(name).suffix, ".mp4"):
        (tmp_path / name).with_suffix(suffix).write_bytes(data)
        for read in (read_picture, open_source):
            with pytest.raises(MediaError, match=rf"begins as a picture does \({kind}\)|damaged or cut off \("):
                read((tmp_path / name).with_suffix(suffix))


@pytest.mark.parametrize(
    ("suffix", "kind", "ending"),
    [
        (".mp4", "MP4", ".mp4"), (".mov", "QuickTime", ".mov"), (".mkv", "Matroska or WebM", ".mkv"),
        (".avi", "AVI", ".avi"), (".flv", "FLV", ".flv"), (".ts", "MPEG transport stream", ".ts"),
        (".mpg", "MPEG", ".mpg"), (".ogv", "Ogg", ".ogv"),
    ],
)  # fmt: skip
def test_a_video_that_is_called_like_a_picture_is_told_to_be_one(
    tmp_path: Path, suffix: str, kind: str, ending: str
) -> None:
    codec = {".mpg": "mpeg1video", ".flv": "flv", ".ogv": "libvpx"}.get(suffix, "mpeg4")
    film = clip(tmp_path / f"film{suffix}", frames=2, extra=("-c:v", codec))
    for name, advice in (("wrong.jpg", f"Rename it, so that its name ends in {ending}"), ("film.x", "Name a picture")):
        film.with_name(name).write_bytes(film.read_bytes())
        with pytest.raises(MediaError) as caught:
            read_picture(tmp_path / name)
        assert f"this is not a picture, but a video ({kind}). {advice}." in str(caught.value)


def test_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Pillow.new("RGB", (300, 300)).save(tmp_path / "b.png")
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(MediaError, match="million pixels"):
        read_picture(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
@pytest.mark.parametrize("size", [(64, 48), (1, 1)])
def test_written_pictures_come_back_with_their_texts(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    image = picture(3, *size)
    write_picture(tmp_path / f"p{suffix}", image, metadata=TEXTS)
    again = read_picture(tmp_path / f"p{suffix}").astype(int)
    assert abs(again - image).max() <= (6 if suffix == ".jpg" else 0)
    assert read_metadata(tmp_path / f"p{suffix}") == TEXTS
    assert [entry.name for entry in tmp_path.iterdir()] == [f"p{suffix}"]


def test_same_picture_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name, picture(1), metadata=TEXTS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_existing_picture_is_only_replaced_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    write_picture(path, picture(1))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_picture(path, picture(2))
    assert path.read_bytes() == before
    write_picture(path, picture(2), overwrite=True)
    assert (read_picture(path) == picture(2)).all()


def test_failing_write_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.png"
    write_picture(path, picture(1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_picture(path, picture(2), overwrite=True)
    assert (read_picture(path) == picture(1)).all()
    assert len(list(tmp_path.iterdir())) == 1


def test_where_a_picture_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, words in {
        tmp_path / "no" / "p.png": "no such folder",
        tmp_path / "file" / "p.png": "is a file",
        tmp_path / "p.xyz": "must end in",
        tmp_path: "must end in",
    }.items():
        with pytest.raises(OutputError, match=words):
            write_picture(path, picture(1))


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="nothing may be written"):
            write_picture(tmp_path / "p.png", picture(1))
    finally:
        tmp_path.chmod(0o700)


def test_a_picture_for_which_there_is_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged header can ask for any amount of it: found by changing bytes at random."""

    def too_much(picture: Pillow.Image) -> None:
        raise MemoryError

    write_picture(tmp_path / "p.png", picture(1))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", too_much)
    for read in (read_picture, lambda path: open_source(path).info):
        with pytest.raises(MediaError, match=r"p\.png: the memory"):
            read(tmp_path / "p.png")


def test_fit_size() -> None:
    assert fit_size(1920, 1080, 512) == (512, 288)
    assert fit_size(1080, 1920, 512) == (288, 512)
    assert fit_size(100, 50, 512) == (100, 50)
    assert fit_size(100, 50, 512, upscale=True) == (512, 256)
    assert fit_size(10000, 3, 100) == (100, 1)
    assert fit_size(7, 7, None) == (7, 7)
    assert fit_size(640, 272, 256) == (256, 109)
    assert fit_size(640, 272, 256, even=True) == (256, 108)
    assert fit_size(640, 274, 256, even=True) == (256, 110)
    assert fit_size(1000, 3, 100, even=True) == (100, 2)
    assert fit_size(640, 272, 255, even=True) == (255, 108), "an odd size asked for is given"
    assert fit_size(101, 57, 512, even=True) == (101, 57), "what is not scaled keeps its size"
    with pytest.raises(UsageError):
        fit_size(10, 10, 0)


def test_resize_does_not_alias() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8)
    small = resize(image, 16, 16).astype(int)
    assert small.shape == (16, 16, 3)
    assert abs(small - 127.5).max() < 12
    assert resize(image, 64, 64) is image


def saved_tiff(path: Path, pages: int, mode: str = "RGB", small: int = 0) -> Path:
    """A TIFF of pages, and of smaller copies of the first one."""
    images = [Pillow.new(mode, (8, 8), number) for number in range(pages)]
    copies = [Pillow.new(mode, (4, 4), 0) for _ in range(small)]
    for copy in copies:
        copy.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    images[0].save(path, save_all=True, append_images=[*images[1:], *copies])
    return path


@pytest.mark.parametrize(("pages", "small", "said"), [(1, 0, ""), (3, 0, "has 3 pages; its first one"), (1, 2, "")])
def test_a_tiff_of_several_pages_says_so(tmp_path: Path, pages: int, small: int, said: str) -> None:
    path = saved_tiff(tmp_path / "scan.tif", pages, small=small)
    assert more_in(path) == said
    notes = (f"scan.tif {said} is painted. Save other pages as pictures of their own.",) if said else ()
    assert picture_notes(path) == notes
    assert [note for note in open_source(path).info.notes if "pages" in note] == list(notes)
    assert style_notes([StylePicture(path)]) == ((f"The style scan.tif {said} is used.",) if said else ())
    assert start_notes(path) == ((f"scan.tif {said} is what the painting starts from.",) if said else ())


@pytest.mark.parametrize(("mode", "bits"), [("L", 8), ("I;16", 16), ("I", 32), ("F", 32)])
def test_a_tiff_says_how_many_bits_it_has(tmp_path: Path, mode: str, bits: int) -> None:
    path = saved_tiff(tmp_path / "a.tif", 1, mode)
    said = (f"a.tif has {bits} bits a channel; it is painted from 8 of them.",) if bits > 8 else ()
    if mode == "F":
        said = ("a.tif has 32-bit floating-point channels; it is painted from 8 bits of each.",)
    assert picture_bits(path) == bits and depth_notes(path) == said
    assert bool(depth_notes(path, deep=True)) == (bits == 32), "16 bits are read"


@pytest.mark.parametrize(("kind", "bits"), [("half", 16), ("float", 32)])
def test_an_exr_says_what_its_numbers_are(tmp_path: Path, kind: str, bits: int) -> None:
    path = tmp_path / "a.exr"
    grey = ("-f", "lavfi", "-i", "color=gray:s=8x8", "-frames:v", "1", "-pix_fmt", "gbrpf32le")
    ffmpeg("-v", "error", *grey, "-format", kind, "-c:v", "exr", address(path))
    said = f"a.exr has {bits}-bit floating-point channels; it is painted from 8 bits of each."
    assert picture_bits(path) == bits and depth_notes(path) == depth_notes(path, deep=True) == (said,)
    assert said in open_source(path).info.notes and open_source(path).info.bits == bits


def test_a_grey_picture_of_floating_point_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.pfm").write_bytes(b"Pf\n8 8\n-1.0\n" + np.linspace(0, 1, 64, dtype="<f4").tobytes())
    assert picture_bits(tmp_path / "a.pfm") == 32
    assert depth_notes(tmp_path / "a.pfm") == (
        "a.pfm has 32-bit floating-point channels; it is painted from 8 bits of each.",
    )
