"""Which codec goes into which file, and what ffmpeg is told for each quality.

What people look at in a painted clip are brush strokes: fine, sharp, without repetition. The default, `visual`,
therefore spends more bits than is usual for films; `small` is what one would put on a web page; `lossless` gives
back every pixel. A number is passed on as the constant rate factor (CRF) of the encoder, less being better.
Thread counts are fixed where they change the result, so that every machine writes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.errors import UsageError
from pipeline.media.display_conversion import BRIGHTEST, HDR, PQ
from pipeline.media.ffmpeg import ENCODERS, encoders
from pipeline.media.pixels import ANY_PICTURES, BITS, Pictures, le, rate, ratio, rgb, subsampled, wants_16_bits, yuv

QUALITIES = ("visual", "small", "lossless")
_FINER = 4
_MASTERED = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)"
"""The screen that PQ is meant for: BT.2020 (in units of 0.00002) of 1000 cd/m2 (in those of 0.0001)."""


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
DEFAULT = {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
"""Container -> codec where none is asked for."""
DEFAULT_ALPHA = {".mov": "prores", ".mkv": "vp9"}
"""The same where the pictures are transparent."""
DEFAULT_DEEP = {".mp4": "h265", ".mov": "h265", ".mkv": "h265"}
"""The same for more than 8 bits a channel, which what plays h264 hardly ever shows."""


@dataclass(frozen=True)
class Encoding:
    """What ffmpeg is told."""

    codec: str
    filters: str
    arguments: tuple[str, ...]
    notes: tuple[str, ...] = ()
    wide: bool = False
    """It is given frames of 16 bits a channel."""


def choose_encoding(
    suffix: str,
    codec: str | None,
    quality: str | int | None,
    pictures: Pictures = ANY_PICTURES,
) -> Encoding:
    """How to encode a clip into a container.

    :param suffix: '.mp4', '.mov', '.mkv' or '.webm'.
    :param codec: a name of `CODECS`; None for the natural one.
    :param quality: 'visual' (None means this), 'small', 'lossless' or a CRF.
    :raises UsageError: these do not go together; the message lists what does.
    """
    name, size = codec.lower() if codec else _natural(suffix, quality, pictures), pictures.size
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
    if pictures.hdr:
        _check_hdr(name, level, pictures)
    build = {"h264": _h264, "h265": _h265, "vp9": _vp9, "av1": _av1, "prores": _prores, "ffv1": _ffv1}[name]
    if pictures.depth not in (None, *BITS) and (name, pictures.depth) != ("ffv1", 16):
        raise UsageError(
            f"A video has {BITS[0]} or {BITS[1]} bits a channel, not {pictures.depth}. 16 are for folders of pictures, "
            "and for ffv1 in a .mkv."
        )
    asked, pictures = pictures.depth is not None, replace(pictures, depth=_depth(name, level, pictures))
    encoding = build(level, pictures)
    notes = (*encoding.notes, *_light_notes(name, codec is None, asked, pictures))
    encoding = replace(encoding, notes=notes, wide=wants_16_bits(pictures))
    if pictures.alpha:
        return _with_alpha(encoding, level, pictures)
    if suffix in (".mp4", ".mov") and name == "h265":
        # QuickTime knows HEVC only by this tag.
        encoding = replace(encoding, arguments=(*encoding.arguments, "-tag:v", "hvc1"))
    return encoding


def _natural(suffix: str, quality: str | int | None, pictures: Pictures) -> str:
    """The codec where none is asked for."""
    if pictures.alpha:
        return DEFAULT_ALPHA.get(suffix, DEFAULT[suffix])
    deep = DEFAULT_DEEP.get(suffix, DEFAULT[suffix])
    fits = min(pictures.size) >= CODECS[deep].smallest_side and any(name in encoders() for name in ENCODERS[deep])
    # Without loss, what was painted is kept to the bit in any case.
    wanted = pictures.hdr or (pictures.deeper and quality != "lossless")
    return deep if wanted and fits else DEFAULT[suffix]


def _depth(name: str, level: str | int, pictures: Pictures) -> int:
    """Bits of a channel of what a codec is given."""
    if name == "ffv1":
        return 16 if pictures.hdr or (pictures.deep_frames and pictures.deeper and not pictures.alpha) else BITS[0]
    # What was painted without HDR has 8; without loss there is nothing to gain.
    if name == "prores" or (pictures.deeper and (pictures.hdr or level != "lossless") and not pictures.alpha):
        plays = name != "h264" or pictures.depth is not None
        return BITS[1] if plays or pictures.hdr else BITS[0]
    return BITS[0]


def _light_notes(name: str, natural: bool, asked: bool, pictures: Pictures) -> list[str]:
    """What becomes of more than 8 bits and of HDR; `natural`: the codec was not asked for; `asked`: the
    depth was."""
    if pictures.hdr:
        return [
            f"Written as HDR again ({HDR[pictures.hdr]}, BT.2020), as {name} of {pictures.depth} bits a channel: light "
            f"up to {BRIGHTEST} cd/m2 and colours of BT.709 are as in the input, what goes beyond them is at that edge."
        ]
    if pictures.deep and name == "h264" and pictures.depth == BITS[0] and not (asked or pictures.alpha):
        return ["h264 gets 8 bits a channel, which is what every player shows; h265 or --depth 10 has 10."]
    if natural and name in DEFAULT_DEEP.values():
        return [f"Written as {name} with {pictures.depth} bits a channel; --depth 8 writes what every player shows."]
    return []


def _check_hdr(name: str, level: str | int, pictures: Pictures) -> None:
    """Raise a UsageError where a codec cannot hold HDR."""
    if pictures.alpha:
        raise UsageError("A clip cannot keep both HDR and its transparency. Leave --hdr keep or --alpha keep out.")
    if pictures.depth == BITS[0]:
        raise UsageError("HDR needs 10 bits a channel. Leave --depth 8 out, or --hdr keep.")
    if name == "h264" or (level == "lossless" and name != "ffv1"):
        named = f"{name} without loss" if level == "lossless" else name
        raise UsageError(
            f"What plays {named} shows no HDR. Choose h265, vp9 or av1, prores in a .mov, ffv1 in a .mkv; or leave "
            "--hdr keep out."
        )


def _with_alpha(encoding: Encoding, level: str | int, pictures: Pictures) -> Encoding:
    """The same for pictures with a fourth channel.

    :raises UsageError: the codec has none.
    """
    codec, arguments = encoding.codec, encoding.arguments
    if codec == "ffv1":
        return Encoding(codec, rgb("gbrap"), arguments, encoding.notes)
    if codec == "prores":
        # 4444 is the only profile with a fourth channel, and only this encoder writes it.
        encoder = _encoder(codec, ("prores_ks",))
        arguments = ("-c:v", encoder, "-profile:v", "4", "-alpha_bits", "16", "-vendor", "apl0")
        return Encoding(codec, yuv("yuva444p10le", pictures), arguments, encoding.notes)
    if codec == "vp9" and level != "lossless":
        return Encoding(codec, yuv("yuva420p", pictures), (*arguments, "-auto-alt-ref", "0"), encoding.notes)
    named = f"{codec} without loss" if codec == "vp9" else codec
    raise UsageError(
        f"{named} cannot keep transparency. Choose prores in a .mov, vp9 in a .webm or .mkv, ffv1 in a .mkv, a .gif, "
        ".webp or .apng, or a folder; or leave --alpha keep out."
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


def _crf(codec: str, level: str | int, hdr: str = "") -> str:
    if isinstance(level, int):
        return str(level)
    # What an ordinary screen shows takes fewer levels of HDR, and coding would cost more of each.
    return str(CODECS[codec].crf[level] - (_FINER if hdr else 0))


_LOSSLESS_NOTE = ("Lossless video is stored as RGB, which only few players can show; it is meant for editing.",)


def _h264(level: str | int, pictures: Pictures) -> Encoding:
    mean_rate = rate(pictures)
    # Without B-frames the last frame stored is the last one shown, so its own length is kept.
    # The rate is only for the level that the file claims; derived from the clock it would be absurd.
    timing = ("-bf", "0", "-x264-params", f"fps={ratio(mean_rate)}") if mean_rate else ()
    shared = ("-preset", "slow", *timing, "-threads", "4")
    if level == "lossless":
        encoder = _encoder("h264", ("libx264rgb",))
        return Encoding("h264", rgb("rgb24"), ("-c:v", encoder, "-qp", "0", *shared), _LOSSLESS_NOTE)
    pixels, notes = subsampled(pictures)
    if pictures.depth == BITS[1]:
        notes += ("Few players show h264 with 10 bits a channel; h265 with as many plays in more of them.",)
    arguments = ("-c:v", _encoder("h264"), "-crf", _crf("h264", level), *shared)
    return Encoding("h264", yuv(pixels, pictures), arguments, notes)


def _h265(level: str | int, pictures: Pictures) -> Encoding:
    mean_rate = rate(pictures)
    timing = ("-bf", "0") if mean_rate else ()
    shared = ("-c:v", _encoder("h265"), "-preset", "medium", *timing, "-x265-params")
    more = "log-level=error:frame-threads=2" + (f":fps={ratio(mean_rate)}" if mean_rate else "")
    if level == "lossless":
        return Encoding("h265", rgb("gbrp"), (*shared, f"{more}:lossless=1"), _LOSSLESS_NOTE)
    if pictures.hdr == PQ:
        more += f":hdr10=1:master-display={_MASTERED}"
    pixels, notes = subsampled(pictures)
    return Encoding("h265", yuv(pixels, pictures), (*shared, more, "-crf", _crf("h265", level, pictures.hdr)), notes)


def _vp9(level: str | int, pictures: Pictures) -> Encoding:
    shared = ("-c:v", _encoder("vp9"), "-b:v", "0", "-deadline", "good", "-cpu-used", "2", "-row-mt", "1")
    if level == "lossless":
        return Encoding("vp9", rgb("gbrp"), (*shared, "-lossless", "1"), _LOSSLESS_NOTE)
    pixels = f"yuv420p{le(pictures)}"
    return Encoding("vp9", yuv(pixels, pictures), (*shared, "-crf", _crf("vp9", level, pictures.hdr)))


def _av1(level: str | int, pictures: Pictures) -> Encoding:
    if level == "lossless":
        raise UsageError("av1 cannot be written without loss here. Choose ffv1 in a .mkv file, or h264.")
    encoder, mean_rate = _encoder("av1"), rate(pictures)
    speed: tuple[str, ...] = ("-preset", "6") if encoder == "libsvtav1" else ("-cpu-used", "6", "-b:v", "0")
    if mean_rate and encoder == "libsvtav1":
        # It refuses more than 240 frames a second, which is what it takes a fine clock for.
        speed += ("-svtav1-params", f"fps-num={mean_rate.numerator}:fps-denom={mean_rate.denominator}")
    arguments = ("-c:v", encoder, *speed, "-crf", _crf("av1", level, pictures.hdr))
    return Encoding("av1", yuv(f"yuv420p{le(pictures)}", pictures), arguments)


def _prores(level: str | int, pictures: Pictures) -> Encoding:
    if level == "lossless":
        raise UsageError("prores is never without loss. Choose ffv1 in a .mkv file, or h264.")
    profile = "1" if level == "small" else "3"  # LT, HQ
    arguments = ("-c:v", _encoder("prores"), "-profile:v", profile, "-vendor", "apl0")
    return Encoding("prores", yuv("yuv422p10le", pictures), arguments)


def _ffv1(level: str | int, pictures: Pictures) -> Encoding:
    if level == "small":
        raise UsageError("ffv1 is always without loss, so it is never small. Choose another codec.")
    # Slices of a fixed number: by default it follows the number of threads.
    slices = ("-slices", "4") if min(pictures.size) >= 16 else ()
    arguments = ("-c:v", _encoder("ffv1"), "-level", "3", "-g", "1", "-slicecrc", "1", *slices)
    return Encoding("ffv1", rgb("gbrp16le" if pictures.depth == 16 else "gbrp", pictures.hdr), arguments)
