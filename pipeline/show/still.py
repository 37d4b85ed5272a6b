"""A picture and the story of how it was painted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.job.api import stylize_image
from pipeline.job.events import OnEvent, Stage
from pipeline.job.still import StillResult
from pipeline.media import check_output, refuse_same_file
from pipeline.show.story import StoryRecorder, write_story


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
    refuse_same_file(content, (story,))
    check_output(story, overwrite)
    recorder = StoryRecorder(story_frames, story_size)
    result = stylize_image(
        content, styles, output, overwrite=overwrite, on_event=on_event, on_progress=recorder, **painting
    )
    on_event(Stage(f"Writing the story {story.name}"))
    write_story(story, recorder.pictures(result.content, result.image), overwrite=overwrite)
    return result
