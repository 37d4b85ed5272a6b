"""How a painting came about: what went into it, which network and settings painted it. Every result carries it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline import __version__
from pipeline.clip.framing import Framing
from pipeline.clip.jobs import ClipJob, StillJob
from pipeline.clip.keyframes import Keyframe, When, region_number, when_as_json
from pipeline.clip.regions import Mask, at_as_json
from pipeline.clip.styles import Part, StylePicture
from pipeline.media import fingerprint

# Who only reads what a result says of itself need not wait for torch.
if TYPE_CHECKING:
    from pipeline.motion.flow import FlowMethod
    from pipeline.style.painter import Painter

SOFTWARE = "reelbrush"
IN_FILE = "input"
"""Of cuts, that they count the frames of the input. Who paints all frames counts them alike, and need not say it."""
JOB = "job"
"""Name of the text that `read_record` reads as JSON; the others are there for people."""
# Of a path, in JSON. A JPEG has 64 kB for all that it says.
_LONGEST = 400


@dataclass(frozen=True)
class Ingredient:
    """A file, or a folder of pictures, that goes into a painting."""

    path: Path
    """As the job names it; in a record that was read from a result, relative to the folder of the result."""
    sha256: str
    """Its `fingerprint`, by which it is known wherever it lies."""
    weight: float = 1.0
    """Of a style, its share in the blend."""
    part: Part | None = None
    """Of a style, what of it is used; None: all of it."""
    at: int | Fraction | None = None
    """Of a mask, the frame or the time that it was drawn for, as `MaskPicture.at`; of an exemplar, which one it is."""

    @property
    def identity(self) -> list[Any]:
        """What `painting_identity` has of a style."""
        return [self.sha256, self.weight, *([] if self.part is None else [list(self.part)])]


@dataclass(frozen=True)
class RegionIngredients:
    """What goes into a part of a painting that has styles of its own."""

    mask: tuple[Ingredient, ...]
    styles: tuple[Ingredient, ...]


@dataclass(frozen=True)
class KeyframeIngredients:
    """What goes into a painting from a time on; what is None, or (), is not said."""

    at: When
    ease: str
    styles: tuple[Ingredient, ...] = ()
    strength: float | None = None
    colours: str | None = None
    style_scale: float | tuple[float, ...] | None = None
    regions: tuple[tuple[int, tuple[Ingredient, ...]], ...] = ()
    """By the numbers of regions, from 1; no style: it is not there."""

    @property
    def all_styles(self) -> tuple[Ingredient, ...]:
        """Those of regions as well."""
        return (*self.styles, *(style for _, styles in self.regions for style in styles))

    def located(self, place: Callable[[Ingredient], Ingredient]) -> KeyframeIngredients:
        """The same with every ingredient where `place` puts it."""
        return replace(
            self,
            styles=tuple(map(place, self.styles)),
            regions=tuple((number, tuple(map(place, styles))) for number, styles in self.regions),
        )

    def as_json(self, style_as_json: Callable[[Ingredient], Any]) -> dict[str, Any]:
        """In JSON's own types; what is not said is not there."""
        scale = self.style_scale
        values: dict[str, Any] = {
            "styles": list(map(style_as_json, self.styles)) or None,
            "strength": self.strength,
            "colours": self.colours,
            "style_scale": list(scale) if isinstance(scale, tuple) else scale,
            "regions": [[number, list(map(style_as_json, styles))] for number, styles in self.regions] or None,
        }
        said = {name: value for name, value in values.items() if value is not None}
        return {"at": when_as_json(self.at), "ease": self.ease, **said}


