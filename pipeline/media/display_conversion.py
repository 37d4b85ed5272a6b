"""What an ordinary screen shows of a video: one picture at a time, of the colours and the light that it has."""

from __future__ import annotations

import re

from pipeline.media.ffmpeg import filters
from pipeline.media.header import Header

HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
"""Transfers of HDR as ffmpeg names them, and what they are called."""
PQ, HLG = HDR
_WIDE = {"bt2020": "BT.2020", "smpte431": "DCI-P3", "smpte432": "Display P3"}
WHITE = 203
"""Light of a white page in HDR, in cd/m2 (ITU-R BT.2408): that of the white of an ordinary picture."""
BRIGHTEST = 1000
"""Light that is still told from more of it, in cd/m2: what HDR is graded for most of the time."""
SWS_WHITE = 65_280
"""White in the RGB of 16 bits that ffmpeg's scaler makes and takes; all others count it as 65535."""
_FULL_RANGE = "lutrgb=" + ":".join(f"{one}=min(val*65535/{SWS_WHITE}\\,maxval)" for one in "rgb")
SWS_RANGE = "lutrgb=" + ":".join(f"{one}=val*{SWS_WHITE}/65535" for one in "rgb")
"""Filters from the one to the other, and back."""
_RGB = re.compile(r"gbr|rgb|bgr|argb|abgr|x2rgb|x2bgr|0rgb|0bgr|gray|ya\d")
KNEE = 0.3
"""Light, as a share of that white, up to which all stays as it is."""


def in_16_bits(header: Header) -> tuple[str, ...]:
    """Filters that make frames RGB of 16 bits a channel, with 65535 as white."""
    # Of what is RGB already the scaler takes white as it is.
    return ("format=gbrp16le",) if _RGB.match(header.pixel_format) else ("format=gbrp16le", _FULL_RANGE)


def is_hdr(header: Header) -> bool:
    """Whether a video has more light than an ordinary screen."""
    return header.colour_transfer in HDR


def deinterlaced(header: Header) -> tuple[str, ...]:
    """Filters that make one picture of the two fields of an interlaced frame; they need the frames around it."""
    return ("bwdif=mode=send_frame:deint=interlaced",) if header.interlaced and "bwdif" in filters() else ()


def converted(header: Header, deep: bool = False) -> tuple[str, ...]:
    """Filters for frames in RGB of 16 bits, with the transfer and the primaries of the file, that give those of BT.709,
    of 8 bits, or of 16 where they are `deep`; none where there is nothing to do."""
    # Rounded by zscale, which counts as all but the scaler do.
    rounded = "format=gbrp16le" if deep else "format=gbrp"
    primaries, transfer = header.colour_primaries, header.colour_transfer
    if is_hdr(header) and {"zscale", "tonemap"} <= filters():
        # BT.2020 is what HDR has where the file does not say.
        source = primaries if primaries in (*_WIDE, "bt709") else "bt2020"
        return (
            "setparams=colorspace=gbr:range=pc",
            f"zscale=tin={transfer}:pin={source}:t=linear:npl={WHITE}:p=bt709:agamma=false",
            f"format=gbrpf32le,tonemap=mobius:param={KNEE}:desat=0:peak={BRIGHTEST / WHITE:.4f}",
            "zscale=tin=linear:pin=bt709:t=iec61966-2-1:p=bt709",
            rounded,
        )
    if primaries in _WIDE and not is_hdr(header) and "zscale" in filters():
        wide = f"zscale=tin=bt709:t=bt709:pin={primaries}:p=bt709"
        return ("setparams=colorspace=gbr:range=pc", wide, rounded)
    return ()


def screen_notes(header: Header) -> list[str]:
    """What a person should know of it, a sentence each."""
    notes, mended = [], bool(converted(header))
    lacks = "as this ffmpeg lacks"
    if is_hdr(header):
        done = "painted from what an ordinary screen shows of it"
        dull = f"not tone-mapped, {lacks} zscale or tonemap, so colours look dull"
        notes.append(f"The clip is HDR ({HDR[header.colour_transfer]}); it is {done if mended else dull}.")
    elif header.colour_primaries in _WIDE:
        done = "converted to BT.709" if mended else f"taken for BT.709, {lacks} zscale, and look dull"
        notes.append(f"The colours of the clip are those of {_WIDE[header.colour_primaries]}; they are {done}.")
    if header.interlaced:
        done = "each frame is made one picture of its two fields (deinterlaced)"
        combs = f"it is not deinterlaced, {lacks} bwdif, so moving edges show combs"
        notes.append(f"The clip is interlaced; {done if deinterlaced(header) else combs}.")
    return notes
