"""The command line of a function, made from the fields of what it is given.

    @command(app)
    def video(job: ClipJob, painting: ClipPainting, talk: Talk) -> None: ...

Every parameter is a dataclass whose fields say in their metadata what they are as options; or, as `Annotated[Typed,
Group(...)]`, what was typed of the options of some class. Typer gets a function with an option for each of the fields,
and what it hands over becomes the objects again.

The signature that typer reads is built and not written: an option is then a field and nothing else, where a written one
is named twice more, in the signature and in the call. Nothing that mypy could see is lost by it: only typer calls that
function, and the body of a command is checked against the classes of its parameters.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

from pipeline.commands.console import errors
from pipeline.commands.help import PanelCommand
from pipeline.errors import UsageError
from pipeline.options import Group, Option, Typed, group_of
from pipeline.settings import Settings, explained, resolve
from pipeline.text import limits_text

Body = Callable[..., None]
"""A command as it is written, without its options."""


@dataclass(frozen=True)
class _Parameter:
    """An option or argument of a command, and the field that it fills."""

    name: str
    """In the signature, where it is the only one of that name."""
    field: Field[Any]
    option: Option
    kind: Any
    """Type of the field, without None."""
    group: Group | None = None
    """Of what is handed on as it was typed."""

    @property
    def _several(self) -> bool:
        origin = get_origin(self.kind)
        collected = isinstance(origin, type) and issubclass(origin, Sequence)
        return collected and (self.option.read is None or self.option.each)

    @property
    def _inverted(self) -> bool:
        """Whether the option switches off what is on without it."""
        return self.field.default is True

    @property
    def _setting(self) -> bool:
        return self.group is not None and self.group.of is Settings

    @property
    def _required(self) -> bool:
        bare = self.field.default is MISSING and self.field.default_factory is MISSING
        return self.group is None and (bare or self.option.required)

    def value(self, given: Any) -> Any:
        """What the field gets of what typer hands over; `MISSING` for its default."""
        # A switch that is off was not typed; that of a setting has two sides, and a third for neither.
        if given is None or (self.group is not None and given is False and not self._setting):
            return MISSING
        if self._inverted and self.group is None:
            return not given
        read = self._read_number if self._number is not None else None if self.group is not None else self.option.read
        if self._several and (self.group is None or read is not None):
            return tuple(given if read is None else map(read, given))
        return given if read is None else read(given)

    @property
    def _number(self) -> type[int] | type[float] | None:
        """The type of its value, or values, where that is a number. Typer gets a text: it would say in the words of a
        library what is wrong with it."""
        kind = get_args(self.kind)[0] if self._several else self.kind
        return kind if self.option.read is None and kind in (int, float) else None

    def _read_number(self, text: str) -> int | float:
        """:raises UsageError: it is none, or none that the option can be."""
        whole = self._number is int
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            number = math.nan
        low, high = self.option.low, self.option.high
        limits = "" if low is None and high is None else f", {limits_text(low, high)}"
        if not math.isfinite(number):
            raise UsageError(f"{self.flags[0]} has to be a {'whole ' if whole else ''}number{limits}, not {text!r}.")
        low, high = self._limits
        if (low is not None and number < low) or (high is not None and number > high):
            raise UsageError(f"{self.flags[0]} has to be {limits_text(low, high)}, not {text}.")
        return number

    @property
    def _limits(self) -> tuple[float | None, float | None]:
        """The least and the most that its value can be, as far as it is checked here."""
        # Settings are checked where files of them are, too.
        return (None, None) if self._setting else (self.option.low, self.option.high)

    @property
    def flags(self) -> tuple[str, ...]:
        """What it is called on the command line, as far as that says its value."""
        return self.option.flags or (f"--{self.name.replace('_', '-')}",)

    @property
    def is_file(self) -> bool:
        """Whether its value is the name of a file, or a folder; or each of its values is."""
        kind = get_args(self.kind)[0] if self._several else self.kind
        return kind is Path and self.option.read is None

    def as_typer(self) -> inspect.Parameter:
        """The parameter that typer reads."""
        kind = self._typer_kind()
        default: Any = None
        if self._required:
            default = inspect.Parameter.empty
        elif kind is bool and not self._setting:
            default = False
        elif self.group is None and isinstance(self.field.default, (int, float, str)):
            default = self.field.default if self._number is None else str(self.field.default)
        annotation = kind if default is not None else kind | None
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, self._info()]
        )

    def _typer_kind(self) -> Any:
        if self._several:
            texts = self.option.read is not None or self._number is not None
            return list[str] if texts else list[get_args(self.kind)[0]]  # type: ignore[misc]
        return self.kind if self.option.read is None and self.kind in (bool, Path) else str

    def _info(self) -> Any:
        option, name = self.option, self.name.replace("_", "-")
        common: dict[str, Any] = {
            "help": self._help(),
            "metavar": option.metavar or self._metavar(),
            "autocompletion": _completion(option) if option.suggested or option.choices else None,
        }
        if option.argument:
            return typer.Argument(**common)
        flags = (f"--no-{name}",) if self._inverted and not option.flags else self.flags
        if self._setting and self.kind is bool:
            flags = (f"--{name}/--no-{name}",)
        default = None if self.group is not None or option.default else self.field.default
        told = isinstance(default, (int, float, str)) and not isinstance(default, bool)
        return typer.Option(*flags, show_default=told, rich_help_panel=option.panel, **common)

    def _metavar(self) -> str | None:
        """What stands for the value where nothing is declared; None: what typer says of the type."""
        if self.option.choices:
            return "WORD"
        return None if self._number is None else f"<{self._number.__name__}>"

    def _help(self) -> str:
        if self._setting and self.group is not None:
            name, preset = self.field.name, self.group.preset
            about = explained(name, self.group.about.get(name))
            return f"{about} [preset {preset}: {getattr(_settings(preset), name)}]"
        low, high = self._limits
        limits = "" if low is None and high is None else f" [{limits_text(low, high)}]"
        # Typer would put a default that is a text into brackets of its own.
        return self.option.about + limits + (f" [default: {self.option.default}]" if self.option.default else "")


@cache
def _settings(preset: str) -> Settings:
    return resolve(preset)


@dataclass(frozen=True)
class _Part:
    """A parameter of the body of a command: an object of a class, or what was typed of the options of one."""

    kind: Any
    entries: Mapping[str, _Parameter | _Part]
    """By the name of the field; a part where the field holds options of another class."""

    def parameters(self) -> Iterator[_Parameter]:
        """Those of the parts in it as well, in order."""
        for entry in self.entries.values():
            yield from [entry] if isinstance(entry, _Parameter) else entry.parameters()

    def made(self, given: Mapping[str, Any]) -> Any:
        """The object, out of what typer hands over for the whole command."""
        values = {
            name: entry.value(given[entry.name]) if isinstance(entry, _Parameter) else entry.made(given)
            for name, entry in self.entries.items()
        }
        values = {name: value for name, value in values.items() if value is not MISSING}
        return values if self.kind is Typed else self.kind(**values)


def command(app: typer.Typer, *, examples: Sequence[str] = (), **more: Any) -> Callable[[Body], Body]:
    """Make a function a command of `app`.

    :param examples: lines that the help ends with.
    :param more: as `typer.Typer.command` takes it.
    """

    def add(body: Body) -> Body:
        hints = get_type_hints(body, include_extras=True)
        parts = {name: _part_of(hints[name]) for name in inspect.signature(body).parameters}

        def run(**given: Any) -> None:
            with errors(json=bool(given.get("json"))):
                made = {name: part.made(given) for name, part in parts.items()}
            body(**made)

        every = [one for part in parts.values() for one in part.parameters()]
        parameters = [one.as_typer() for one in every]
        files = frozenset(flag for one in every if one.is_file for flag in one.flags)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        named = {"name": body.__name__, "help": inspect.getdoc(body), "epilog": "\n".join(examples), **more}
        app.command(cls=type("PanelCommand", (PanelCommand,), {"files": files}), **named)(run)
        return body

    return add


def _part_of(hint: Any) -> _Part:
    """What a parameter of the body is made of, by its annotation."""
    kind, extras = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    group = next((extra for extra in extras if isinstance(extra, Group)), None)
    return _part(Typed if group is not None and kind == Typed else kind, group or Group(kind))


def _part(kind: Any, group: Group) -> _Part:
    hints = _hints(group.of)
    wanted = group.options()
    entries: dict[str, _Parameter | _Part] = {}
    for field in fields(group.of):
        inner = group_of(field)
        if inner is not None:
            entries[field.name] = _part(Typed, inner)
        elif field.name in wanted:
            name = group.called.get(field.name, field.name)
            handed_on = group if kind is Typed else None
            entries[field.name] = _Parameter(
                name, field, wanted[field.name], _without_none(hints[field.name]), handed_on
            )
    return _Part(kind, entries)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    rest = [kind for kind in get_args(hint) if kind is not NoneType]
    return rest[0] if len(rest) == 1 else str


def _completion(option: Option) -> Callable[[str], Iterable[tuple[str, str]]]:
    def complete(incomplete: str) -> Iterable[tuple[str, str]]:
        return [found for found in option.completions if found[0].startswith(incomplete)]

    return complete