@dataclass(frozen=True)
class Record(Framing):
    """How a result was made; with the files it names, enough to make it again."""

    kind: Literal["clip", "picture"]
    source: Ingredient
    styles: tuple[Ingredient, ...]
    network: str
    """'vgg19'; in what a version before VGG-19 came along had painted, perhaps 'builtin'."""
    digest: str
    """Hash of the network's weights."""
    precision: str
    """Number format in which it ran, also where the settings say 'auto'."""
    settings: str
    """All of them, as TOML."""
    about: str = ""
    """The network as a person would call it."""
    init: Ingredient | None = None
    """What it starts from, where that is another picture."""
    exemplar: tuple[Ingredient, ...] = ()
    """Of a clip, its frames that were painted by hand."""
    region: tuple[RegionIngredients, ...] = ()
    protect: tuple[tuple[Ingredient, ...], ...] = ()
    """The masks of what is not painted."""
    keyframes: tuple[KeyframeIngredients, ...] = ()
    """Of a clip, what changes over time."""
    flow: str | None = None
    """Of a clip, the optical flow that carried the paintings, with the hash of its weights where it has some."""
    frames: tuple[int | None, int | None] | None = None
    rate: Fraction | None = None
    upscale: bool = False
    codec: str | None = None
    quality: str | int | None = None
    audio: str | int = "default"
    """Which sound of the input is taken: `ClipJob.audio`."""
    shortest: bool = False
    location: bool = False
    cuts_in_file: bool = True
    """Whether a list of cuts in the settings counts the frames of the input; of old, those that were painted."""
    gif_fps: str | None = None
    """Of a GIF, the rate that was asked for."""
    max_bytes: int | None = None
    """Of a GIF, how many it may take."""
    until: int | None = None
    """Of a picture that was accepted before it was finished, the steps over all sizes that it has had."""
    version: str = __version__

    @property
    def fewer_frames(self) -> bool:
        """Whether the result may have another number of frames than were painted."""
        return self.gif_fps is not None or self.max_bytes is not None

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """All that went into it."""
        regions = (one for region in self.region for one in (*region.mask, *region.styles))
        protect = (one for mask in self.protect for one in mask)
        single = () if self.init is None else (self.init,)
        return (self.source, *self.styles, *single, *self.exemplar, *regions, *protect, *self.keyframe_styles)

    @property
    def keyframe_styles(self) -> tuple[Ingredient, ...]:
        """The styles that keyframes name."""
        return tuple(style for one in self.keyframes for style in one.all_styles)

    def located(self, place: Callable[[Ingredient], Ingredient]) -> Record:
        """The same with every ingredient where `place` puts it."""
        return replace(
            self,
            source=place(self.source),
            styles=tuple(map(place, self.styles)),
            init=None if self.init is None else place(self.init),
            exemplar=tuple(map(place, self.exemplar)),
            region=tuple(
                RegionIngredients(tuple(map(place, one.mask)), tuple(map(place, one.styles))) for one in self.region
            ),
            protect=tuple(tuple(map(place, mask)) for mask in self.protect),
            keyframes=tuple(one.located(place) for one in self.keyframes),
        )

    @property
    def parts(self) -> dict[str, Any]:
        """What goes into which region, and from when on, by content, as `painting_identity` has it; only what there
        is."""

        def mask(of: Sequence[Ingredient]) -> list[Any]:
            return [[one.sha256, at_as_json(one.at)] for one in of]

        region = [[mask(one.mask), [style.identity for style in one.styles]] for one in self.region]
        found = {
            "region": region,
            "protect": list(map(mask, self.protect)),
            "keyframes": [one.as_json(lambda style: style.identity) for one in self.keyframes],
            "exemplar": mask(self.exemplar),
        }
        return {name: value for name, value in found.items() if value}

    def texts(self, result: Path) -> dict[str, str]:
        """What `result` says of itself, for the metadata of its file; the same for the same job."""
        job = {
            "kind": self.kind,
            "input": _as_json(self.source, result),
            "styles": [_style_as_json(style, result) for style in self.styles],
            **self._parts_as_json(result),
            "init": None if self.init is None else _as_json(self.init, result),
            "network": {"name": self.network, "sha256": self.digest},
            "precision": self.precision,
            "frames": self.frames,
            "fps": None if self.rate is None else str(self.rate),
            **({"cuts": IN_FILE} if self.cuts_in_file and (self.frames is not None or self.rate is not None) else {}),
            "upscale": self.upscale,
            "codec": self.codec,
            "quality": self.quality,
            **({} if self.audio == "default" else {"audio": self.audio}),
            **({"shortest": True} if self.shortest else {}),
            **({"location": True} if self.location else {}),
            **self.framed,
            **({} if self.gif_fps is None else {"gif_fps": self.gif_fps}),
            **({} if self.max_bytes is None else {"max_bytes": self.max_bytes}),
            **({} if self.until is None else {"until": self.until}),
        }
        return {
            "software": f"{SOFTWARE} {self.version}",
            "network": self.about,
            "settings": self.settings,
            **({} if self.flow is None else {"flow": self.flow}),
            JOB: json.dumps(job, sort_keys=True),
        }

    def _parts_as_json(self, result: Path) -> dict[str, Any]:
        def masks(of: Sequence[Ingredient]) -> list[Any]:
            return [{**_as_json(one, result), "at": at_as_json(one.at)} for one in of]

        regions = [
            {"mask": masks(one.mask), "styles": [_style_as_json(style, result) for style in one.styles]}
            for one in self.region
        ]
        protect = list(map(masks, self.protect))
        keyframes = [one.as_json(lambda style: _style_as_json(style, result)) for one in self.keyframes]
        exemplars = masks(self.exemplar)
        found = {"region": regions, "protect": protect, "keyframes": keyframes, "exemplar": exemplars}
        return {name: value for name, value in found.items() if value}


