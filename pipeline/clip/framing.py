"""Which part of the input is painted, and at which size the painting is written. How large it is painted is a setting.

Nothing here imports what reads pictures, or torch: `reelbrush --help` needs these options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any

from pipeline.clip.parse import parse_bytes, parse_rate
from pipeline.errors import UsageError
from pipeline.options import INPUT, OUTPUT, Option, option

SOURCE = "source"
"""The output size that is that of the input, or of what is left of it."""
FLATTEN, KEEP = "flatten", "keep"
"""What becomes of transparency."""
SDR = "sdr"
"""What becomes of HDR where it is not kept."""
DEPTHS = (8, 10, 16)
"""Bits of a channel that a result can have."""
LARGEST = 16384
"""Pixels of the longer side of what is written, at most."""
_ASPECT = re.compile(r"(\d{1,5})\s*[:/x]\s*(\d{1,5})")
_WIDEST = 20
"""Times that one side may be as long as the other."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")
COLOURS = {"black": "#000000", "white": "#ffffff", "grey": "#808080"}
"""What bars can be by name."""


def parse_aspect(text: str) -> str:
    """'9:16', ' 4 : 5' -> '9:16', '4:5': width and height, cancelled down.

    :raises UsageError: not two numbers, or a strip that nobody could look at.
    """
    found = _ASPECT.fullmatch(str(text).strip())
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not width or not height or max(width, height) > _WIDEST * min(width, height):
        raise UsageError(
            f"--aspect {str(text)!r} is no shape of a picture. Write width:height, for instance 9:16, 1:1 or 4:5; no "
            f"side may be more than {_WIDEST} times as long as the other."
        )
    ratio = Fraction(width, height)
    return f"{ratio.numerator}:{ratio.denominator}"


def parse_colour(text: str) -> str:
    """'black' or '#000000' -> '#000000'.

    :raises UsageError: no colour.
    """
    word = str(text).strip().lower()
    word = COLOURS.get(word, word)
    if not _COLOUR.fullmatch(word):
        raise UsageError(
            f"--pad {str(text)!r} is no colour. Write {', '.join(COLOURS)}, or red, green and blue as in '#1a2b3c'."
        )
    return word


def parse_gif_fps(text: str) -> str:
    """'12.5' -> '25/2': frames a second of a GIF.

    :raises UsageError: no rate.
    """
    try:
        return str(parse_rate(str(text)))
    except UsageError:
        raise UsageError(f"--gif-fps {str(text)!r} is not a frame rate. Write for instance 10, 12.5 or 20.") from None


def parse_alpha(text: str) -> str:
    """'keep' or 'flatten'.

    :raises UsageError: neither.
    """
    word = str(text).strip().lower()
    if word not in (FLATTEN, KEEP):
        raise UsageError(f"--alpha {str(text)!r} is neither {FLATTEN}, which lays it on white, nor {KEEP}.")
    return word


def alpha_option(kept_in: str) -> Mapping[str, Option]:
    """The option for transparency.

    :param kept_in: what can hold it, as in 'in a .png'.
    """
    return option(
        f"What becomes of transparency: flatten lays it on white; keep keeps it, in a {kept_in}. It is painted on "
        "white either way.",
        OUTPUT,
        metavar="WORD",
        read=parse_alpha,
        suggested=lambda: (FLATTEN, KEEP),
    )


def depth_option(
    of_what: str,
    default: str = "8; of a video whose input has more, 10",
    suggested: Sequence[int] = DEPTHS,
) -> Mapping[str, Option]:
    """The option for the bits of a channel.

    :param of_what: how many there can be of what.
    """
    return option(
        f"Bits a channel: {of_what}. The painting is kept with as many, and takes more of the disk.",
        OUTPUT,
        metavar="BITS",
        read=parse_depth,
        suggested=lambda: map(str, suggested),
        default=default,
    )


def parse_hdr(text: str) -> str:
    """'keep' or 'sdr'.

    :raises UsageError: neither.
    """
    word = str(text).strip().lower()
    if word not in (SDR, KEEP):
        raise UsageError(f"--hdr {str(text)!r} is neither {SDR}, which ordinary screens show, nor {KEEP}.")
    return word


def parse_depth(text: str | int) -> int:
    """'10' -> 10: bits of a channel.

    :raises UsageError: no such number.
    """
    word = str(text).strip()
    if isinstance(text, bool) or word not in map(str, DEPTHS):
        raise UsageError(f"--depth {str(text)!r} is not one of {', '.join(map(str, DEPTHS))} bits a channel.")
    return int(word)


def parse_output_size(text: str) -> str | int:
    """'source', or '1920' -> 1920: pixels of the longer side.

    :raises UsageError: neither.
    """
    word = str(text).strip().lower()
    if word == SOURCE:
        return word
    if isinstance(text, bool) or not word.isdecimal() or len(word) > 6 or not 1 <= int(word) <= LARGEST:
        raise UsageError(
            f"--output-size {str(text)!r} is no size. Write {SOURCE} for that of the input, or the pixels of the "
            f"longer side, from 1 to {LARGEST}."
        )
    return int(word)


