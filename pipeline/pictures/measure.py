"""`reelbrush measure`: how much a painted clip flickers, beside the clip that it was painted from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.clip.framing import Framing
from pipeline.clip.parse import FrameRange
from pipeline.clip.record_reading import read_record
from pipeline.errors import ReelbrushError, UsageError
from pipeline.frame_numbers import FrameNumbers
from pipeline.media import (
    FrameSource,
    Image,
    VideoInfo,
    check_output,
    check_picture_output,
    fit_size,
    open_source,
    refuse_existing,
    refuse_same_file,
    write_picture,
)
from pipeline.media.probe import check_there
from pipeline.media.sink import SUFFIXES
from pipeline.motion.given_cuts import parse_cuts
from pipeline.motion.measure import LONG, FrameMeasure, PairFlicker, flicker_between, measure
from pipeline.motion.shots import Shot, find_shots
from pipeline.motion.summary import Summary, summarise
from pipeline.pictures.caption import legible_labels
from pipeline.pictures.frame_alignment import Alignment, align_frames, aligned_frames, aligned_inputs
from pipeline.pictures.jobs import MeasureJob
from pipeline.text import count_text, first_few
from pipeline.types import OnCount

Pair = tuple[Image, Image]
"""Input and painting of a frame."""


@dataclass(frozen=True)
class Report:
    """What came of it."""

    job: MeasureJob
    width: int
    height: int
    """Size at which they were compared."""
    shots: tuple[Shot, ...]
    """They count the frames that are compared."""
    in_file: FrameNumbers
    """Which of the input these are."""
    summary: Summary
    seam: PairFlicker | None
    """From the last frame to the first; None where the clip is no loop."""
    notes: tuple[str, ...]

    @property
    def outputs(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.job.plot, self.job.heatmap) if path is not None)

    @property
    def title(self) -> str:
        """'36 frames of 320x180 in 2 shots (cut at 24)'; of many cuts the first few, as `--json` names all."""
        starts = [self.in_file.of(first) for first, _ in self.shots[1:]]
        where = f"{len(starts) + 1} shots (cut at {first_few(starts)})" if starts else "one shot"
        return f"{count_text(self.summary.frames, 'frame')} of {self.width}x{self.height} in {where}"

    def rows(self) -> list[tuple[str, ...]]:
        """(what, painting, input, ratio) for a table."""
        summary = self.summary
        return [
            _flicker_row("E_warp, from frame to frame", summary.e_warp, summary.e_warp_input),
            *([] if self.seam is None else [
                _flicker_row("E_warp, from the last frame to the first", self.seam.painting, self.seam.input)
            ]),
            _flicker_row(f"E_warp, over {LONG} frames", summary.e_warp_long, summary.e_warp_long_input),
            ("share of the picture compared", _share(summary.compared), "", ""),
            ("lightness drift, L* a second", _signed(summary.lightness_drift, ".2f"), "", ""),
            ("colour drift, CIELAB a second", _number(summary.colour_drift, ".2f"), "", ""),
            ("farthest colour shift, CIELAB", _number(summary.colour_range, ".2f"), "", ""),
            ("sharpness, L* a pixel", _number(summary.sharpness, ".2f"), _number(summary.sharpness_input, ".2f"),
             _ratio(summary.sharpness, summary.sharpness_input)),
            ("sharpness drift, % a second", _signed(_percent(summary.sharpness_drift), ".1f"),
             _signed(_percent(summary.sharpness_drift_input), ".1f"), ""),
        ]  # fmt: skip

    def _seam_as_json(self) -> dict[str, float | None]:
        if self.seam is None:
            return {}
        return {
            "e_warp_seam": self.seam.painting,
            "e_warp_seam_input": self.seam.input,
            "compared_seam": self.seam.compared,
        }

    def as_json(self) -> str:
        """The last line of --json."""
        return json.dumps(
            {
                "event": "measured",
                "input": str(self.job.source),
                "output": str(self.job.painting),
                "width": self.width,
                "height": self.height,
                "cuts": [first for first, _ in self.shots[1:]],
                **asdict(self.summary),
                **self._seam_as_json(),
                "outputs": [str(path) for path in self.outputs],
                "notes": self.notes,
            }
        )


def _seam_notes(seam: PairFlicker, frames: int, shots: Sequence[Shot], in_file: FrameNumbers) -> tuple[str, ...]:
    """What was compared at the seam, where it is not the seam of a loop."""
    if len(shots) < 2:
        return ()
    return (
        f"The clip has cuts, so it is no loop of one shot: from the last frame ({in_file.of(frames - 1)}, in "
        f"shot {len(shots)}) to the first ({in_file.of(0)}, in shot 1) two shots are compared, in the "
        f"{_share(seam.compared)} of the picture where the flow finds the one in the other. If these are no cuts, say "
        "--cuts none.",
    )


def frame_as_json(frame: FrameMeasure) -> str:
    """One line of --json for every frame."""
    return json.dumps({"event": "frame_measured", **asdict(frame)})


def run_measure(job: MeasureJob, on_count: OnCount, on_frame: Callable[[FrameMeasure], None]) -> Report:
    """Measure a pair of clips, and write the plot and the heat map where asked.

    :param on_frame: called with every frame's numbers, in order.
    :raises ReelbrushError: they cannot be read, do not belong together, or something cannot be written; nothing
        unfinished is left then.
    """
    outputs = [path for path in (job.plot, job.heatmap) if path is not None]
    # Looked at first: the rest takes a while.
    _check_outputs(job, outputs)
    cuts = parse_cuts(job.cuts)
    source, painting = _open(job, on_count)
    alignment = align_frames(source.info, painting.info)
    count = len(alignment.pairs)
    in_file = FrameNumbers.of_picks([source.info.in_file.of(one) for one, _ in alignment.pairs])

    def on_frame_read(done: int) -> None:
        on_count("Looking for cuts", done, count)

    given = None if cuts.automatic else cuts.shots(count, in_file, job.frames is None or job.frames[1] is None)
    for path in outputs:
        refuse_existing(path, job.overwrite)
    if given is None:
        with closing(aligned_inputs(source, alignment.pairs)) as images:
            shots = find_shots(images, on_frame_read)
    else:
        shots = given
    measures, ends = _measure_all(job, source, painting, alignment, shots, on_count, on_frame)
    seam = flicker_between(ends[-1], ends[0]) if job.loop else None
    notes = (
        *alignment.notes,
        *_bar_notes(painting.info),
        *(_seam_notes(seam, count, shots, in_file) if seam else ()),
        *cuts.notes(count, in_file),
        *source.info.notes,
        *painting.info.notes,
    )
    report = Report(
        job, painting.info.width, painting.info.height, tuple(shots), in_file, summarise(measures),
        seam, tuple(dict.fromkeys(notes)),
    )  # fmt: skip
    if job.plot is not None:
        on_count("Drawing the plot", 0, None)
        from pipeline.pictures.flicker_plot import flicker_plot

        names = [job.painting.name, job.source.name]
        shown, odd = legible_labels(names, ["the painting", "the input"])
        picture = flicker_plot(measures, report.summary, shots, ", painted from ".join(shown))
        report = replace(report, notes=(*report.notes, *odd))
        write_picture(job.plot, picture, overwrite=job.overwrite)
    return report


def _measure_all(
    job: MeasureJob,
    source: FrameSource,
    painting: FrameSource,
    alignment: Alignment,
    shots: list[Shot],
    on_count: OnCount,
    on_frame: Callable[[FrameMeasure], None],
) -> tuple[list[FrameMeasure], list[Pair]]:
    """The loop over all frames. A few numbers a frame are kept; pictures are not, but for those of the first frame and
    of the last, which are returned as well."""
    measures: list[FrameMeasure] = []
    ends: list[Pair] = []

    def passing(pairs: Iterable[Pair]) -> Iterator[Pair]:
        for pair in pairs:
            ends[1:] = [pair]
            yield pair

    with ExitStack() as stack:
        heatmap = None
        if job.heatmap is not None:
            # Matplotlib takes half a second to import: only what draws needs it.
            from pipeline.pictures.heatmap import Heatmap

            heatmap = Heatmap(job.heatmap, painting.info, alignment, job.overwrite)
            stack.callback(heatmap.abort)
        frames = stack.enter_context(closing(aligned_frames(source, painting, alignment.pairs)))
        for measured in measure(passing(frames), [float(time) for time in alignment.times], shots):
            measures.append(measured.measure)
            on_frame(measured.measure)
            if heatmap is not None:
                heatmap.put(measured)
            on_count("Measuring", len(measures), len(alignment.pairs))
        if heatmap is not None:
            on_count("Encoding the heat map", 0, None)
            heatmap.finish()
    return measures, ends


def _check_outputs(job: MeasureJob, outputs: Sequence[Path]) -> None:
    """See that what is asked for can be written, whatever is there already."""
    for source in (job.source, job.painting):
        check_there(source)
        refuse_same_file(source, outputs)
    if job.plot is not None:
        if job.heatmap is not None and job.heatmap.resolve() == job.plot.resolve():
            raise UsageError(f"The plot and the heat map are the same file: {job.plot}. Name two files.")
        check_picture_output(job.plot)
    if job.heatmap is not None:
        if job.heatmap.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"{job.heatmap}: a heat map is a video or a GIF. Choose a name that ends in {', '.join(SUFFIXES)}."
            )
        check_output(job.heatmap)


def _open(job: MeasureJob, on_count: OnCount) -> tuple[FrameSource, FrameSource]:
    """The input, no larger than the painting, and the painting."""

    def opened(path: Path, size: int | None, frames: FrameRange | None, crop: Fraction | None = None) -> FrameSource:
        return open_source(
            path,
            size=size,
            frames=frames,
            crop=crop,
            on_progress=lambda done, of: on_count(f"Reading {path.name}", done, of),
        )

    made = _framing_of(job.painting)
    source = opened(job.source, None, job.frames, made.crop)
    width, height = source.info.kept
    # Bars stand still, whatever is painted between them.
    painting = opened(job.painting, job.size, None, None if made.pad is None else Fraction(width, height))
    # Decoded at that size: a film in 4K is not carried around to be compared with a small painting.
    longest = max(painting.info.width, painting.info.height)
    return source.at_size(*fit_size(width, height, longest, even=True)), painting


def _framing_of(painting: Path) -> Framing:
    """What of the input a painting shows, and whether between bars, where it says so."""
    try:
        return read_record(painting)
    except ReelbrushError:
        return Framing()


def _bar_notes(painting: VideoInfo) -> tuple[str, ...]:
    """What is left out of the painting."""
    if painting.crop is None:
        return ()
    width, height = painting.crop[2:]
    return (f"The {width}x{height} between the bars of {painting.path.name} are measured.",)


def _flicker_row(what: str, painting: float | None, source: float | None) -> tuple[str, ...]:
    return what, _number(painting, ".5f"), _number(source, ".5f"), _ratio(painting, source)


def _ratio(painting: float | None, source: float | None) -> str:
    return f"{painting / source:.1f} x" if painting is not None and source else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _signed(value: float | None, form: str) -> str:
    return _number(value, f"+{form}")


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
