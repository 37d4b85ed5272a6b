"""What the pixels of a video are that a codec is given: how deep, of which light, and how that is said in the file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pipeline.media.display_conversion import SWS_RANGE

_YUV = (
    "scale=out_color_matrix={matrix}:out_range=tv:flags=accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,"
    "format={format},"
    "setparams=colorspace={space}:color_primaries={primaries}:color_trc={transfer}:range=tv"
)
_RGB = "format={format},setparams=colorspace=gbr:color_primaries={primaries}:color_trc={transfer}:range=pc"
BITS = (8, 10)
"""Of a channel, in a video."""


@dataclass(frozen=True)
class Pictures:
    """What the pictures of a clip are, which a codec has to take."""

    size: tuple[int, int] = (512, 512)
    """Width and height in pixels; the default is one that every codec can hold."""
    mean_rate: Fraction | None = None
    """Frames a second where they are not evenly spaced; None where they are."""
    alpha: bool = False
    """They are transparent, and stay so."""
    depth: int | None = None
    """Bits of a channel that are asked for; None: 10 where the codec is one for that and they are `deep`."""
    deep: bool = False
    """The clip that was painted has more than 8."""
    hdr: str = ""
    """Transfer of HDR that they have, a key of `HDR`; '' for none."""
    deep_frames: bool = False
    """They come with 16 bits a channel."""

    @property
    def deeper(self) -> bool:
        """Whether more than 8 bits are wanted."""
        return bool(self.hdr) or (self.deep if self.depth is None else self.depth > BITS[0])


ANY_PICTURES = Pictures()


def wants_16_bits(pictures: Pictures) -> bool:
    """Whether a codec is given 16 bits a channel to begin with.

    :param pictures: with their depth known.
    """
    deep = pictures.deep_frames and (pictures.depth or 0) > BITS[0]
    return bool(pictures.hdr) or (deep and not pictures.alpha)


def yuv(pixels: str, pictures: Pictures) -> str:
    """Filters that make of RGB what a codec is given, tagged as what it is."""
    hdr = pictures.hdr
    wide = {"matrix": "bt2020", "space": "bt2020nc", "primaries": "bt2020", "transfer": hdr}
    usual = dict.fromkeys(("matrix", "space", "primaries", "transfer"), "bt709")
    filters = _YUV.format(format=pixels, **(wide if hdr else usual))
    return f"{SWS_RANGE},{filters}" if wants_16_bits(pictures) else filters


def rgb(pixels: str, hdr: str = "") -> str:
    """The same for a codec that holds RGB."""
    return _RGB.format(format=pixels, primaries="bt2020" if hdr else "bt709", transfer=hdr or "bt709")


def subsampled(pictures: Pictures) -> tuple[str, tuple[str, ...]]:
    """Pixel format of a codec that can halve the colour resolution of even sizes only."""
    (width, height), deep = pictures.size, le(pictures)
    if width % 2 == 0 and height % 2 == 0:
        return f"yuv420p{deep}", ()
    note = (
        f"{width}x{height} is an odd size, which needs colour in full resolution (4:4:4); a few players cannot "
        "show that. Choose an even size if yours cannot."
    )
    return f"yuv444p{deep}", (note,)


def le(pictures: Pictures) -> str:
    """How the pixel formats of that depth end."""
    return "10le" if pictures.depth == BITS[1] else ""


def rate(pictures: Pictures) -> Fraction | None:
    """Frames a second where they are not evenly spaced, as no larger numbers than encoders take."""
    return None if pictures.mean_rate is None else pictures.mean_rate.limit_denominator(1001)


def ratio(rate: Fraction) -> str:
    """As ffmpeg reads it."""
    return f"{rate.numerator}/{rate.denominator}"
