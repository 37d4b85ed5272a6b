"""A story becomes a file: a GIF, an animated WebP or PNG, or a video, no larger than asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

from pipeline.errors import OutputError, UsageError
from pipeline.media import check_output, open_sink
from pipeline.media.animation_sink import SUFFIXES as PICTURES
from pipeline.media.frame import Frame
from pipeline.media.outputs import cannot_write, publish, remove
from pipeline.media.sink import ANIMATIONS
from pipeline.show.story import Story, StoryOptions, Telling
from pipeline.show.story_bytes import Rung, best_within, rungs

LEAST_SIDE, LEAST_FRAMES = 32, 6
"""Below this, a story is none any more: it is not made smaller to fit."""


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

    :param on_trial: told what is tried, where `options.max_bytes` makes it necessary to try.
    :return: what a person should know, a sentence each.
    :raises UsageError: it cannot have that name, or does not fit into `options.max_bytes` whatever is done.
    :raises OutputError: it exists already, or cannot be written.
    """
    check_story(path)
    check_output(path, overwrite)
    trials = path.with_name(f".{path.name}.trials")
    remove(trials)  # left by a run that was killed
    ways = rungs(path.suffix.lower())
    trial = _Trials(trials, path.suffix, story, options, metadata or {})
    try:
        trials.mkdir()
        if options.max_bytes is None:
            trial.encode(0, ways[0])
            best: int | None = 0
        else:
            # The weights hold for the frames and sizes of this story, where what would be too small is left out.
            ways = [way for way in ways if trial.possible(way)]
            weights = [way.weight for way in ways]

            def measured(number: int) -> int:
                on_trial(trial.what(ways[number]))
                return trial.encode(number, ways[number])

            best = best_within(options.max_bytes, weights, measured)
        if best is None:
            raise UsageError(trial.refusal(path))
        publish(trial.file(best), path)
    except OutputError as error:
        # Who asked for a story knows nothing of trials.
        raise type(error)(re.sub(rf"{re.escape(str(trials))}[/\\][\w.]+", lambda _: str(path), str(error))) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        remove(trials)
    return () if best == 0 else (trial.remark(best),)


class _Trials:
    """Encodes a story in several ways; each is a file of its own until the best one is known."""

    def __init__(
        self, folder: Path, suffix: str, story: Story, options: StoryOptions, metadata: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._suffix = suffix.lower()
        self._story = story
        self._options = options
        self._metadata = metadata
        self._said: dict[int, str] = {}
        self._bytes: dict[int, int] = {}

    def file(self, number: int) -> Path:
        """Where a trial lies."""
        return self._folder / f"{number}{self._suffix}"

    def possible(self, way: Rung) -> bool:
        """Whether so small a story would still be one."""
        full = way.scale == 1 and way.share == 1
        return full or (self._size(way) >= LEAST_SIDE and self._frames(way) >= LEAST_FRAMES)

    def encode(self, number: int, way: Rung) -> int:
        """Encode it that way; tells how many bytes it takes."""
        told = self._story.told(self._frames(way), self._size(way), even=self._suffix not in (".gif", *PICTURES))
        write_telling(self.file(number), told, way, self._metadata)
        height, width = told.images[0].shape[:2]
        self._said[number] = f"{width}x{height} with {self.what(way)}"
        self._bytes[number] = self.file(number).stat().st_size
        return self._bytes[number]

    def what(self, way: Rung) -> str:
        """Frames, colours and quality of a way to encode it."""
        colours = f" in {way.palette.colours} colours" if way.palette is not None else ""
        quality = f" at quality {way.quality}" if way.quality is not None else ""
        return f"{self._frames(way)} frames{colours}{quality}"

    def remark(self, best: int) -> str:
        """What was given up."""
        full = f"{self._said[0]} would take {size_of(self._bytes[0])}"
        return f"{full}; to stay below {size_of(self._options.max_bytes or 0)}, the story is {self._said[best]}."

    def refusal(self, path: Path) -> str:
        """What would fit."""
        least = min(self._bytes, key=self._bytes.__getitem__)
        takes = self._bytes[least]
        return (
            f"{path}: this story does not fit into {size_of(self._options.max_bytes or 0)}. The smallest one, "
            f"{self._said[least]}, takes {size_of(takes)}: allow that with --max-bytes {-(-takes // 1000)}kB, or "
            "choose another ending: .webp and .mp4 take less than .gif, and .gif less than .png."
        )

    def _size(self, way: Rung) -> int:
        size = self._story.size
        return size if way.scale == 1 else max(2, round(size * way.scale / 2) * 2)

    def _frames(self, way: Rung) -> int:
        return self._options.frames if way.share == 1 else max(2, round(self._options.frames * way.share))


def write_telling(path: Path, told: Telling, way: Rung, metadata: Mapping[str, str]) -> None:
    """Write a story that is ready, with first and last frame held; an animation loops."""
    images, times, duration = told.images, told.times, told.duration
    pace = told.delays[1] if len(told.delays) > 2 else told.delays[0]
    still = path.suffix.lower() in (".gif", *PICTURES)
    if not still:
        # Players differ in how long they show the last frame of a video; frames of one length they all show alike.
        images = [
            image for image, delay in zip(images, told.delays, strict=True) for _ in range(max(1, round(delay / pace)))
        ]
        times = tuple(Fraction(pace * number, 100) for number in range(len(images)))
        duration = times[-1] + Fraction(pace, 100)
    sink = open_sink(
        path, width=images[0].shape[1], height=images[0].shape[0], times=times, duration=duration,
        rate=Fraction(100, pace), variable=still, quality=way.quality, palette=way.palette, animation=True,
        metadata=metadata, overwrite=True,
    )  # fmt: skip
    try:
        for index, (at, image) in enumerate(zip(times, images, strict=True)):
            sink.put(Frame(index, at, image))
        sink.finish()
    finally:
        sink.abort()


def size_of(count: int) -> str:
    """'4.9 MB' or '800 kB', never less than it is."""
    return f"{-(-count // 10_000) / 100:g} MB" if count >= 1_000_000 else f"{-(-count // 1000)} kB"
