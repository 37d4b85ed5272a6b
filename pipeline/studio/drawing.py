"""Regions that are drawn by hand over frames of the input: each painting has a colour, and what stays has another."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clip.regions import Mask, MaskPicture, Region, Regions
from pipeline.clip.styles import StylePicture
from pipeline.media import Image, write_picture

COLOURS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#42d4f4")
"""Of the paintings in their order; those that come after have none."""
KEEP = "#ffe119"
"""Of what is not painted."""
OPACITY = 0.6
"""Of what is drawn: what lies under it is still seen."""
Layer = npt.NDArray[np.uint8]
"""What was drawn over a frame, (H, W, 4)."""


def layer_masks(layer: Layer) -> dict[str, Image]:
    """What was drawn in each colour: 255 where it was and 0 elsewhere, uint8 (H, W); no mask of a colour without use.

    Scaling and saving mix colours at edges: a pixel belongs to the nearest one, if it was drawn on at all.
    """
    names = (*COLOURS, KEEP)
    palette = np.array([_rgb(name) for name in names], np.int32)
    drawn = layer[..., 3] >= 255 * OPACITY / 2
    distance = ((layer[..., None, :3].astype(np.int32) - palette) ** 2).sum(-1)
    nearest = distance.argmin(-1)
    masks = {
        name: np.asarray(np.where(drawn & (nearest == place), 255, 0), np.uint8) for place, name in enumerate(names)
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def drawn_regions(layers: Mapping[int | None, Layer], styles: Sequence[StylePicture], folder: Path) -> Regions:
    """What the options --region and --protect would say, with the masks written.

    :param layers: what was drawn, by the number of the frame that it was drawn over; None as the number: over a
        picture.
    :param styles: all paintings that have a colour, in their order.
    :param folder: where the masks are written, each by a name that its content gives.
    """
    found: dict[str, list[MaskPicture]] = {}
    for number, layer in sorted(layers.items(), key=lambda one: one[0] or 0):
        for colour, mask in layer_masks(layer).items():
            found.setdefault(colour, []).append(MaskPicture(_written(mask, folder), number))
    regions = tuple(
        Region(Mask(tuple(found[colour])), (replace(style, weight=1),))
        for colour, style in zip(COLOURS, styles, strict=False)
        if colour in found
    )
    return Regions(region=regions, protect=(Mask(tuple(found[KEEP])),) if KEEP in found else ())


def kept_regions(regions: Regions, output: Path) -> tuple[Regions, dict[Path, Path]]:
    """The same with masks beside a result.

    :return: with them, from where to where they have to be copied. A name never stands for two masks.
    """
    moved: dict[Path, Path] = {}

    def kept(mask: Mask) -> Mask:
        for one in mask.pictures:
            moved[one.path] = output.with_name(f"{output.stem}-mask-{one.path.stem[:8]}.png")
        return Mask(tuple(replace(one, path=moved[one.path]) for one in mask.pictures))

    region = tuple(replace(one, mask=kept(one.mask)) for one in regions.region)
    return Regions(region=region, protect=tuple(map(kept, regions.protect))), moved


def keep(moved: Mapping[Path, Path]) -> None:
    """Copy masks to where they are kept.

    :raises OSError: that cannot be written.
    """
    for source, target in moved.items():
        if not target.exists():
            shutil.copyfile(source, target)


def _written(mask: Image, folder: Path) -> Path:
    name = hashlib.sha256(str(mask.shape).encode() + mask.tobytes()).hexdigest()[:32]
    path = folder / f"{name}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_picture(path, np.repeat(mask[..., None], 3, axis=2))
    return path


def _rgb(name: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(name[1:]))
