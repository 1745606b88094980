"""Wrong arguments said in Polish: typer's sentences, which are English, and where to find help."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError
from typer.core import TyperGroup
from typer.rich_utils import rich_format_error

from appliance.cli.exits import Exit
from appliance.cli.search import clean


def _table(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the expressions of sentences, compiled, each with its Polish."""
    return tuple((re.compile(pattern, re.DOTALL), polish) for pattern, polish in pairs)


#: typer's sentences (typer 0.29, `_click/exceptions.py`, `_param_types.py`, `_click/core.py`) and ours.
_SENTENCES = _table(
    (r"Invalid value for (.+?): (.+)", r"Zła wartość \1: \2"),
    (r"Invalid value: (.+)", r"Zła wartość: \1"),
    (r"Missing argument (.+?)\.(.*)", r"Brakuje argumentu \1.\2"),
    (r"Missing option (.+?)\.(.*)", r"Brakuje opcji \1.\2"),
    (r"No such option: (\S+)(.*)", r"Nie ma opcji \1.\2"),
    (r"No such command '(.*)'\.(.*)", r"Nie ma polecenia „\1”.\2"),
    (r"Missing command\.", "Podaj polecenie."),
    (r"Got unexpected extra argument(?:s|\(s\))? \((.+)\)", r"Tych argumentów jest za dużo: \1."),
    (r"Option (.+) requires an argument\.?", r"Opcja \1 wymaga wartości."),
    (r"Option (.+) does not take a value\.?", r"Opcja \1 nie przyjmuje wartości."),
)
_PARTS = _table(
    (r"(?:path|file|directory) '(.*)' does not exist\.", r"nie ma pliku ani folderu „\1”."),
    (r"(?:path|file|directory) '(.*)' is a directory\.", r"„\1” jest folderem, a ma być plikiem."),
    (r"(?:path|file|directory) '(.*)' is a file\.", r"„\1” jest plikiem, a ma być folderem."),
    (r"(?:path|file|directory) '(.*)' is not (?:readable|writable)\.", r"do „\1” nie ma prawa dostępu."),
    (r"(?:Value error, )?'([^']*)' is not one of (.+)\.", r"„\1” nie jest jedną z wartości: \2."),
    (r"[Vv]alue '(.*?)' is not a valid \w+\.", r"„\1” nie jest wartością tego rodzaju."),
    (r"Input should be a valid integer.*", "to nie jest liczba całkowita."),
    (r"Input should be greater than or equal to (\S+)", r"ma być co najmniej \1."),
    (r"Input should be less than or equal to (\S+)", r"ma być co najwyżej \1."),
    (r"\(Possible options: (.+)\)", r"Podobne opcje: \1."),
    (r"\(Did you mean (.+)\?\)|Did you mean (.+)\?", r"Podobne: \1\2."),
)


class PolishGroup(TyperGroup):
    """The group at the root of the command line."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and leave with its exit code; outside of `standalone_mode` as typer does."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
            if not standalone_mode:
                return code
        except (ClickException, typer.Abort) as error:
            if not standalone_mode:
                raise
            sys.exit(_told(error))
        sys.exit(code if isinstance(code, int) else Exit.DONE)


def _told(error: ClickException | typer.Abort) -> Exit:
    """Say what was wrong; return the exit code for it."""
    if isinstance(error, typer.Abort):
        typer.echo("Przerwano.", err=True)
        return Exit.NO
    if isinstance(error, NoArgsIsHelpError):
        rich_format_error(error)
        return Exit.USAGE
    typer.echo(clean(polish(error.format_message())), err=True)
    if isinstance(error, UsageError) and error.ctx is not None:
        typer.echo(f"Pomoc: {error.ctx.command_path} --help", err=True)
    return Exit.USAGE


def polish(message: str) -> str:
    """Return one of typer's sentences in Polish; one that is not known stays as it is."""
    for pattern, ours in _SENTENCES:
        if pattern.fullmatch(message):
            message = pattern.sub(ours, message, count=1)
            break
    for pattern, ours in _PARTS:
        message = pattern.sub(ours, message)
    return message
