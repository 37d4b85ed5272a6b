"""One picture from end to end: read, paint, write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.clip.checks import check_still
from pipeline.clip.engine import Engine, open_painter, style_notes
from pipeline.clip.events import Finished, FrameDone, OnEvent, Started, ignore, stepped
from pipeline.clip.finished_outputs import is_made_so
from pipeline.clip.identity import file_names, painting_identity
from pipeline.clip.jobs import StillJob
from pipeline.clip.looking import Look, OnLook
from pipeline.clip.mask_files import OpenMasks, still_masks
from pipeline.clip.output_size import output_layout, size_notes
from pipeline.clip.path_cache import record_paths
from pipeline.clip.provenance import Record, still_record
from pipeline.clip.record_reading import read_record
from pipeline.clip.results import StillResult
from pipeline.clip.start import read_start, start_notes
from pipeline.clip.unfinished_picture import Recorder, UnfinishedPicture
from pipeline.errors import MediaError, OutputError, ReplayError, StoreError, UsageError
from pipeline.media import (
    fit_size,
    is_animated,
    read_metadata,
    read_picture,
    refuse_existing,
    resize,
    write_picture,
)
from pipeline.media.alpha import with_opacity
from pipeline.media.deep_pictures import picture_notes, read_exact_picture
from pipeline.media.pictures import NotAPictureError, read_opacity
from pipeline.media.reframe import Layout
from pipeline.media.resize import centre_crop, cropped
from pipeline.media.suffixes import WRITABLE
from pipeline.network.device import device_line
from pipeline.network.kernels import kernels_on
from pipeline.network.weights import describe
from pipeline.settings import Settings
from pipeline.style.frame import OnProgress, PaintedFrame, Progress, Unfinished
from pipeline.style.optimise import Stop
from pipeline.style.picture import to_image
from pipeline.text import count_text
from pipeline.types import AnyImage, DeepImage, Image, deep_only, shallow


def run_still(
    job: StillJob,
    engine: Engine,
    on_event: OnEvent = ignore,
    on_progress: OnProgress | None = None,
    all_there: Callable[[Record], bool] = lambda record: True,
    recorder: Recorder | None = None,
    on_look: OnLook | None = None,
) -> StillResult:
    """Paint one picture. One that an earlier run has finished, with the same inputs and settings, stays as it is; one
    that it has left half-painted is gone on with, to the same picture.

    A run is left between two steps by whatever `on_event` or `on_progress` raises; the painting so far is kept then. It
    is kept now and then in any case, for one that is killed.

    :param on_progress: called after every step with the picture as it stands.
    :param all_there: says, once it is known how the picture comes about, whether what is made while it is painted is
        there already; where it is not, a finished picture is painted again for that.
    :param recorder: likewise, of all steps, also those of the interrupted run.
    :param on_look: may look at the picture after every step, and when it is finished.
    :raises ReelbrushError: whatever a user can mend; nothing is written then.
    """
    began, settings = time.monotonic(), engine.settings
    check_still(job)
    picture = _open(job, settings)
    painter = open_painter(engine, job.styles, job, settings).with_masks(picture.masks.together([]))
    painter = painter.deeply(job.paints_deep)
    content = picture.content
    height, width = content.shape[:2]
    outputs = () if job.output is None else (job.output,)
    network = painter.network
    record = still_record(job, painter)
    half = None
    with ExitStack() as stack:
        if job.accept:
            half = stack.enter_context(_unfinished(job, engine, record))
            job = replace(job, until=_accepted(job, half))
            record = replace(record, until=job.until)
        finished = job.output is not None and _finished_picture(job.output, record, job.overwrite)
        if all_there(record) and finished:
            assert job.output is not None
            said: tuple[str, ...] = ()
            if half is None:
                # That run may have been killed before it could tidy up; what is of another job stays.
                with suppress(StoreError), _unfinished(job, engine, record) as left:
                    assert left is not None
                    said = left.remove()
            note = f"{job.output.name}: already painted, from these inputs with these settings."
            there = _as_painted(job.output, width, height)
            _show(on_look, content, lambda: there.image, finished=True)
            on_event(Finished(outputs, 1, 0, time.monotonic() - began, (note, *said)))
            return StillResult(read_picture(job.output), content, there, job.output, record)
        half = half or stack.enter_context(_unfinished(job, engine, record))
        if half is not None and recorder is not None:
            half.restore(recorder)
        after = None if half is None or _is_beyond(half.found, job.until) else half.found
        work = painter.work(height, width, carried=False)
        on_event(
            Started(str(job.content), outputs, width, height, 1, 0, work, work, describe(network),
                    device_line(engine.device, network.dtype), (*picture.notes, *_half_notes(half, after)))
        )  # fmt: skip

        def told(step: Progress) -> None:
            if on_progress is not None:
                on_progress(step)
            _show(on_look, content, lambda: to_image(step.picture()))

        progress = _watch(half, recorder, told, on_event)
        painted = painter.between(after, job.until).paint(picture.exact, on_progress=progress, start=picture.start)
        on_event(
            FrameDone(0, painted.losses, painted.steps, painted.seconds, painted.stopped.value,
                      memory_fallback=painted.memory_fallback.value)
        )  # fmt: skip
        _show(on_look, content, lambda: painted.image, finished=True)
        exact = picture.written(painted.exact)
        if job.output is not None and not finished:
            texts = {**record.texts(job.output), "losses": json.dumps(painted.losses)}
            write_picture(job.output, exact, metadata=texts, overwrite=job.overwrite)
            record_paths(record)
        said = () if half is None else half.remove()
    on_event(Finished(outputs, 1, 1, time.monotonic() - began, said))
    return StillResult(shallow(exact), content, painted, job.output, record)


@dataclass(frozen=True)
class _Opened:
    """The picture of a job, read."""

    exact: Image | DeepImage
    """At the size at which it is painted, with all the bits that are painted from."""
    original: Image
    """The part of it that is painted, at its own size."""
    opacity: Image | None
    """Of that part, where it is kept."""
    start: Image | None
    """What painting starts from, where that is another picture; of the size of `content`."""
    layout: Layout
    notes: tuple[str, ...]
    masks: OpenMasks

    @property
    def content(self) -> Image:
        """The same with 8 bits a channel."""
        return shallow(self.exact)

    def written(self, painting: Image | DeepImage) -> Image | DeepImage:
        """The painting as it is written, with as many bits as it has."""
        deep = deep_only(painting)
        if deep is not None:
            return self._with_opacity(self.layout.write(deep, self.original))
        return self._with_opacity(self.layout.write(shallow(painting), self.original))

    def _with_opacity(self, image: AnyImage) -> AnyImage:
        return image if self.opacity is None else with_opacity(image, resize(self.opacity, *self.layout.inner))


def _open(job: StillJob, settings: Settings) -> _Opened:
    whole = _read_content(job.content)
    original = cropped(whole, centre_crop(whole.shape[1], whole.shape[0], job.crop))
    kept = original.shape[1], original.shape[0]
    size = fit_size(*kept, settings.size or None, job.upscale)
    layout = output_layout(job, size, kept, False)
    opacity = _opacity(job)
    notes = (*size_notes(job, layout, (whole.shape[1], whole.shape[0]), kept), *_notes(job, opacity is not None))
    start = None if job.init is None else read_start(job.init, job.crop, *size)
    masks = still_masks(job, job.crop, whole, size)
    exact = _exact_content(job, original)
    deep = deep_only(exact)
    content = resize(shallow(exact), *size) if deep is None else resize(deep, *size)
    return _Opened(content, original, opacity if job.keeps_alpha else None, start, layout, notes, masks)


def _exact_content(job: StillJob, original: Image) -> Image | DeepImage:
    """The part of the content that is painted, with all the bits that are painted from."""
    deep = deep_only(read_exact_picture(job.content)) if job.paints_deep else None
    return original if deep is None else cropped(deep, centre_crop(deep.shape[1], deep.shape[0], job.crop))


def _show(on_look: OnLook | None, content: Image, painting: Callable[[], Image], finished: bool = False) -> None:
    if on_look is not None:
        on_look(Look(0, content, painting, finished))


def _watch(
    half: UnfinishedPicture | None, recorder: Recorder | None, on_progress: OnProgress, on_event: OnEvent
) -> OnProgress:
    """Tells of every step, and keeps the painting: where it is due, and where one of those who are told ends it."""

    def progress(step: Progress) -> None:
        if recorder is not None:
            recorder(step)
        try:
            on_progress(step)
            on_event(stepped(0, step))
        except BaseException:
            if half is not None:
                half.keep(step, recorder, on_event)
            raise
        if half is not None and half.due:
            half.keep(step, recorder, on_event)

    return progress


@contextmanager
def _unfinished(job: StillJob, engine: Engine, record: Record) -> Iterator[UnfinishedPicture | None]:
    """Where the picture is kept while it is half-painted; None where it is not written to the disk at all.

    :raises BusyError, StoreError: as `UnfinishedPicture`.
    """
    if job.work is None:
        yield None
        return
    digests = {one.path: one.sha256 for one in record.ingredients}
    identity = painting_identity(job, engine.settings, record.digest, digests.__getitem__, precision=record.precision)
    # What an optimiser has learnt is kept in the form that its device takes steps in.
    kind = engine.device.type + ("" if kernels_on(engine.device) is None else " with Triton")
    half = UnfinishedPicture(job.work, {**identity, "device": kind}, job.restart, file_names(record))
    try:
        yield half
    finally:
        half.close()


def _accepted(job: StillJob, half: UnfinishedPicture | None) -> int:
    """After how many steps a painting is accepted.

    :raises UsageError: there is none.
    """
    if half is None or half.found is None:
        raise UsageError(
            f"{job.output}: there is no half-finished painting of these inputs with these settings to be accepted. "
            "Leave --accept out to paint it."
        )
    return half.found.step


def _is_beyond(found: Unfinished | None, until: int | None) -> bool:
    """Whether an earlier run has done more steps than are wanted."""
    return found is not None and until is not None and found.step > until


def _half_notes(half: UnfinishedPicture | None, after: Unfinished | None) -> tuple[str, ...]:
    """What a person should know of how painting begins, a sentence each."""
    said = () if half is None or not half.note else (half.note,)
    if after is None:
        return said
    first = "first step" if after.step == 1 else f"first {after.step} steps"
    return (*said, f"An earlier run has done the {first} of it.")


def _finished_picture(path: Path, record: Record, overwrite: bool) -> bool:
    """Whether a picture is there that was made just so, and is whole.

    :param overwrite: whether it is to be replaced in any case.
    :raises OutputError: another one is there, and is not to be replaced.
    """
    if not overwrite and path.exists() and is_made_so(path, record):
        return True
    if not overwrite and record.until is None:
        _refuse_accepted(path, record)
    refuse_existing(path, overwrite)
    return False


def _refuse_accepted(path: Path, record: Record) -> None:
    """:raises OutputError: the picture is this very one, but was accepted before its end."""
    with suppress(ReplayError, MediaError):
        until = read_record(path).until
        if until is not None and is_made_so(path, replace(record, until=until)):
            raise OutputError(
                f"{path}: this painting is there; it was accepted after {count_text(until, 'step')}. Leave it so, or "
                "paint it to its end with --overwrite or under another name."
            )


def _as_painted(path: Path, width: int, height: int) -> PaintedFrame:
    """What is known of a picture that an earlier run has finished, at the size at which it was painted."""
    losses = json.loads(read_metadata(path).get("losses", "{}"))
    return PaintedFrame(resize(read_picture(path), width, height), losses, 0, 0.0, Stop.KEPT)


def _read_content(path: Path) -> Image:
    """The picture to paint; who names a clip instead is told which command paints those."""
    try:
        return read_picture(path)
    except NotAPictureError as error:
        raise MediaError(f"{error} A video is painted by reelbrush video.") from error


def _opacity(job: StillJob) -> Image | None:
    """How opaque the part of the content is that is painted; None where it is opaque throughout.

    :raises UsageError: the output cannot hold it.
    """
    found = read_opacity(job.content)
    if found is None:
        return None
    if job.keeps_alpha and job.output is not None and WRITABLE.get(job.output.suffix.lower()) == "JPEG":
        raise UsageError(
            f"{job.output}: a JPEG cannot keep transparency. Choose a name that ends in .png, .webp or .tif, or leave "
            "--alpha keep out."
        )
    return cropped(found, centre_crop(found.shape[1], found.shape[0], job.crop))


def _notes(job: StillJob, transparent: bool) -> tuple[str, ...]:
    notes = (
        *picture_notes(job.content, job.paints_deep),
        *style_notes((*job.styles, *job.region_styles)),
    )
    if transparent:
        kept = "stays so; it is painted as if it lay on white" if job.keeps_alpha else "is laid on white"
        notes = (f"What is transparent in the picture {kept}.", *notes)
    elif job.keeps_alpha:
        notes = ("Nothing in the picture is transparent, so there is nothing for --alpha keep to keep.", *notes)
    notes = (*start_notes(job.init), *notes)
    if is_animated(job.content):
        notes = (
            f"{job.content.name} is animated; its first frame is painted. 'reelbrush video' paints all of them.",
            *notes,
        )
    return notes
