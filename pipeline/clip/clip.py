"""One clip from end to end: look through it, paint it, encode it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pipeline.clip.checks import check_clip
from pipeline.clip.deadline import Deadline, clip_budget
from pipeline.clip.disk_room import check_room, clip_room
from pipeline.clip.engine import Engine, style_notes
from pipeline.clip.events import Finished, OnEvent, Stage, ignore
from pipeline.clip.exemplars import exemplar_notes
from pipeline.clip.finders import finders_of
from pipeline.clip.finished_outputs import finished_outputs
from pipeline.clip.followed_masks import follow_notes
from pipeline.clip.frames import Run, encode_kept, paint_frames
from pipeline.clip.gif_limit import limit_notes
from pipeline.clip.jobs import ClipJob
from pipeline.clip.looking import OnLook
from pipeline.clip.loop_closure import loop_notes
from pipeline.clip.loss_monitor import worst_notes
from pipeline.clip.output_size import info_layout, size_notes
from pipeline.clip.path_cache import record_paths
from pipeline.clip.results import ClipResult
from pipeline.clip.session import Session, open_session
from pipeline.clip.sink_plans import sink_plan
from pipeline.clip.start import start_notes
from pipeline.clip.step_budget import missed_notes
from pipeline.clip.survey import check_shots, take_survey
from pipeline.clip.work_folder import NUMBERS, WorkFolder, has_frames, retry_damaged
from pipeline.errors import OutputError, StoreError
from pipeline.media import open_sink
from pipeline.media.alpha import is_transparent
from pipeline.media.frame import FrameSink
from pipeline.media.sound import sound_of
from pipeline.media.source import ON_WHITE
from pipeline.media.subtitles_and_tags import extras_of
from pipeline.motion.given_cuts import parse_cuts


def run_clip(
    job: ClipJob, engine: Engine, on_event: OnEvent = ignore, deadline: Deadline | None = None,
    on_look: OnLook | None = None,
) -> ClipResult:  # fmt: skip
    """Paint a clip. Killed at any instant and run again, it goes on and gives the same frames. A finished frame that is
    damaged on the disk meanwhile is painted again, and so is what came after it. Outputs that an earlier run has
    finished, with the same inputs and settings, stay as they are.

    :param deadline: when all has to be done; frames then get fewer steps where time is short, and the result depends
        on the speed of the machine.
    :param on_look: may look at every frame after each of its steps.
    :raises ReelbrushError: whatever a user can mend; nothing stands under a final name then.
    """
    check_clip(job, engine.settings)
    began = time.monotonic()
    result = retry_damaged(lambda: _run(job, engine, on_event, deadline, on_look))
    result = replace(result, seconds=time.monotonic() - began)
    on_event(Finished(result.outputs, result.frames, result.painted, result.seconds, result.notes))
    return result


def _run(
    job: ClipJob, engine: Engine, on_event: OnEvent, deadline: Deadline | None, on_look: OnLook | None
) -> ClipResult:
    """As `run_clip`; without the seconds."""
    session = open_session(job, engine, on_event)
    missing = _missing_outputs(session)
    if not missing:
        return _already_painted(session)
    with ExitStack() as stack:
        try:
            sinks = stack.enter_context(_open_sinks(session, missing))
        except OutputError:
            # Another name would not help where the command is wrong in itself.
            check_shots(session)
            raise
        work = session.open_work()
        stack.callback(work.close)
        _remove_parts(session, [path for path in job.outputs if path not in missing])
        work.collect_shards()
        _check_room(session, work)
        find = stack.enter_context(finders_of(session))
        survey = take_survey(session, work, motion=deadline is not None)
        info = session.source.info
        if info.in_file.each:
            # For who names its frames when the input is not at hand.
            work.write(NUMBERS, info.in_file.each)
        budget = None if deadline is None else clip_budget(deadline, session, survey, work)
        said = [
            *_size_notes(session),
            *_source_notes(session),
            *start_notes(job.init),
            *style_notes((*job.styles, *job.region_styles)),
            *(note for sink in sinks for note in sink.notes),
        ]
        said += limit_notes(session, missing)
        said += parse_cuts(session.settings.cuts).notes(info.frames, info.in_file)
        said += follow_notes(session.masks.masks, survey.of_film, info.in_file)
        names = {index: one.text for index, one in zip(session.exemplars, job.exemplar, strict=True)}
        said += exemplar_notes(names, survey.shots, len(session.passes()))
        if survey.seam is not None:
            said += loop_notes(survey.seam, session.settings.passes)
        on_event(session.started(survey.shots, work, budget, notes=tuple(dict.fromkeys(said))))
        run, passes = Run(work, sinks, budget, find=find, on_look=on_look), len(work.passes)
        paint_frames(session, survey, run)
        on_event(Stage("Encoding"))
        store = work.end()
        if not run.encoded:
            encode_kept(store, session.source, sinks)
        # All of them are checked before the first one has its name: where one fails, there is none.
        for sink in sinks:
            sink.complete()
        for sink in sinks:
            sink.finish()
        said = [note for sink in sinks for note in sink.notes]
        said += missed_notes(passes, len(work.passes), session.settings)
        # Losses of frames that are painted otherwise say nothing of one another.
        said += () if survey.looks.frames else worst_notes(store, session.settings, info.in_file)
        record_paths(session.record)
        if job.keep:
            work.close()
        else:
            said += work.remove()
    notes = tuple(dict.fromkeys(said))
    return ClipResult(job.outputs, session.source.info.frames, run.painted, 0.0, notes, len(work.passes))


def _missing_outputs(session: Session) -> tuple[Path, ...]:
    """The outputs that an earlier run of this job has not finished."""
    job = session.job
    if job.keep and not has_frames(job.work):
        return job.outputs  # its frames are asked for, and they are not there
    finished = finished_outputs(job, session.record, session.source.info.frames)
    return tuple(path for path in job.outputs if path not in finished)


def _already_painted(session: Session) -> ClipResult:
    """What a job comes to that an earlier run has finished."""
    job = session.job
    left: tuple[str, ...] = ()
    if job.work.is_dir():
        # That run was killed before it could tidy up; the frames of another job stay.
        with suppress(StoreError, OutputError):
            work = session.open_work()
            _remove_parts(session, job.outputs)
            if job.keep:
                work.close()
            else:
                left = work.remove()
    note = f"{' and '.join(path.name for path in job.outputs)}: already painted, from these inputs with these settings."
    return ClipResult(job.outputs, session.source.info.frames, 0, 0.0, (note, *left), len(session.passes()))


def _remove_parts(session: Session, finished: Sequence[Path]) -> None:
    """Remove the temporary files that a killed run has left beside results that it had finished; the work folder is
    locked."""
    # An encoder that is stopped removes every file that it could have made.
    with _open_sinks(replace(session, job=replace(session.job, overwrite=True)), finished):
        pass


def _size_notes(session: Session) -> tuple[str, ...]:
    info = session.source.info
    return size_notes(session.job, info_layout(session.job, info), (info.source_width, info.source_height), info.kept)


def _source_notes(session: Session) -> list[str]:
    """What is said of the input, once it is known what becomes of its transparency."""
    notes = [note for note in session.source.info.notes if not (session.alpha and note == ON_WHITE)]
    if session.source.info.hdr and session.alpha:
        notes.append("The result is no HDR: a clip cannot keep both HDR and its transparency.")
    elif session.source.info.hdr and not session.job.keeps_hdr:
        notes.append("The result is no HDR; with --hdr keep, a video is.")
    elif session.job.keeps_hdr and not session.source.info.hdr:
        notes.append("Nothing in the clip is HDR, so there is nothing for --hdr keep to keep.")
    if session.alpha:
        notes.append("What is transparent in the clip stays so; it is painted as if it lay on white.")
    elif session.job.keeps_alpha:
        notes.append("Nothing in the clip is transparent, so there is nothing for --alpha keep to keep.")
    elif ON_WHITE not in notes and is_transparent(session.source, looked_at=1):
        notes.append("The first frame is transparent in part; what is transparent is laid on white.")
    return notes


def _check_room(session: Session, work: WorkFolder) -> None:
    """See that the disk has room for what is still to be painted and written.

    :raises DiskFullError: it has not half of it.
    """
    info, reached = session.source.info, work.reached()
    room = clip_room(session.job, (info.width, info.height), info.kept, info.frames, len(work.passes))
    # Of two passes side by side, those finished are there already; of the first one alone, a share.
    there = (reached.number > 1) + work.frames(reached).done / info.frames
    share = max(0.0, 1 - there / min(2, len(work.passes)))
    check_room(session.job.work.parent, room.result + round(room.work * share), "this clip")


@contextmanager
def _open_sinks(session: Session, outputs: Sequence[Path]) -> Iterator[tuple[FrameSink, ...]]:
    """The encoders of some outputs; all of them are stopped, and their parts removed, if anything goes wrong."""
    job, info = session.job, session.source.info
    sound = sound_of(info, job.audio, shortest=job.shortest)
    extras = extras_of(info, job.audio, sound, location=job.location)
    opened: list[FrameSink] = []
    try:
        for path in outputs:
            # What a GIF beside it does not take over is in the result itself, or left out there.
            own = (sound, extras) if path == job.output else (None, None)
            opened.append(open_sink(sink_plan(job, session.record, session.source, path, *own, session.alpha)))
        yield tuple(opened)
    finally:
        # After finish() this does nothing.
        for sink in opened:
            sink.abort()
