"""Paint a result again, from nothing but what it says of itself and the files that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import __version__
from pipeline.clip.clip import run_clip
from pipeline.clip.engine import Engine
from pipeline.clip.events import Event, Finished, OnEvent, Stage, Started, ignore
from pipeline.clip.exemplars import Exemplar
from pipeline.clip.find_inputs import Finder
from pipeline.clip.jobs import ClipJob, ReplayJob, StillJob, StylePicture
from pipeline.clip.keyframed import Keyframes
from pipeline.clip.keyframes import Keyframe, RegionKey
from pipeline.clip.provenance import Ingredient, KeyframeIngredients, Record
from pipeline.clip.record_reading import read_record, recorded_settings
from pipeline.clip.regions import Mask, MaskPicture, Region, Regions
from pipeline.clip.still import run_still
from pipeline.clip.warm_start import open_flow
from pipeline.errors import MediaError, ReplayError, UsageError, WeightsError
from pipeline.media import open_source, refuse_same_file
from pipeline.motion.given_cuts import cuts_of_painted, parse_cuts
from pipeline.network import packaged
from pipeline.network.base import Network
from pipeline.network.device import choose_device, choose_precision
from pipeline.network.weights import find_vgg19, kept_vgg19, open_packaged, open_vgg19, weights_folder
from pipeline.settings import Settings
from pipeline.signals import between_events


@dataclass(frozen=True)
class ReplayResult:
    """What came of it."""

    frames: int
    differing: int | None
    """Of these, how many are not equal to those of the result in every pixel; None where they cannot be compared:
    another kind of file keeps pixels in another way."""


@dataclass(frozen=True)
class ReplayInputs:
    """What a result was painted from and with, found again."""

    record: Record
    engine: Engine
    notes: tuple[str, ...]
    """What may differ all the same, a sentence each."""
    source: Path
    styles: tuple[StylePicture, ...]
    regions: Keyframes
    """What of it is painted otherwise, in some places and at some times."""
    init: Path | None
    """What it started from, where that is another picture."""
    exemplars: tuple[Exemplar, ...]
    """Of a clip, its frames that were painted by hand."""

    def still(self, output: Path | None, overwrite: bool = False, restart: bool = False) -> StillJob:
        """To paint a picture again."""
        record = self.record
        return StillJob(
            self.source, self.styles, output, self.init, record.upscale, overwrite, restart, until=record.until,
            **record.framing, **self.regions.regions,
        )  # fmt: skip


def prepare_replay(job: ReplayJob, on_event: OnEvent = ignore) -> ReplayInputs:
    """Find what a result was painted from, and open the network that painted it.

    :raises ReplayError: the result does not say how it was made, or what it was made from has changed or is gone.
    :raises WeightsError: it was painted by another network than the one at hand.
    """
    record = read_record(job.result)
    refuse_same_file(job.result, () if job.output is None else (job.output,))
    engine, notes = _open_engine(record, job)
    finder = Finder(job.result, job.search, on_event)
    if job.source is not None:
        finder.check_given(job.source, (record.source,), "the input")
    regions_styles = (style for one in record.region for style in one.styles)
    all_styles = (*record.styles, *regions_styles, *record.keyframe_styles)
    for path in job.styles:
        finder.check_given(path, all_styles, "a style")
    source = finder.find("the input", record.source, "--input", () if job.source is None else (job.source,))

    def styles(of: Sequence[Ingredient]) -> tuple[StylePicture, ...]:
        return tuple(
            StylePicture(finder.find("a style", one, "--style", job.styles), one.weight, one.part) for one in of
        )

    def mask(of: Sequence[Ingredient]) -> Mask:
        return Mask(tuple(MaskPicture(finder.find("a mask", one, ""), one.at) for one in of))

    regions = Regions(
        region=tuple(Region(mask(one.mask), styles(one.styles)) for one in record.region),
        protect=tuple(map(mask, record.protect)),
    )

    def keyframe(of: KeyframeIngredients) -> Keyframe:
        own = tuple(RegionKey(number, styles(given)) for number, given in of.regions)
        return Keyframe(of.at, of.ease, styles(of.styles), of.strength, of.colours, of.style_scale, own)

    over_time = Keyframes(**regions.regions, keyframes=tuple(map(keyframe, record.keyframes)))
    init = None if record.init is None else finder.find("the picture it began as", record.init, "")
    exemplars = tuple(
        Exemplar(finder.find("a frame that was painted by hand", one, ""), one.at) for one in record.exemplar
    )
    return ReplayInputs(record, engine, notes, source, styles(record.styles), over_time, init, exemplars)


def run_replay(job: ReplayJob, on_event: OnEvent = ignore) -> ReplayResult:
    """Paint a result again: the same frames, into `job.output`. Interrupted, it goes on as any other.

    :raises ReelbrushError: as `prepare_replay`, or whatever else a user can mend.
    """
    output = job.output
    if output is None:
        raise UsageError("Say where to paint it with -o OUT, or see how it was made with --show.")
    inputs = prepare_replay(job, on_event)
    record, engine, notes = inputs.record, inputs.engine, inputs.notes
    same_kind = _suffix(job.result) == _suffix(output)
    if not same_kind and (record.codec, record.quality) != (None, None):
        notes = (*notes, "Codec and quality were chosen for another kind of file; this one gets its usual ones.")
    finished: list[Finished] = []

    def with_notes(event: Event) -> None:
        if isinstance(event, Started):
            on_event(replace(event, notes=(*notes, *event.notes)))
        elif isinstance(event, Finished):
            # Not before the result has been looked at.
            finished.append(event)
        else:
            on_event(event)

    if record.kind == "picture":
        still = inputs.still(output, job.overwrite, job.restart)
        with between_events(with_notes) as told:
            run_still(still, engine, told)
    else:
        codec, quality = (record.codec, record.quality) if same_kind else (None, None)
        record = record if same_kind else replace(record, depth=None)
        engine = replace(engine, settings=_with_cuts_in_file(record, inputs.source, engine.settings))
        clip = ClipJob(
            inputs.source, inputs.styles, output, None, record.frames, record.rate, record.upscale, codec, quality,
            job.overwrite, job.restart, audio=record.audio, shortest=record.shortest,
            location=record.location, exemplar=inputs.exemplars, init=inputs.init,
            **record.framing, **_gif_options(record, output), **inputs.regions.over_time,
        )  # fmt: skip
        run_clip(clip, engine, with_notes)
    (last,) = finished
    if not same_kind:
        on_event(last)
        return ReplayResult(last.frames, None)
    on_event(Stage(f"Comparing with {job.result.name}"))
    differing, likeness = _compared(job.result, output)
    on_event(replace(last, notes=(*last.notes, likeness)))
    return ReplayResult(last.frames, differing)


def _with_cuts_in_file(record: Record, source: Path, settings: Settings) -> Settings:
    """The settings of a clip, their cuts as numbers of the input, where that takes a look at the input."""
    if record.cuts_in_file or record.rate is None or not parse_cuts(settings.cuts).given:
        return settings
    info = open_source(source, frames=record.frames, fps=record.rate).info
    return replace(settings, cuts=cuts_of_painted(settings.cuts, info.in_file))


def _gif_options(record: Record, output: Path) -> dict[str, Any]:
    """What was asked of a GIF, of one that is to be painted again."""
    if _suffix(output) != ".gif":
        return {}
    return {"gif_fps": record.gif_fps, "max_bytes": record.max_bytes}


def _compared(result: Path, output: Path) -> tuple[int | None, str]:
    """How many frames differ from those of the result, and a sentence that says so."""
    try:
        differing, of = count_differing_frames(result, output)
    except MediaError as error:
        # It is painted, whatever has become of the one before.
        return None, f"It cannot be compared with {result.name} ({error})."
    return differing, _likeness(differing, of, result.name)


def _likeness(differing: int, of: int, name: str) -> str:
    frames = "The picture" if of == 1 else f"All {of} frames"
    if not differing:
        return f"{frames} equal{'s that' if of == 1 else ' those'} of {name} in every pixel."
    differ = "differs" if differing == 1 else "differ"
    frames = "The picture differs from that" if of == 1 else f"{differing} of {of} frames {differ} from those"
    return (
        f"{frames} of {name}. Sums are rounded in another way on another device, with another number of threads, or by "
        "another version of PyTorch, and encoders change too."
    )


def _suffix(path: Path) -> str:
    """What decides the container; '' for a folder."""
    return "" if path.is_dir() else path.suffix.lower()


def _open_engine(record: Record, job: ReplayJob) -> tuple[Engine, tuple[str, ...]]:
    """Settings, network and device as they were, and what may differ all the same, a sentence each."""
    settings, notes = recorded_settings(record)
    if record.version != __version__:
        notes = (f"Painted by reelbrush {record.version}; this is {__version__}, and frames may differ.", *notes)
    device = choose_device(job.device)
    natural = str(choose_precision(device)).removeprefix("torch.")
    if settings.precision == "auto" and record.precision != natural:
        settings = replace(settings, precision=record.precision)
        notes = (*notes, f"Painted in {record.precision}, and now again; this device would have used {natural}.")
    network = _network(record, settings, job.weights)
    _check_flow(record, settings, device)
    return Engine(settings, network, device), notes


def _network(record: Record, settings: Settings, weights: Path | None) -> Network:
    """The network that painted the result.

    :raises ReplayError: this version does not have it.
    :raises WeightsError: its weights are not at hand.
    """
    needed = f"SHA-256 {record.digest[:12]}…"
    if record.network != "vgg19":
        raise ReplayError(
            f"The built-in network painted this result ({needed}), which this version of Reelbrush does not have any "
            f"more. Paint it again with the version that painted it, reelbrush {record.version}, or anew with VGG-19: "
            "--show lists what it was made from."
        )
    if record.digest == packaged.SHA256 and weights is None:
        # Also where a job would use other weights, because they have been downloaded since.
        return open_packaged(settings.pooling)  # type: ignore[arg-type]
    # Without those of that hash the message is about what a job would use.
    path = weights or kept_vgg19(record.digest[:8]) or find_vgg19()
    advice = "name the file it was painted with by --weights FILE, or 'reelbrush weights import' it"
    if record.digest == packaged.SHA256:
        advice = f"leave out --weights {weights}"
    if path is None:
        raise WeightsError(
            f"VGG-19 painted this result ({needed}), and its weights are not on this machine. Fetch them "
            f"with 'reelbrush weights download vgg19', or {advice}."
        )
    network = open_vgg19(path, settings.pooling)  # type: ignore[arg-type]
    if network.digest != record.digest:
        raise WeightsError(
            f"Another network painted this result: {record.network} with {needed}, where the one at hand has "
            f"{network.digest[:12]}…. To paint it again, {advice}."
        )
    return network


def _check_flow(record: Record, settings: Settings, device: torch.device) -> None:
    """Make sure that the optical flow is the one that carried the paintings.

    :raises WeightsError: its weights are others, or not on this machine.
    """
    if record.kind != "clip" or settings.flow in {"dis", "dis-cpu"}:
        return
    name = open_flow(settings, device).name
    if name != record.flow:
        raise WeightsError(
            f"Another network for the optical flow moved the paintings of this result: {record.flow}, where the one at "
            f"hand is {name}. To paint it again, put those weights into {weights_folder()}."
        )


def count_differing_frames(one: Path, other: Path) -> tuple[int, int]:
    """How many frames of two results are not equal in every pixel, and how many frames the longer one has.

    :param one, other: videos, animations, folders of pictures or pictures.
    :raises MediaError: one of them cannot be read.
    """
    pairs = zip_longest(open_source(one).frames(), open_source(other).frames())
    equal = [a is not None and b is not None and np.array_equal(a.image, b.image) for a, b in pairs]
    return equal.count(False), len(equal)
