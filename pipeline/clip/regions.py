"""Parts of the input that are painted in styles of their own, or not at all, as a person writes them.

    --region sky.png=wave.jpg                     in the style of wave.jpg where sky.png is white
    --region sky.png=wave.jpg:0.7+ink.jpg:0.3     in a blend
    --protect face.png                            not painted where face.png is white
    --region car.png@12+later.png@60=ink.jpg      drawn for frames 12 and 60; before, between and after
                                                  these the mask follows the motion of the clip

Nothing here imports what reads pictures, or torch: `reelbrush --help` needs these options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.clip.parse import bound_text, parse_bound
from pipeline.clip.styles import (
    StylePicture,
    blend_text,
    has_name,
    parse_style,
    split_blend,
    style_as_json,
    style_from_json,
)
from pipeline.errors import UsageError
from pipeline.file_kind import is_there, located
from pipeline.options import PAINTING, Option, option


@dataclass(frozen=True)
class MaskPicture:
    """Says what belongs to a region: white does, black does not, and grey is a share."""

    path: Path
    at: int | Fraction | None = None
    """The frame that it was drawn for, counted from 0, or a time in seconds: from there it follows the motion. None: it
    says it of every frame."""

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return str(self.path) + ("" if self.at is None else f"@{bound_text(self.at)}")


@dataclass(frozen=True)
class Mask:
    """Where a region is: one picture, video or numbered folder; or pictures that were drawn for some of the frames."""

    pictures: tuple[MaskPicture, ...]

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return "+".join(one.text for one in self.pictures)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(one.path for one in self.pictures)


@dataclass(frozen=True)
class Region:
    """A part of the input that is painted in styles of its own."""

    mask: Mask
    styles: tuple[StylePicture, ...]
    """They blend; at least one."""

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return f"{self.mask.text}={blend_text(self.styles)}"


def parse_mask(text: str, home: Path = Path()) -> Mask:
    """A mask out of 'FILE', or 'FILE@FRAME+FILE@FRAME', where a frame is a number from 0 or a time such as '1.5s'. A
    '+' or '@' is part of a name where a file has that name.

    :param home: the folder that a relative path counts from.
    :raises UsageError: not of that form.
    """

    def names_a_file(part: str) -> bool:
        return bool(part.strip()) and is_there(_mask_picture(part, home).path)

    pictures = tuple(_mask_picture(part, home) for part in split_blend(text, names_a_file))
    if len(pictures) > 1 and any(one.at is None for one in pictures):
        raise UsageError(
            f"{text!r} names several pictures for one mask. Say for which frame each was drawn: a.png@0+b.png@50; a "
            "frame is a number from 0, or a time such as 1.5s."
        )
    return Mask(pictures)


def _mask_picture(text: str, home: Path) -> MaskPicture:
    if not text.strip():
        raise UsageError("The name of a mask is empty. Write --region MASK=STYLE, or --protect MASK.")
    return MaskPicture(*located_at(text, home))


def parse_region(text: str, home: Path = Path()) -> Region:
    """A region out of 'MASK=STYLE', where the style can be a blend 'a.jpg:0.7+b.jpg:0.3'. A '=' is part of a name where
    a file has that name.

    :param home: the folder that relative paths count from.
    :raises UsageError: not of that form.
    """
    pieces = text.split("=")
    ends = [end for end in range(1, len(pieces)) if is_there(located("=".join(pieces[:end]), home))]
    end = ends[-1] if ends else 1
    mask, styles = "=".join(pieces[:end]), "=".join(pieces[end:])
    if not mask.strip() or not styles.strip():
        raise UsageError(
            f"--region {text!r} is not a mask and a style. Write MASK=STYLE, for instance --region sky.png=wave.jpg: "
            "where sky.png is white, all is painted like wave.jpg; the rest like --style."
        )
    return Region(parse_mask(mask, home), parse_blend(styles, home))


def parse_blend(text: str, home: Path) -> tuple[StylePicture, ...]:
    """Styles out of 'a.jpg', or a blend 'a.jpg:0.7+b.jpg:0.3'. A '+' is part of a name where a file has that name.

    :param home: the folder that relative paths count from.
    :raises UsageError: as `parse_style`.
    """

    def names_a_file(part: str) -> bool:
        return is_there(parse_style(str(located(part, home))).path) if part.strip() else False

    parts = split_blend(text, names_a_file)
    return tuple(parse_style(str(located(part, home)) if has_name(part) else part) for part in parts)


def located_at(text: str, home: Path) -> tuple[Path, int | Fraction | None]:
    """A path out of 'FILE' or 'FILE@FRAME', and the frame: a number from 0, or a time in seconds; None where nothing is
    said. A '@' is part of a name where a file has that name, or where no frame follows.

    :param home: the folder that a relative path counts from.
    """
    whole = located(text, home)
    head, _, tail = text.rpartition("@")
    try:
        at = parse_bound(tail.strip().lower()) if head.strip() and not is_there(whole) else None
    except ValueError:
        at = None
    return (whole, None) if at is None else (located(head, home), at)


def region_option(of_clip: str = "") -> Mapping[str, Option]:
    """The option for parts of the picture.

    :param of_clip: what else is said of masks, ending in a blank.
    """
    return option(
        "A style for a part of the picture: what is white in the mask is painted in it, grey is a share. A blend: "
        f"sky.png=wave.jpg:0.7+ink.jpg:0.3. {of_clip}Can be given several times.",
        PAINTING,
        metavar="MASK=STYLE",
        read=parse_region,
        each=True,
    )


@dataclass(frozen=True, kw_only=True)
class Regions:
    """What has styles of its own, and what is not painted."""

    region: tuple[Region, ...] = field(
        default=(),
        metadata=region_option(
            "Of a clip, a mask is a picture for all frames, a video, a numbered folder, or was drawn for a frame and "
            "follows the motion: car.png@12, or car.png@12+later.png@60. "
        ),
    )
    protect: tuple[Mask, ...] = field(
        default=(),
        metadata=option(
            "Leave the picture as it is where this mask is white; a mask as for regions. Can be given several times.",
            PAINTING,
            metavar="MASK",
            read=parse_mask,
            each=True,
        ),
    )

    @property
    def regions(self) -> dict[str, Any]:
        """These fields by name, to make another object that has them."""
        return {one.name: getattr(self, one.name) for one in fields(Regions)}

    @property
    def has_regions(self) -> bool:
        """Whether not all of a picture is painted alike."""
        return bool(self.region or self.protect)

    @property
    def masks(self) -> tuple[Mask, ...]:
        """All of them: of the regions, and of what is protected."""
        return (*(one.mask for one in self.region), *self.protect)

    @property
    def region_styles(self) -> tuple[StylePicture, ...]:
        """Those of all regions."""
        return tuple(style for one in self.region for style in one.styles)

    @property
    def region_files(self) -> Iterator[Path]:
        """Every file that the regions name."""
        yield from (path for mask in self.masks for path in mask.paths)
        yield from (style.path for style in self.region_styles)


def at_as_json(at: int | Fraction | None) -> int | str | None:
    """A frame as a number, a time as a text."""
    return str(at) if isinstance(at, Fraction) else at


def at_from_json(stored: int | str | None) -> int | Fraction | None:
    """What `at_as_json` gave.

    :raises ValueError, ZeroDivisionError: a text that is no time.
    """
    return Fraction(stored) if isinstance(stored, str) else stored


def regions_as_json(of: Regions, name_of: Callable[[Path], Any] = str) -> dict[str, Any]:
    """The fields of `Regions` in JSON's own types.

    :param name_of: what stands for a file.
    """

    def mask(of: Mask) -> list[Any]:
        return [[name_of(one.path), at_as_json(one.at)] for one in of.pictures]

    return {
        "region": [[mask(one.mask), [style_as_json(style, name_of) for style in one.styles]] for one in of.region],
        "protect": [mask(one) for one in of.protect],
    }


def regions_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Regions` by name, from what `regions_as_json` gave; none where there was none yet."""

    def mask(pictures: Any) -> Mask:
        return Mask(tuple(MaskPicture(Path(path), at_from_json(at)) for path, at in pictures))

    return {
        "region": tuple(
            Region(mask(own), tuple(map(style_from_json, styles))) for own, styles in stored.get("region", ())
        ),
        "protect": tuple(map(mask, stored.get("protect", ()))),
    }
