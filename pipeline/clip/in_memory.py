"""Pictures in memory become files for as long as a job takes: a job names what it paints from, knows it by the hash of
its bytes, and opens it again when it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.clip.events import Event, Finished, OnEvent, Started
from pipeline.clip.exemplars import Exemplar, parse_exemplar
from pipeline.clip.jobs import StylePicture, parse_style
from pipeline.clip.keyframe_texts import parse_keyframes
from pipeline.clip.keyframes import Keyframe
from pipeline.clip.parse import parse_bound
from pipeline.clip.python_words import python_words
from pipeline.clip.regions import Mask, MaskPicture, Region, parse_mask, parse_region
from pipeline.errors import ReelbrushError, UsageError
from pipeline.media import write_picture
from pipeline.media.in_memory import Picture, to_image

Styles: TypeAlias = Picture | Mapping[Picture, float] | Sequence[Picture | tuple[Picture, float]]
"""One style picture; several in equal shares; or with weights, as a mapping or as pairs."""
RegionStyles: TypeAlias = Mapping[Picture, Styles] | Sequence[str | tuple[Picture, Styles]]
"""A mask and its styles for each region, as a mapping or as pairs; a text is 'MASK=STYLE', as on the command line."""
ExemplarFrames: TypeAlias = Picture | Mapping[int | str, Picture] | tuple[()]
"""The first frame as it should be painted, or several by their numbers or times; a text is 'FILE' or 'FILE@FRAME'."""
Masks: TypeAlias = Picture | Sequence[Picture]
"""One mask or several: paths, or arrays (H, W) of bool, of uint8 or of floats in 0..1."""
KeyframesGiven: TypeAlias = Sequence[str | Mapping[str, Any]]
"""Texts as on the command line, or tables of the same names, in which a style may also be what `Styles` is."""
Clip: TypeAlias = str | Path | npt.NDArray[np.generic] | Sequence[Picture]
"""The path of a video, an animated picture or a numbered folder; or frames: an array (N, H, W, 3), or pictures."""


class PictureFiles(AbstractContextManager["PictureFiles"]):
    """A folder for the pictures of one call, removed when it is left. What is said of it speaks of the call."""

    def __init__(self, alpha: bool = False) -> None:
        """:param alpha: what can be transparent stays so."""
        self._alpha = alpha
        self._folder: TemporaryDirectory[str] | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()
        if isinstance(error, ReelbrushError):
            (said,) = self.in_words_of_call(str(error))
            if said != str(error):
                raise type(error)(said) from error

    def telling(self, on_event: OnEvent) -> OnEvent:
        """The same, told all in the words of the call, and nothing of the files that stand for what is in memory."""

        def told(event: Event) -> None:
            if isinstance(event, Started):
                hidden = event.source is not None and self._holds(Path(event.source))
                event = replace(
                    event,
                    source=None if hidden else event.source,
                    notes=self.in_words_of_call(*event.notes),
                    deadline_notes=self.in_words_of_call(*event.deadline_notes),
                )
            elif isinstance(event, Finished):
                event = replace(event, notes=self.in_words_of_call(*event.notes))
            on_event(event)

        return told

    def in_words_of_call(self, *texts: str) -> tuple[str, ...]:
        """Messages of the command line as a caller in Python reads them, see `python_words`."""
        folder = None if self._folder is None else Path(self._folder.name)
        return tuple(python_words(text, folder) for text in texts)

    def _holds(self, path: Path) -> bool:
        return self._folder is not None and path.is_relative_to(self._folder.name)

    def picture(self, picture: Picture, name: str) -> Path:
        """Where a picture lies: its own path, or that of a lossless file called `name`.

        :raises UsageError: an array that is no picture.
        """
        if isinstance(picture, (str, Path)):
            return Path(picture)
        path = self._place() / f"{name}.png"
        write_picture(path, to_image(picture, name.replace("_", " "), self._alpha), overwrite=True)
        return path

    def clip(self, source: Clip) -> Path:
        """Where a clip lies: its own path, or that of a folder with its frames.

        :raises UsageError: no frames, or an array that is none.
        """
        if isinstance(source, (str, Path)):
            return Path(source)
        folder = self._place() / "frames"
        folder.mkdir()
        for index, frame in enumerate(source):
            if isinstance(frame, (str, Path)):
                raise UsageError("Frames are arrays or images. Where they are files, name the folder that they are in.")
            write_picture(folder / f"{index:06d}.png", to_image(frame, f"frame {index}", self._alpha))
        if not any(folder.iterdir()):
            raise UsageError("There are no frames. A clip needs at least one.")
        return folder

    def styles(self, style: Styles, name: str = "style") -> tuple[StylePicture, ...]:
        """Style pictures with weights; a text may carry its weight: 'a.jpg:0.7'.

        :param name: how the names of files for those in memory begin.
        :raises UsageError: none at all, or an array that is no picture.
        """
        if isinstance(style, Mapping):
            pairs: list[Picture | tuple[Picture, float]] = list(style.items())
        elif isinstance(style, Sequence) and not isinstance(style, str):
            pairs = list(style)
        else:
            pairs = [style]
        if not pairs:
            raise UsageError("Painting needs at least one style picture.")
        return tuple(self._style(one, f"{name}_{number}") for number, one in enumerate(pairs, 1))

    def regions(self, region: RegionStyles, protect: Masks) -> dict[str, Any]:
        """The fields of `Regions`. A text is what it is on the command line.

        :raises UsageError: a text that is none, or an array that is no picture.
        """
        pairs = list(region.items()) if isinstance(region, Mapping) else list(region)
        found = [
            parse_region(one)
            if isinstance(one, str)
            else Region(self._mask(one[0], f"mask_{number}"), self.styles(one[1], f"style_of_region_{number}"))
            for number, one in enumerate(pairs, 1)
        ]
        several = protect if isinstance(protect, Sequence) and not isinstance(protect, str) else [protect]
        masks = [self._mask(mask, f"protected_{number}") for number, mask in enumerate(several, 1)]
        return {"region": tuple(found), "protect": tuple(masks)}

    def keyframes(self, given: KeyframesGiven) -> tuple[Keyframe, ...]:
        """The field of `Keyframes`.

        :raises UsageError, SettingsError: one that cannot be, or an array that is no picture.
        """
        tables = [given] if isinstance(given, (str, Mapping)) else given
        return parse_keyframes(
            [one if isinstance(one, str) else self._table(one, number) for number, one in enumerate(tables, 1)]
        )

    def _table(self, table: Mapping[str, Any], number: int) -> dict[str, Any]:
        """A keyframe with files for its pictures in memory."""

        def styles(value: Any, name: str) -> Any:
            return value if isinstance(value, str) else self.styles(value, f"{name}_at_keyframe_{number}")

        found = dict(table)
        for name, value in table.items():
            if name == "style":
                found[name] = styles(value, "style")
            elif name == "region" and isinstance(value, Mapping):
                found[name] = {
                    str(mask): styles(one, f"style_of_region_{place}")
                    for place, (mask, one) in enumerate(value.items(), 1)
                }
        return found

    def exemplars(self, exemplar: ExemplarFrames) -> tuple[Exemplar, ...]:
        """Frames that were painted by hand.

        :raises UsageError: a frame that is none, or an array that is no picture.
        """
        if isinstance(exemplar, Mapping):
            return tuple(self._exemplar(picture, at) for at, picture in exemplar.items())
        if isinstance(exemplar, str):
            return (parse_exemplar(exemplar),)
        return () if isinstance(exemplar, tuple) else (Exemplar(self.picture(exemplar, "exemplar")),)

    def _exemplar(self, picture: Picture, at: int | str) -> Exemplar:
        try:
            found = parse_bound(str(at).strip().lower())
        except ValueError:
            found = None
        if found is None:
            raise UsageError(f"exemplar: {at!r} is no frame. Write its number, from 0, or a time such as '1.5s'.")
        return Exemplar(self.picture(picture, f"exemplar_{found}".replace("/", "_")), found)

    def _mask(self, mask: Picture, name: str) -> Mask:
        if isinstance(mask, str):
            return parse_mask(mask)
        if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
            mask = mask.astype(np.uint8) * 255
        return Mask((MaskPicture(self.picture(mask, name)),))

    def _style(self, style: Picture | tuple[Picture, float], name: str) -> StylePicture:
        if isinstance(style, str):
            return parse_style(style)
        picture, weight = style if isinstance(style, tuple) else (style, 1.0)
        return StylePicture(self.picture(picture, name), float(weight))

    def _place(self) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="reelbrush-")
        return Path(self._folder.name)
