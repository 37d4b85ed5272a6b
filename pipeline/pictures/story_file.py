"""A story becomes a file: a GIF, an animated WebP or PNG, or a video, no larger than asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.media import check_output, refuse_existing
from pipeline.media.animation_sink import SUFFIXES as PICTURES
from pipeline.media.encoding_ladder import Encoding
from pipeline.media.plan import SinkPlan
from pipeline.media.sink import ANIMATIONS, write_frames
from pipeline.media.size_limit import Encoded, write_within_limit
from pipeline.pictures.jobs import StoryOptions
from pipeline.pictures.story import Story, StoryFrames


def check_story(path: Path) -> None:
    """Find out before anything is painted whether a story can have that name.

    :raises UsageError: it ends neither like an animation nor like a video.
    """
    if path.suffix.lower() not in ANIMATIONS:
        raise UsageError(
            f"{path}: a story is an animation or a video. Choose a name that ends in .gif, "
            f"{', '.join(suffix for suffix in ANIMATIONS if suffix != '.gif')}."
        )


def write_story(
    path: Path,
    story: Story,
    options: StoryOptions,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
    on_trial: Callable[[str], None] = lambda what: None,
) -> tuple[str, ...]:
    """Write the story as it should be; an animation plays for ever, its last frame held.

    :param on_trial: is told what is tried, where `options.max_bytes` makes it necessary to try.
    :return: what a person should know, a sentence each.
    :raises UsageError: it cannot have that name, or does not fit into `options.max_bytes` whatever is done.
    :raises OutputError: it exists already, or cannot be written.
    """
    check_story(path)
    check_output(path)
    refuse_existing(path, overwrite)
    animation = _StoryAnimation(story, options, path.suffix.lower() not in (".gif", *PICTURES), metadata or {})
    return write_within_limit(path, animation, options.max_bytes, on_trial).notes


class _StoryAnimation:
    """A story as an `Animation`."""

    kind = "story"
    advice = "another ending: .webp and .mp4 take less than .gif, and .gif less than .png."

    def __init__(self, story: Story, options: StoryOptions, even: bool, metadata: Mapping[str, str]) -> None:
        """
        :param even: the codec wants even sides.
        """
        self._story = story
        self._options = options
        self._even = even
        self._metadata = metadata

    def size(self, encoding: Encoding) -> tuple[int, int]:
        size, frames = self._story.size, self._options.frames
        return (
            size if encoding.scale == 1 else max(2, round(size * encoding.scale / 2) * 2),
            frames if encoding.share == 1 else max(2, round(frames * encoding.share)),
        )

    def encode(self, path: Path, encoding: Encoding) -> Encoded:
        size, frames = self.size(encoding)
        rendered = self._story.render(frames, size, even=self._even)
        write_story_frames(path, rendered, encoding, self._metadata)
        height, width = rendered.images[0].shape[:2]
        return Encoded(width, height, frames)


def write_story_frames(path: Path, story: StoryFrames, encoding: Encoding, metadata: Mapping[str, str]) -> None:
    """Write a story that is ready, with first and last frame held; an animation loops."""
    images, times, duration = story.images, story.times, story.duration
    pace = story.delays[1] if len(story.delays) > 2 else story.delays[0]
    still = path.suffix.lower() in (".gif", *PICTURES)
    if not still:
        # Players differ in how long they show the last frame of a video; frames of one length they all show alike.
        images = [
            image for image, delay in zip(images, story.delays, strict=True) for _ in range(max(1, round(delay / pace)))
        ]
        times = tuple(Fraction(pace * number, 100) for number in range(len(images)))
        duration = times[-1] + Fraction(pace, 100)
    palette = encoding.palette and replace(encoding.palette, fixed=story.fixed_colours)
    plan = SinkPlan(
        path, width=images[0].shape[1], height=images[0].shape[0], times=times, duration=duration,
        rate=Fraction(100, pace), variable=still, quality=encoding.quality, palette=palette, animation=True,
        metadata=metadata, overwrite=True,
    )  # fmt: skip
    write_frames(plan, images)
