"""A picture that comes through a pipe, and one that goes into one: `-` where a file would be named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.clip.jobs import StillJob
from pipeline.errors import ReelbrushError, UsageError
from pipeline.options import OUTPUT, option

if TYPE_CHECKING:
    from pipeline.clip.events import OnEvent

STREAM = Path("-")
FORMATS = ("png", "jpg", "webp", "tif")


@dataclass(frozen=True)
class StreamFormat:
    """What is written where no name says it."""

    format: str | None = field(
        default=None,
        metadata=option("Format of a picture that goes to stdout.", OUTPUT, choices=FORMATS, default="png"),
    )


def with_image_command(arguments: list[str]) -> list[str]:
    """`reelbrush - …` is `reelbrush image - …`, with stdout for its result unless another one is named."""
    if arguments[:1] != ["-"]:
        return arguments
    named = any(one.startswith(("-o", "--output=")) or one == "--output" for one in arguments)
    return ["image", *arguments, *([] if named else ["-o", "-"])]


def refuse_streams(*named: Path | str | None) -> None:
    """See that `-` does not stand where a file or a folder has to be named.

    :raises UsageError: it does.
    """
    if STREAM in [Path(one) for one in named if one is not None]:
        raise UsageError(
            "'-' stands for stdin and stdout in reelbrush image alone, for its content and its output: a clip is read "
            "and written at several places at once. Name a file."
        )


@contextmanager
def through_files(job: StillJob, form: StreamFormat, refused: dict[str, bool], on_event: OnEvent) -> Iterator[Any]:
    """Yields the job with files in the place of streams, and what to tell of it: for as long as the block lasts. Then
    the result is written to stdout.

    :param refused: options that mean nothing where the result has no name, and whether they were given.
    :raises UsageError: one of them was, or a stream is a terminal.
    :raises MediaError: there is nothing to read, as for a file.
    """
    refuse_streams(*(style.path for style in job.styles))
    reads, writes = job.content == STREAM, job.output == STREAM
    if form.format is not None and not writes:
        raise UsageError("--format is for a picture that goes to stdout (-o -). The name of a file says its format.")
    if form.format is not None and form.format not in FORMATS:
        raise UsageError(f"--format cannot be {form.format!r}. It is one of {', '.join(FORMATS)}.")
    for name in (name for name, given in refused.items() if given and writes):
        raise UsageError(f"{name} needs a result with a name, and this one goes to stdout. Name a file with -o OUT.")
    if reads and sys.stdin.isatty():
        raise UsageError("The picture should come from stdin, which is a terminal: reelbrush image - … < cat.jpg")
    if writes and sys.stdout.isatty():
        raise UsageError("The painting should go to stdout, which is a terminal: reelbrush image … -o - > painted.png")
    if not reads and not writes:
        yield job, on_event
        return
    with TemporaryDirectory(prefix="reelbrush") as folder:
        files = {"stdin": Path(folder, "stdin"), "stdout": Path(folder, f"stdout.{form.format or FORMATS[0]}")}
        if reads:
            with files["stdin"].open("wb") as picture:
                shutil.copyfileobj(sys.stdin.buffer, picture)
        placed = replace(
            job, content=files["stdin"] if reads else job.content, output=files["stdout"] if writes else job.output
        )

        def said(text: str) -> str:
            for name, path in files.items():
                text = text.replace(str(path), name)
            return text

        def told(event: Any) -> None:
            if getattr(event, "source", None) is not None:
                event = replace(event, source=said(event.source))
            if hasattr(event, "outputs"):
                event = replace(event, outputs=tuple(path for path in event.outputs if path != files["stdout"]))
            on_event(event)

        try:
            yield placed, told
        except ReelbrushError as error:
            raise type(error)(said(str(error))) from error
        if writes:
            with files["stdout"].open("rb") as painting:
                shutil.copyfileobj(painting, sys.stdout.buffer)
            sys.stdout.buffer.flush()
