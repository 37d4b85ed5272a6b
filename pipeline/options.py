"""What an option is: declared once, at the field of the setting or of the job that it fills.

    steps: int = field(default=100, metadata=option("Steps for a picture.", PAINTING, low=1))

The name of the option, its type and its default are those of the field; what a person is told of it, its limits and
its place in the help stand in the metadata. `pipeline.commands` makes the command line of that, and job files and
library calls check by the same limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass
from typing import Any, TypeAlias

MAIN, OUTPUT, INPUT, PAINTING, MOTION, TIME, REPORT = (
    "Options", "Output", "Input", "Painting", "Motion", "Time", "Report",
)  # fmt: skip
"""Panels of the help, in the order in which it shows them."""

Typed: TypeAlias = dict[str, Any]
"""Options by the names of their fields, as they were typed; what was not typed is not among them."""


@dataclass(frozen=True)
class Option:
    """What the command line has to know of a field, beside its name, type and default."""

    about: str
    """What it means, in sentences."""
    panel: str
    """Under which heading it stands in the help; '' for what has no option of its own and is set by `--set`."""
    argument: bool = False
    """Whether it is an argument, which is told by its place and not by its name."""
    required: bool = False
    """Whether a command wants it although the field has a default, which is for callers in Python."""
    flags: tuple[str, ...] = ()
    """How it is typed where that is not --name: ('--style', '-s')."""
    metavar: str | None = None
    """What stands for its value in the help; None: its type."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    """The words that it can be."""
    suggested: Callable[[], Iterable[str]] | None = None
    """Values that the shell completes, where they are others than the choices, or take time to find."""
    default: str = ""
    """What happens where it is not given, if its default does not say that."""
    read: Callable[[str], Any] | None = None
    """Makes the value of the text that was typed, or of each where several can be given; a UsageError tells why not."""

    @property
    def completions(self) -> tuple[str, ...]:
        """What the shell offers for it."""
        return self.choices if self.suggested is None else tuple(self.suggested())


def option(about: str, panel: str, **more: Any) -> Mapping[str, Option]:
    """The metadata of a field that is an option.

    :param more: further fields of `Option`.
    """
    return {"option": Option(about, panel, **more)}


def argument(about: str, metavar: str) -> Mapping[str, Option]:
    """The metadata of a field that is an argument of a command."""
    return {"option": Option(about, MAIN, argument=True, metavar=metavar)}


def option_of(field: Field[Any]) -> Option | None:
    """What was declared of a field; None where nothing was."""
    found = field.metadata.get("option")
    return found if isinstance(found, Option) else None
