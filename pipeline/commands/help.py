"""Help that reads well in 80 columns: options under the headings of their panels, and examples at the end.

Typer draws panels as boxes with a column for each kind of name, which leaves about 30 of 80 columns to what is said of
an option. Here the panels are headings, and texts take what the names leave.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from pipeline.options import PANELS, REPORT

ARGUMENTS = "Arguments"


class PanelCommand(TyperCommand):
    """A command whose help groups its options, and whose errors know what may be wrong with the name of a file."""

    files: frozenset[str] = frozenset()
    """The options that name files."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in (ARGUMENTS, *PANELS)}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and param.param_type_name == "argument":
                # Its name alone: that 'PICTURE' is a path need not be said.
                panels[ARGUMENTS].append((str(param.metavar), record[1]))
            elif record is not None:
                panels[_panel_of(param)].append(record)
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are: a command is copied in one piece."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As ever; where a file that begins with a dash is no option, the error says what to do. An empty name would
        become that of the current folder."""
        given = list(args)
        self._refuse_empty(ctx, given)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            # Versions of typer differ in where the class of this error lives; others have no such attribute.
            option = getattr(error, "option_name", None)
            file = next((word for word in given if option and word.startswith(option) and Path(word).exists()), None)
            if file is None:
                raise
            raise typer.BadParameter(
                f"{file} begins with a dash, as an option does. If it is the file of that name, write ./{file}", ctx
            ) from None

    def _refuse_empty(self, ctx: Any, given: list[str]) -> None:
        options = [param for param in self.get_params(ctx) if param.param_type_name == "option"]
        with_value = {flag for param in options if not getattr(param, "is_flag", False) for flag in param.opts}
        short = {flag for flag in with_value if not flag.startswith("--")}
        for place, (before, word) in enumerate(pairwise(("", *given))):
            named = word[:2] in short and before not in with_value and "--" not in given[:place]
            if named and word[2:3] == "=":
                # A file '=out.png' would be written, which nobody wants.
                raise typer.BadParameter(f"{word}: a short option takes no '='. Write {word[:2]} {word[3:]}", ctx)
            option = word.partition("=")[0] if word.startswith("--") and "=" in word else before
            if option in self.files and not word.removeprefix(f"{option}=").strip():
                raise typer.BadParameter(f"{option} is empty. Give it the name of a file.", ctx)
            if not word.strip() and before not in with_value:
                raise typer.BadParameter(f"A word of this command is empty ({word!r}), where a name is needed.", ctx)


def _panel_of(param: Any) -> str:
    """The heading that an option stands under; --help, which typer adds, has none of its own."""
    return str(getattr(param, "rich_help_panel", None) or REPORT)