def clip_record(job: ClipJob, part: tuple[int | None, int | None] | None, painter: Painter, flow: FlowMethod) -> Record:
    """How the clip of a job comes about; reads every byte that goes into it once.

    :param part: the frames that its `frames` mean in this source, as `VideoInfo.part`.
    :raises MediaError: one of them cannot be read.
    """
    return Record(
        "clip", flow=flow.name, frames=part, rate=job.rate, upscale=job.upscale, codec=job.codec,
        quality=job.quality, audio=job.audio, shortest=job.shortest, location=job.location,
        exemplar=tuple(Ingredient(one.path, fingerprint(one.path), at=one.at) for one in job.exemplar),
        init=None if job.init is None else _ingredient(job.init),
        source=_ingredient(job.source), **_ingredients(job), **job.framing, **_painted_by(painter),
    )  # fmt: skip


def still_record(job: StillJob, painter: Painter) -> Record:
    """How the picture of a job comes about; reads every byte that goes into it once.

    :raises MediaError: the input, a style or the picture it starts from cannot be read.
    """
    return Record(
        "picture", init=None if job.init is None else _ingredient(job.init), upscale=job.upscale, until=job.until,
        source=_ingredient(job.content), **_ingredients(job), **job.framing, **_painted_by(painter),
    )  # fmt: skip


def _painted_by(painter: Painter) -> dict[str, Any]:
    from pipeline.network.weights import describe

    network = painter.network
    return {
        "network": network.name,
        "digest": network.digest,
        "precision": str(network.dtype).removeprefix("torch."),
        "settings": painter.settings.as_toml(),
        "about": describe(network),
    }


def _ingredients(job: ClipJob | StillJob) -> dict[str, Any]:
    """Styles and regions of a job, as fields of its record; no file is read twice."""
    hashed: dict[Path, str] = {}

    def ingredient(path: Path, **more: Any) -> Ingredient:
        if path not in hashed:
            hashed[path] = fingerprint(path)
        return Ingredient(path, hashed[path], **more)

    def styles(of: Sequence[StylePicture]) -> tuple[Ingredient, ...]:
        return tuple(ingredient(one.path, weight=one.weight, part=one.part) for one in of)

    def mask(of: Mask) -> tuple[Ingredient, ...]:
        return tuple(ingredient(one.path, at=one.at) for one in of.pictures)

    def keyframe(of: Keyframe) -> KeyframeIngredients:
        regions = tuple((region_number(key, job.region) + 1, styles(key.styles)) for key in of.regions)
        return KeyframeIngredients(of.at, of.ease, styles(of.styles), of.strength, of.colours, of.style_scale, regions)

    return {
        "keyframes": tuple(map(keyframe, job.keyframes)) if isinstance(job, ClipJob) else (),
        "styles": styles(job.styles),
        "region": tuple(RegionIngredients(mask(one.mask), styles(one.styles)) for one in job.region),
        "protect": tuple(map(mask, job.protect)),
    }


def _ingredient(path: Path) -> Ingredient:
    return Ingredient(path, fingerprint(path))


def _style_as_json(style: Ingredient, result: Path) -> dict[str, Any]:
    part = {} if style.part is None else {"part": list(style.part)}
    return {**_as_json(style, result), "weight": style.weight, **part}


def _as_json(ingredient: Ingredient, result: Path) -> dict[str, str]:
    return {"path": _way(real(result).parent, real(ingredient.path)), "sha256": ingredient.sha256}


def _way(folder: Path, path: Path) -> str:
    """The path from one to the other, with '/' between folders; the name alone where it would tell too much."""
    if not near(folder, path):
        return path.name
    way = Path(os.path.relpath(path, folder)).as_posix()
    return way if len(json.dumps(way)) <= _LONGEST else path.name


def real(path: Path) -> Path:
    """Where a file lies, absolute, under the name it is called by; links of folders are followed."""
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def near(folder: Path, path: Path) -> bool:
    """Whether the way from a folder to a file stays clear of the root of the file system and what lies around the home.

    A way through them would tell whoever is given the result what this machine's user and folders are called; and what
    a stranger's result names is not looked for there.

    :param folder, path: absolute.
    """
    try:
        common = Path(os.path.commonpath([folder, path]))
    except ValueError:  # on two drives
        return False
    return common != common.parent and common not in _around_home()


def _around_home() -> Sequence[Path]:
    try:
        return Path.home().resolve().parents
    except RuntimeError:  # nobody's: there is none
        return ()