def flag(name: str) -> str:
    """What the field of that name is called on the command line."""
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class GifOptions:
    """What is asked of the GIF of a clip: the one beside the output, or the output where it is one."""

    gif_size: int | None = field(
        default=None,
        metadata=option(
            "Longest side of the GIF in pixels; of the one beside the output, or the output itself.",
            OUTPUT,
            low=1,
            high=LARGEST,
            default="as it is painted",
        ),
    )
    gif_fps: str | None = field(
        default=None,
        metadata=option(
            "Frames a second of the GIF, which lasts as long as before.",
            OUTPUT,
            metavar="RATE",
            read=parse_gif_fps,
            default="as the input",
        ),
    )
    max_bytes: int | None = field(
        default=None,
        metadata=option(
            "The GIF takes no more than that: 5MB, 800kB. Dither, size, frames, colours are given up, least visible "
            "first.",
            OUTPUT,
            metavar="SIZE",
            read=parse_bytes,
        ),
    )

    @property
    def gif_options(self) -> dict[str, Any]:
        """These fields by name, but those that say nothing."""
        found = {one.name: getattr(self, one.name) for one in fields(GifOptions)}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Framing:
    """What of the input is painted, and how large it is written."""

    aspect: str | None = field(
        default=None,
        metadata=option(
            "Shape of the result: 9:16, 1:1, 4:5 or any W:H. What does not fit is cut off on both sides; with --pad, "
            "nothing is.",
            INPUT,
            metavar="W:H",
            read=parse_aspect,
            suggested=lambda: ("9:16", "1:1", "4:5", "16:9"),
        ),
    )
    pad: str | None = field(
        default=None,
        metadata=option(
            "With --aspect: all of the picture, between bars of this colour (black, white, grey or '#1a2b3c'), which "
            "are not painted.",
            OUTPUT,
            metavar="COLOUR",
            read=parse_colour,
            suggested=lambda: tuple(COLOURS),
        ),
    )
    output_size: str | int | None = field(
        default=None,
        metadata=option(
            "Write the result at another size than it is painted at (--size): 'source' for that of the input, or the "
            "pixels of the longer side. Enlarged, it gets the fine detail of the input.",
            OUTPUT,
            metavar="source|N",
            read=parse_output_size,
            suggested=lambda: (SOURCE,),
            default="as it is painted",
        ),
    )

    alpha: str = field(
        default=FLATTEN,
        metadata=alpha_option(".mov, .webm, .mkv, .gif, .webp, .apng, a folder, or a picture but .jpg"),
    )

    depth: int | None = field(
        default=None, metadata=depth_option("8 or 10 of a video (ffv1: 16), 8 or 16 of a folder of pictures or a .png")
    )
    hdr: str = field(
        default=SDR,
        metadata=option(
            "What becomes of HDR: sdr writes what an ordinary screen shows, of which it is painted either way; keep "
            "writes HDR again, PQ or HLG as it was.",
            OUTPUT,
            metavar="WORD",
            read=parse_hdr,
            suggested=lambda: (SDR, KEEP),
        ),
    )

    @property
    def keeps_hdr(self) -> bool:
        """Whether HDR is written again."""
        return self.hdr == KEEP

    @property
    def paints_deep(self) -> bool:
        """Whether more than 8 bits a channel of a painting are kept: it is computed with more."""
        return self.keeps_hdr or (self.depth or DEPTHS[0]) > DEPTHS[0]

    @property
    def keeps_alpha(self) -> bool:
        """Whether what is transparent stays so."""
        return self.alpha == KEEP

    @property
    def framing(self) -> dict[str, Any]:
        """These fields by name, to make another object that has them."""
        return {one.name: getattr(self, one.name) for one in fields(Framing)}

    @property
    def ratio(self) -> Fraction | None:
        """Width divided by height of what is written; None: that of the input."""
        return None if self.aspect is None else Fraction(self.aspect.replace(":", "/"))

    @property
    def crop(self) -> Fraction | None:
        """Width divided by height of what is painted; None: all of the input is."""
        return self.ratio if self.pad is None else None

    @property
    def framed(self) -> Mapping[str, Any]:
        """Of these fields those that say something, for descriptions that have only what is not as usual."""
        return {name: value for name, value in self.framing.items() if value not in (None, FLATTEN, SDR)}

    def check_framing(self) -> None:
        """See that the fields go together.

        :raises UsageError: they do not.
        """
        if self.pad is not None and self.aspect is None:
            raise UsageError("--pad fills up to a shape. Say which with --aspect, for instance --aspect 9:16.")
