"""A picture and the story of how it was painted."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import OutputError, UsageError
from pipeline.job.api import as_styles, stylize_image
from pipeline.job.events import Event, Finished, OnEvent, Stage, Started
from pipeline.job.still import StillResult
from pipeline.media import check_output, refuse_same_file
from pipeline.show.story import StoryRecorder, check_story, write_story


def paint_with_story(
    content: Path,
    styles: list[str],
    output: Path,
    story: Path | None,
    story_frames: int,
    story_size: int,
    on_event: OnEvent,
    overwrite: bool,
    **painting: Any,
) -> StillResult:
    """Paint a picture; where `story` names a file, write the progress GIF (or video) too.

    :param painting: further arguments of `stylize_image`.
    :raises ReelbrushError: before anything is painted, if one of the outputs cannot be written.
    """
    if story is None:
        return stylize_image(content, styles, output, overwrite=overwrite, on_event=on_event, **painting)
    if story.resolve() == output.resolve():
        raise UsageError(f"The painting and its story are the same file: {output}. Name two files.")
    init = painting.get("init")
    for source in (content, *(style.path for style in as_styles(styles)), *((init,) if init else ())):
        refuse_same_file(source, (story,))
    check_story(story)
    check_output(story, overwrite)
    began = time.monotonic()
    outputs = (output, story)

    def with_story(event: Event) -> None:
        # The job is finished when its story is; what comes then is said below.
        if isinstance(event, Started):
            on_event(replace(event, outputs=outputs))
        elif not isinstance(event, Finished):
            on_event(event)

    recorder = StoryRecorder(story_frames, story_size)
    result = stylize_image(
        content, styles, output, overwrite=overwrite, on_event=with_story, on_progress=recorder, **painting
    )
    on_event(Stage(f"Writing the story {story.name}"))
    try:
        told = recorder.pictures(result.content, result.image)
        write_story(story, told, metadata=result.record.texts(story), overwrite=overwrite)
    except OutputError as error:
        raise OutputError(f"{error} (The painting itself is done: {output}.)") from error
    on_event(Finished(outputs, 1, 1, time.monotonic() - began))
    return result
