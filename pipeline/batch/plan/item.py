"""One painting of a batch: what goes in, how it is painted, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, cast

from pipeline.batch.plan.options import PaintingOptions
from pipeline.clip.exemplars import exemplars_as_json, exemplars_from_json
from pipeline.clip.jobs import ClipJob, StillJob
from pipeline.clip.keyframes import keyframes_as_json, keyframes_from_json
from pipeline.clip.parse import parse_rate
from pipeline.clip.regions import at_from_json, regions_as_json, regions_from_json
from pipeline.clip.styles import StylePicture, style_as_json, style_from_json
from pipeline.media.suffixes import WRITABLE

T = TypeVar("T")


@dataclass(frozen=True)
class Item(PaintingOptions):
    """An input in a style. Plain values only: it travels to workers and into the ledger as JSON."""

    name: str
    """Its output, relative to the folder of the batch, with '/' between folders: unique in the batch."""
    source: Path
    styles: tuple[StylePicture, ...]
    output: Path
    gif: Path | None = None

    @property
    def still(self) -> bool:
        """Whether it is a single picture, and no clip."""
        return self.output.suffix.lower() in WRITABLE

    @property
    def the_gif(self) -> Path | None:
        """As `ClipJob.the_gif`; None for a picture."""
        return None if self.still else self.clip_job().the_gif

    @property
    def files_read(self) -> tuple[Path, ...]:
        """Every file and folder that it is painted from."""
        init = () if self.init is None else (self.init,)
        by_hand = (one.path for one in self.exemplar)
        return (self.source, *(style.path for style in self.styles), *by_hand, *init, *self.region_files)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, instead of the source's own."""
        return None if self.fps is None else parse_rate(self.fps)

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.output,) if self.gif is None else (self.output, self.gif)

    def clip_job(self, overwrite: bool = False) -> ClipJob:
        """What `run_clip` is asked for. What other inputs or settings have left half-painted makes room."""
        return ClipJob(
            self.source, self.styles, self.output, self.gif, self.frames, self.rate, self.upscale, self.codec,
            self.quality, overwrite, restart=True, audio=self.audio, shortest=self.shortest, location=self.location,
            init=self.init, exemplar=self.exemplar, **self.framing, **self.gif_options, **self.over_time,
        )  # fmt: skip

    def still_job(self, overwrite: bool = False) -> StillJob:
        """What `run_still` is asked for; likewise."""
        return StillJob(
            self.source, self.styles, self.output, self.init, self.upscale, overwrite, True, **self.framing,
            **self.regions,
        )  # fmt: skip

    def as_settings(self) -> str:
        """How it is painted, and by what: the same for items that differ in their pictures only."""
        return json.dumps([self.preset, self.weights, dict(self.settings)], default=str, sort_keys=True)

    def as_json(self) -> str:
        """As one line that `from_json` reads; the same for the same item."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["styles"] = list(map(style_as_json, self.styles))
        values.update(regions_as_json(self), exemplar=exemplars_as_json(self.exemplar))
        values.update(keyframes=keyframes_as_json(self.keyframes, self.region))
        return json.dumps(values, default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Item:
        """The item that `as_json` wrote."""
        values = json.loads(text)
        # In the ledgers of the first versions, which had two to choose from.
        values.pop("network", None)
        for name in ("source", "output", "gif", "weights", "init"):
            values[name] = None if values.get(name) is None else Path(values[name])
        values["styles"] = tuple(map(style_from_json, values["styles"]))
        values.update(regions_from_json(values), exemplar=exemplars_from_json(values.get("exemplar", ())))
        values.update(keyframes=keyframes_from_json(values.get("keyframes", ())))
        if values["frames"] is not None:
            # A frame is a number there, a time a text.
            values["frames"] = tuple(map(at_from_json, values["frames"]))
        return cls(**values)


def with_paths(of: T, change: Callable[[Path], Path]) -> T:
    """The same with every path in it changed: that it is, or that a tuple or a dataclass holds."""
    found: Any = of
    if isinstance(of, Path):
        found = change(of)
    elif isinstance(of, tuple):
        found = tuple(with_paths(one, change) for one in of)
    elif is_dataclass(of) and not isinstance(of, type):
        found = replace(of, **{one.name: with_paths(getattr(of, one.name), change) for one in fields(of)})
    return cast(T, found)
