"""Which codec goes into which file, and what ffmpeg is told for each quality.

What people look at in a painted clip are brush strokes: fine, sharp, without repetition. The default, `visual`,
therefore spends more bits than is usual for films; `small` is what one would put on a web page; `lossless` gives
back every pixel. A number is passed on as the constant rate factor (CRF) of the encoder, less being better.
Thread counts are fixed where they change the result, so that every machine writes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pipeline.errors import UsageError
from pipeline.media.ffmpeg import ENCODERS, encoders

QUALITIES = ("visual", "small", "lossless")

_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,"
    "format={format},"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_RGB = "format={format},setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc"


@dataclass(frozen=True)
class Codec:
    """What one codec can do."""

    suffixes: tuple[str, ...]
    """Containers that take it."""
    crf: dict[str, int]
    """CRF of the named qualities 'visual' and 'small'; empty where the codec has none."""
    largest_crf: int = 0
    smallest_side: int = 1
    """Below this the encoder fails or crashes."""
    largest: tuple[int, int] = (65_534, 65_534)
    """Beyond this width or height it fails."""


CODECS = {
    # CRF 18 of x264 is called visually lossless for films; strokes want a little more.
    "h264": Codec((".mp4", ".mov", ".mkv"), {"visual": 15, "small": 23}, 51, largest=(16_384, 16_384)),
    # x265 reaches the quality of x264 at a CRF about 2 higher. Small pictures made it crash (34x18, 4:4:4).
    "h265": Codec((".mp4", ".mov", ".mkv"), {"visual": 17, "small": 26}, 51, 32),
    # Not in .mp4: read back from there, the lengths of unevenly spaced frames are lost.
    "vp9": Codec((".webm", ".mkv"), {"visual": 18, "small": 33}, 63),
    # SVT-AV1 crashed on pictures of 8x8 and smaller.
    "av1": Codec((".mp4", ".mkv", ".webm"), {"visual": 20, "small": 35}, 63, 16, (16_384, 8704)),
    "prores": Codec((".mov",), {}),
    "ffv1": Codec((".mkv",), {}),
}
ANY_SIZE = (512, 512)
DEFAULT = {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
"""Container -> codec where none is asked for."""


DEFAULT_ALPHA = {".mov": "prores", ".mkv": "vp9"}
"""The same where the pictures are transparent."""


@dataclass(frozen=True)
class Encoding:
    """What ffmpeg is told."""

    codec: str
    filters: str
    arguments: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose_encoding(
    suffix: str,
    codec: str | None,
    quality: str | int | None,
    size: tuple[int, int] = ANY_SIZE,
    mean_rate: Fraction | None = None,
    alpha: bool = False,
) -> Encoding:
    """How to encode a clip into a container.

    Args:
        suffix: '.mp4', '.mov', '.mkv' or '.webm'.
        codec: a name of `CODECS`; None for the natural one.
        quality: 'visual' (None means this), 'small', 'lossless' or a CRF.
        size: width and height in pixels; the default is one that every codec can hold.
        mean_rate: frames a second where they are not evenly spaced; None where they are.
        alpha: the pictures are transparent, and stay so.

    Raises:
        UsageError: these do not go together; the message lists what does.
    """
    name = codec.lower() if codec else (DEFAULT_ALPHA if alpha else DEFAULT).get(suffix, DEFAULT[suffix])
    possible = [known for known, what in CODECS.items() if suffix in what.suffixes]
    if name not in CODECS:
        raise UsageError(f"There is no codec {codec!r}. A {suffix} file can hold {', '.join(possible)}.")
    if name not in possible:
        others = ", ".join(CODECS[name].suffixes)
        raise UsageError(
            f"A {suffix} file cannot hold {name}, but {', '.join(possible)}. For {name} choose a name that ends in "
            f"{others}."
        )
    least = CODECS[name].smallest_side
    if min(size) < least:
        raise UsageError(
            f"{name} cannot hold pictures of {size[0]}x{size[1]} pixels; each side must be {least} or more. "
            "Choose a larger size, or another codec."
        )
    across, down = CODECS[name].largest
    if size[0] > across or size[1] > down:
        fit = [one for one in possible if size[0] <= CODECS[one].largest[0] and size[1] <= CODECS[one].largest[1]]
        raise UsageError(
            f"{name} cannot hold pictures of {size[0]}x{size[1]} pixels; {across}x{down} is the most. Choose a smaller "
            f"size{', or another codec: ' if fit else ''}{', '.join(fit)}."
        )
    level = checked_quality(name, quality)
    build = {"h264": _h264, "h265": _h265, "vp9": _vp9, "av1": _av1, "prores": _prores, "ffv1": _ffv1}[name]
    encoding = build(level, size, None if mean_rate is None else mean_rate.limit_denominator(1001))
    if alpha:
        return _with_alpha(encoding, level)
    if suffix in (".mp4", ".mov") and name == "h265":
        # QuickTime knows HEVC only by this tag.
        encoding = Encoding(name, encoding.filters, (*encoding.arguments, "-tag:v", "hvc1"), encoding.notes)
    return encoding


def _with_alpha(encoding: Encoding, level: str | int) -> Encoding:
    """The same for pictures with a fourth channel.

    Raises:
        UsageError: the codec has none.
    """
    codec, arguments = encoding.codec, encoding.arguments
    if codec == "ffv1":
        return Encoding(codec, _RGB.format(format="gbrap"), arguments, encoding.notes)
    if codec == "prores":
        # 4444 is the only profile with a fourth channel, and only this encoder writes it.
        encoder = _encoder(codec, ("prores_ks",))
        arguments = ("-c:v", encoder, "-profile:v", "4", "-alpha_bits", "16", "-vendor", "apl0")
        return Encoding(codec, _BT709.format(format="yuva444p10le"), arguments, encoding.notes)
    if codec == "vp9" and level != "lossless":
        return Encoding(codec, _BT709.format(format="yuva420p"), (*arguments, "-auto-alt-ref", "0"), encoding.notes)
    named = f"{codec} without loss" if codec == "vp9" else codec
    raise UsageError(
        f"{named} cannot keep transparency. Choose prores in a .mov, vp9 in a .webm or .mkv, ffv1 in a .mkv, a .gif or "
        "a folder; or leave --alpha keep out."
    )


def checked_quality(codec: str, quality: str | int | None) -> str | int:
    """A name of `QUALITIES` or a CRF that the codec accepts. Raises a UsageError where it is neither."""
    what = CODECS[codec]
    if isinstance(quality, str) and quality.isdecimal():
        quality = int(quality)
    if quality is None:
        quality = "visual"
    if isinstance(quality, int):
        if not what.crf:
            raise UsageError(f"{codec} takes no number as quality. Choose one of {', '.join(QUALITIES)}.")
        if not 0 <= quality <= what.largest_crf:
            raise UsageError(f"The quality of {codec} is a number from 0 (best) to {what.largest_crf}, not {quality}.")
    elif quality not in QUALITIES:
        number = f", or a number from 0 (best) to {what.largest_crf}" if what.crf else ""
        raise UsageError(f"There is no quality {quality!r}. Choose one of {', '.join(QUALITIES)}{number}.")
    return quality


def _encoder(codec: str, which: tuple[str, ...] | None = None) -> str:
    """The first encoder for `codec` that this ffmpeg has."""
    wanted = which or ENCODERS[codec]
    for name in wanted:
        if name in encoders():
            return name
    there = [known for known in CODECS if any(name in encoders() for name in ENCODERS[known])]
    raise UsageError(
        f"This ffmpeg cannot encode {codec} ({' or '.join(wanted)} is missing). It can encode {', '.join(there)}."
    )


def _crf(codec: str, level: str | int) -> str:
    return str(level if isinstance(level, int) else CODECS[codec].crf[level])


def _subsampled(width: int, height: int) -> tuple[str, tuple[str, ...]]:
    """Pixel format of a codec that can halve the colour resolution of even sizes only."""
    if width % 2 == 0 and height % 2 == 0:
        return "yuv420p", ()
    note = (
        f"{width}x{height} is an odd size, which needs colour in full resolution (4:4:4); a few players cannot "
        "show that. Choose an even size if yours cannot."
    )
    return "yuv444p", (note,)


def _ratio(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


_LOSSLESS_NOTE = ("Lossless video is stored as RGB, which only few players can show; it is meant for editing.",)


def _h264(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    # Without B-frames the last frame stored is the last one shown, so its own length is kept.
    # The rate is only for the level that the file claims; derived from the clock it would be absurd.
    timing = ("-bf", "0", "-x264-params", f"fps={_ratio(mean_rate)}") if mean_rate else ()
    shared = ("-preset", "slow", *timing, "-threads", "4")
    if level == "lossless":
        encoder = _encoder("h264", ("libx264rgb",))
        return Encoding("h264", _RGB.format(format="rgb24"), ("-c:v", encoder, "-qp", "0", *shared), _LOSSLESS_NOTE)
    pixels, notes = _subsampled(*size)
    arguments = ("-c:v", _encoder("h264"), "-crf", _crf("h264", level), *shared)
    return Encoding("h264", _BT709.format(format=pixels), arguments, notes)


def _h265(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    timing = ("-bf", "0") if mean_rate else ()
    shared = ("-c:v", _encoder("h265"), "-preset", "medium", *timing, "-x265-params")
    threads = "log-level=error:frame-threads=2" + (f":fps={_ratio(mean_rate)}" if mean_rate else "")
    if level == "lossless":
        return Encoding("h265", _RGB.format(format="gbrp"), (*shared, f"{threads}:lossless=1"), _LOSSLESS_NOTE)
    pixels, notes = _subsampled(*size)
    return Encoding("h265", _BT709.format(format=pixels), (*shared, threads, "-crf", _crf("h265", level)), notes)


def _vp9(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    shared = ("-c:v", _encoder("vp9"), "-b:v", "0", "-deadline", "good", "-cpu-used", "2", "-row-mt", "1")
    if level == "lossless":
        return Encoding("vp9", _RGB.format(format="gbrp"), (*shared, "-lossless", "1"), _LOSSLESS_NOTE)
    return Encoding("vp9", _BT709.format(format="yuv420p"), (*shared, "-crf", _crf("vp9", level)))


def _av1(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    if level == "lossless":
        raise UsageError("av1 cannot be written without loss here. Choose ffv1 in a .mkv file, or h264.")
    encoder = _encoder("av1")
    speed: tuple[str, ...] = ("-preset", "6") if encoder == "libsvtav1" else ("-cpu-used", "6", "-b:v", "0")
    if mean_rate and encoder == "libsvtav1":
        # It refuses more than 240 frames a second, which is what it takes a fine clock for.
        speed += ("-svtav1-params", f"fps-num={mean_rate.numerator}:fps-denom={mean_rate.denominator}")
    arguments = ("-c:v", encoder, *speed, "-crf", _crf("av1", level))
    return Encoding("av1", _BT709.format(format="yuv420p"), arguments)


def _prores(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    if level == "lossless":
        raise UsageError("prores is never without loss. Choose ffv1 in a .mkv file, or h264.")
    profile = "1" if level == "small" else "3"  # LT, HQ
    arguments = ("-c:v", _encoder("prores"), "-profile:v", profile, "-vendor", "apl0")
    return Encoding("prores", _BT709.format(format="yuv422p10le"), arguments)


def _ffv1(level: str | int, size: tuple[int, int], mean_rate: Fraction | None) -> Encoding:
    if level == "small":
        raise UsageError("ffv1 is always without loss, so it is never small. Choose another codec.")
    # Slices of a fixed number: by default it follows the number of threads.
    slices = ("-slices", "4") if min(size) >= 16 else ()
    arguments = ("-c:v", _encoder("ffv1"), "-level", "3", "-g", "1", "-slicecrc", "1", *slices)
    return Encoding("ffv1", _RGB.format(format="gbrp"), arguments)
