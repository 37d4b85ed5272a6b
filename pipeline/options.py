"""What an option is: declared once, at the field of the setting or of the job that it fills.

    steps: int = field(default=100, metadata=option("Steps for a picture.", PAINTING, low=1))

The name of the option, its type and its default are those of the field; what a person is told of it, its limits and
its place in the help stand in the metadata. `pipeline.commands` makes the command line of that, and job files and
library calls check by the same limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeAlias

PANELS = MAIN, INPUT, OUTPUT, PAINTING, MOTION, RUN, TIME, REPORT = (
    "Options", "Input", "Output", "Painting", "Motion", "Run", "Time", "Report",
)  # fmt: skip
"""Headings of the help, in its order."""

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
    suggested: Callable[[], Mapping[str, str] | Iterable[str]] | None = None
    """Values that the shell completes, where they are others than the choices, or take time to find; with what each
    of them is, if there is more to say."""
    default: str = ""
    """What happens where it is not given, if its default does not say that."""
    read: Callable[[str], Any] | None = None
    """Makes the value of the text that was typed; a UsageError tells why not."""
    each: bool = False
    """Whether `read` makes an entry of a field that holds several, of each text that was typed."""

    @property
    def completions(self) -> tuple[tuple[str, str], ...]:
        """What the shell offers for it, each with what it is, or ''."""
        found = self.choices if self.suggested is None else self.suggested()
        return tuple(found.items()) if isinstance(found, Mapping) else tuple((value, "") for value in found)


@dataclass(frozen=True)
class Group:
    """The options of another class, in the place of a parameter of a command, or of a field.

    Where that is `Typed`, it gets what was typed; the class checks it later, together with what stands in files.
    """

    of: type
    panels: tuple[str, ...] = ()
    """Only those in these panels; none: those in any."""
    only: tuple[str, ...] = ()
    """Only these; none: all."""
    without: tuple[str, ...] = ()
    """All but these."""
    preset: str = ""
    """Whose values are told as the defaults of settings."""
    called: Mapping[str, str] = field(default_factory=dict)
    """Other names for options whose own ones would say too little in a command."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What is said of settings in the place of what holds for clips and pictures alike."""

    def options(self) -> dict[str, Option]:
        """The fields that are options here, by name, each with what was declared of it."""
        found = [(one, option_of(one)) for one in fields(self.of)]
        return {
            one.name: what
            for one, what in found
            if what is not None
            and what.panel
            and (not self.panels or what.panel in self.panels)
            and (not self.only or one.name in self.only)
            and one.name not in self.without
        }


def option(about: str, panel: str, **more: Any) -> Mapping[str, Option]:
    """The metadata of a field that is an option.

    :param more: further fields of `Option`.
    """
    return {"option": Option(about, panel, **more)}


def argument(about: str, metavar: str, **more: Any) -> Mapping[str, Option]:
    """The metadata of a field that is an argument of a command; as `option`."""
    return {"option": Option(about, MAIN, argument=True, metavar=metavar, **more)}


def group(of: type, **more: Any) -> Mapping[str, Group]:
    """The metadata of a field that holds options of another class.

    :param more: further fields of `Group`.
    """
    return {"group": Group(of, **more)}


def group_of(field: Field[Any]) -> Group | None:
    """The options that stand in the place of a field; None where it is none of that kind."""
    found = field.metadata.get("group")
    return found if isinstance(found, Group) else None


def option_of(field: Field[Any]) -> Option | None:
    """What was declared of a field; None where nothing was."""
    found = field.metadata.get("option")
    return found if isinstance(found, Option) else None
