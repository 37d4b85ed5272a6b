"""What a command says: its result on stdout, the rest on stderr, and every error as one paragraph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from pipeline.errors import ReelbrushError
from pipeline.options import REPORT, option

if TYPE_CHECKING:
    from pipeline.clip.events import OnEvent

# Without emoji: a file 'a:x:' is called so, and not 'a' with a red cross.
screen = Console(stderr=True, emoji=False)
# A pipe has no width: whoever reads it wants every path in one piece.
out = Console(emoji=False, width=None if sys.stdout.isatty() else 1000)


@dataclass(frozen=True)
class Quiet:
    """How much a command says that draws something."""

    quiet: bool = field(default=False, metadata=option("Say nothing but errors.", REPORT, flags=("--quiet", "-q")))


@dataclass(frozen=True)
class Talk(Quiet):
    """How much a command says, and to whom."""

    json: bool = field(
        default=False,
        metadata=option("Report on stdout as JSON, one object a line; progress goes to stderr.", REPORT),
    )


_RESULT_ONLY = option("No progress and no notes: only the result, and errors.", REPORT, flags=("--quiet", "-q"))


@dataclass(frozen=True)
class Telling(Quiet):
    """How much a command says whose result is a text."""

    quiet: bool = field(default=False, metadata=_RESULT_ONLY)


@dataclass(frozen=True)
class TellingAll(Talk):
    """How much a command says whose result is a text, and to whom."""

    quiet: bool = field(default=False, metadata=_RESULT_ONLY)


@dataclass(frozen=True)
class AsJson:
    """Of a command that only says something."""

    json: bool = field(default=False, metadata=option("As JSON, one object a line.", REPORT))


@contextmanager
def running(talk: Talk, interrupted: str | Callable[[], str]) -> Iterator[OnEvent]:
    """A job with its progress on stderr, its events on stdout where asked, and its errors as paragraphs.

    :param interrupted: as for `errors`.
    """
    with errors(interrupted, talk.json), ExitStack() as stack:
        reporters: list[OnEvent] = []

        def on_event(event: Any) -> None:
            if not reporters:
                # With the first event: what draws progress takes longer to import than a wrong name takes to be found.
                from pipeline.report.console import ConsoleReporter
                from pipeline.report.jsonlines import json_reporter

                reporters.append(stack.enter_context(ConsoleReporter(screen, talk.quiet)))
                if talk.json:
                    reporters.append(json_reporter(typer.echo))
            for reporter in reporters:
                reporter(event)

        yield on_event


@contextmanager
def drawing(talk: Quiet, json: bool = False) -> Iterator[Any]:
    """A picture in the making, with its progress on stderr and its errors as paragraphs."""
    with errors("Nothing unfinished is left.", json):
        from pipeline.report.console import show_count

        with show_count(screen, talk.quiet) as on_count:
            yield on_count


@contextmanager
def errors(interrupted: str | Callable[[], str] = "", json: bool = False) -> Iterator[None]:
    """Turn what can go wrong into one paragraph and the right exit code.

    :param interrupted: what is left, and how to go on, for who interrupts it; or what finds that out then.
    """
    from pipeline.report.failures import error_text
    from pipeline.report.lines import print_text
    from pipeline.signals import Terminated, on_sigterm
    from pipeline.text import sanitize

    on_sigterm()
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except (ReelbrushError, OSError, RuntimeError, MemoryError) as error:
        paragraph, code = error_text(error)
        print_text(screen, Text.assemble(("Error:", "bold red"), " ", sanitize(paragraph)))
        _last_line(json, "error", paragraph, code)
        raise typer.Exit(code) from None
    except (KeyboardInterrupt, Terminated) as stop:
        left = interrupted if isinstance(interrupted, str) else interrupted()
        paragraph, code = f"Interrupted. {left}".strip(), 143 if isinstance(stop, Terminated) else 130
        print_text(screen, paragraph)
        _last_line(json, "interrupted", paragraph, code)
        raise typer.Exit(code) from None


def _last_line(json: bool, event: str, message: str, code: int) -> None:
    """With --json, the last line says why there is no result."""
    if json:
        from json import dumps

        # Where stdout is what broke, stderr has said it already.
        with suppress(OSError):
            typer.echo(dumps({"event": event, "message": message, "exit_code": code}))


def say_line(text: str) -> None:
    """Say something that a person has to know, whatever else is said."""
    from pipeline.report.lines import print_text

    print_text(screen, text)


def say_made(output: Path, what: str, notes: Iterable[str], talk: Quiet) -> None:
    """Say what was made, and what a person should know of it."""
    from pipeline.report.lines import print_text

    for note in () if talk.quiet else notes:
        print_text(screen, f"note: {note}")
    if not talk.quiet:
        print_text(screen, f"{output} ({what})" if what else str(output))
