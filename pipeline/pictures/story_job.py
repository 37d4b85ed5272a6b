"""Paint a picture together with the story of how it was painted, or make a story of a finished one."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clip.checks import shows_in_picture
from pipeline.clip.events import Event, Finished, OnEvent, Stage, Started
from pipeline.clip.finished_outputs import is_made_so, says_how_made
from pipeline.clip.jobs import StillJob
from pipeline.clip.looking import OnLook
from pipeline.errors import OutputError, UsageError
from pipeline.file_kind import as_typed
from pipeline.media import check_output, read_metadata, refuse_existing, refuse_same_file
from pipeline.media.outputs import check_name
from pipeline.pictures.jobs import StoryFiles, StoryOptions
from pipeline.pictures.snapshot_store import (
    PAINTING,
    check_snapshot_folder,
    read_snapshots,
    snapshot_folder,
    store_snapshots,
)
from pipeline.pictures.snapshots import SIZE, SnapshotRecorder, Snapshots
from pipeline.pictures.story import Story
from pipeline.pictures.story_file import check_story, write_story

# Who only tells a story again need not wait for torch.
if TYPE_CHECKING:
    from pipeline.clip.engine import Engine
    from pipeline.clip.provenance import Record
    from pipeline.clip.results import StillResult


def check_story_files(job: StillJob, files: StoryFiles, options: StoryOptions) -> None:
    """See that what is kept of a painting can be written, as far as names say it, whatever is there already.

    :raises UsageError, OutputError: it cannot.
    """
    if files.story is None and options != StoryOptions(options.frames, options.size):
        raise UsageError(
            "--panels, --curve and --max-bytes say what a story should be. Name one with --story FILE.gif."
        )
    if job.output is not None and files.story is not None:
        if files.story.resolve() == job.output.resolve():
            raise UsageError(f"The painting and its story are the same file: {job.output}. Name two files.")
        for source in job.files_read:
            refuse_same_file(source, (files.story,))
        check_story(files.story)
        check_output(files.story)
    if job.output is not None and files.keep:
        folder = snapshot_folder(job.output)
        check_name(job.output, folder.suffix)
        check_snapshot_folder(folder, overwrite=True)


def refuse_existing_story(job: StillJob, files: StoryFiles, *, more: bool = False) -> None:
    """Tell that what is to be kept of a painting exists already; as `check_still` tells it of the painting itself,
    after which it comes.

    :param more: likewise.
    :raises OutputError: it does, and is not to be replaced.
    """
    if job.output is None or more or shows_in_picture(job):
        return
    # What an earlier run of this job may have finished is compared once all inputs are read.
    if files.story is not None and not (files.story.is_file() and says_how_made(files.story)):
        refuse_existing(files.story, job.overwrite)
    folder = snapshot_folder(job.output)
    if files.keep and not says_how_made(folder / PAINTING):
        check_snapshot_folder(folder, job.overwrite)


def paint_with_story(
    job: StillJob,
    files: StoryFiles,
    options: StoryOptions,
    engine: Engine,
    on_event: OnEvent,
    on_look: OnLook | None,
) -> StillResult:
    """Paint a picture; where `files` name a story, write the progress GIF (or video) too.

    :param options: of the story.
    :param on_look: as for `run_still`.
    :raises ReelbrushError: before anything is painted, if one of the outputs cannot be written.
    """
    from pipeline.clip.engine import read_style
    from pipeline.clip.still import run_still

    check_story_files(job, files, options)
    refuse_existing_story(job, files)
    if job.output is None or (files.story is None and not files.keep):
        return run_still(job, engine, on_event, on_look=on_look)
    output, story, folder = job.output, files.story, snapshot_folder(job.output)
    style_images = [read_style(style) for style in (*job.styles, *job.region_styles)]
    began = time.monotonic()
    outputs = (output, *((story,) if story else ()))
    notes: list[str] = []

    def with_story(event: Event) -> None:
        if isinstance(event, Started):
            on_event(replace(event, outputs=outputs))
        elif isinstance(event, Finished):
            # The job is finished when its story is; it is told of below.
            notes.extend(event.notes)
        else:
            on_event(event)

    there: dict[str, bool] = {}

    def all_there(record: Record) -> bool:
        """Whether an earlier run of this very job has finished all that goes with the painting."""
        there["story"] = story is None or _is_story(story, record, options, job.overwrite)
        there["snapshots"] = not files.keep or _are_snapshots(folder, record, job.overwrite)
        return all(there.values())

    recorder = SnapshotRecorder(options.frames, max(SIZE, options.size))
    result = run_still(job, engine, with_story, all_there=all_there, recorder=recorder, on_look=on_look)
    if not result.painted.steps and all(there.values()):
        # The first note says it of the painting alone.
        names = " and ".join(path.name for path in outputs)
        notes[0] = f"{names}: already painted, from these inputs with these settings."
        on_event(Finished(outputs, 1, 0, time.monotonic() - began, tuple(notes)))
        return result
    snapshots = recorder.snapshots(result, style_images)
    try:
        if files.keep and not there["snapshots"]:
            on_event(Stage("Keeping the snapshots"))
            store_snapshots(folder, snapshots, result.record)
            notes.append(
                f"The snapshots are kept in {folder}; 'reelbrush story {folder} -o FILE.gif' makes stories of them."
            )
        if story is not None and not there["story"]:
            texts = _story_texts(result.record, story, options)
            notes += _write(story, snapshots, options, texts, job.overwrite, on_event)
    except (OutputError, UsageError) as error:
        raise type(error)(f"{error} (The painting itself is done: {output}.)") from error
    on_event(Finished(outputs, 1, 1, time.monotonic() - began, tuple(notes)))
    return result


_OPTIONS = "story"
"""Name of the text in a story that says what was asked of it."""


def _story_texts(record: Record, story: Path, options: StoryOptions) -> dict[str, str]:
    return {**record.texts(story), _OPTIONS: json.dumps(asdict(options), sort_keys=True)}


def _is_story(path: Path, record: Record, options: StoryOptions, overwrite: bool) -> bool:
    """Whether the story of a painting is there, as it is asked for.

    :raises OutputError: something else is there, and is not to be replaced.
    """
    if not overwrite and path.exists() and is_made_so(path, record):
        wanted = _story_texts(record, path, options)[_OPTIONS]
        if read_metadata(path).get(_OPTIONS) == wanted:
            return True
    refuse_existing(path, overwrite)
    return False


def _are_snapshots(folder: Path, record: Record, overwrite: bool) -> bool:
    """Whether the snapshots of a painting are there.

    :raises OutputError: something else is there, and is not to be replaced.
    """
    if not overwrite and folder.exists() and is_made_so(folder / PAINTING, record):
        return True
    check_snapshot_folder(folder, overwrite)
    return False


def retell_story(folder: Path, output: Path, options: StoryOptions, on_event: OnEvent, overwrite: bool) -> None:
    """Make a story of the snapshots of a finished painting; nothing is painted.

    :param folder: as `read_snapshots` takes it.
    :raises StoreError: there are no snapshots, or they are damaged.
    :raises UsageError: as `write_story`.
    :raises OutputError: the story exists already, or cannot be written.
    """
    began = time.monotonic()
    check_story(output)
    refuse_same_file(folder, (output,))
    on_event(Stage(f"Reading the snapshots in {as_typed(folder)}"))
    stored = read_snapshots(folder)
    check_output(output)
    refuse_existing(output, overwrite)
    texts = _story_texts(stored.record, output, options)
    notes = _write(output, stored.snapshots, options, texts, overwrite, on_event)
    on_event(Finished((output,), 1, 0, time.monotonic() - began, notes))


def _write(
    path: Path, snapshots: Snapshots, options: StoryOptions, texts: dict[str, str], overwrite: bool, on_event: OnEvent
) -> tuple[str, ...]:
    """Write the story, with an event for every trial."""
    stage = f"Writing the story {path.name}"
    on_event(Stage(stage))
    story = Story(snapshots, options)
    return write_story(path, story, options, texts, overwrite, lambda what: on_event(Stage(f"{stage}: {what}")))
