"""`czujka store`: the place where events are kept."""

from __future__ import annotations

import json

import typer

from appliance.cli.client import HomeOption, fail
from appliance.cli.exits import Exit
from appliance.cli.search import clean
from appliance.home import Home
from appliance.settings import SettingsError, load_settings

app = typer.Typer(no_args_is_help=True, help="Magazyn zdarzeń: sprawdzenie klastra.")


@app.callback()
def _group() -> None:
    """Keep `check` a sub-command, though it is the only one."""


@app.command()
def check(home: HomeOption) -> None:
    """Sprawdź klaster z ustawień i wypisz najmniejszą rolę, której potrzebuje Czujka. Kod 1: coś jest źle."""
    try:
        settings = load_settings(Home(home.resolve())).store
    except SettingsError as error:
        fail(error, Exit.USAGE)
    if settings.kind == "embedded":
        typer.echo('Zdarzenia są na tym komputerze (store.kind = "embedded"); nie ma klastra do sprawdzenia.')
        return
    from appliance.store.elastic import check as checking  # noqa: PLC0415 - a quarter of a second, for clusters alone
    from appliance.store.elastic.rights import least_role  # noqa: PLC0415 - as above

    findings = checking.check(settings)
    for finding in findings:
        typer.echo(clean(f"{finding.weight}: {finding.text}"))
    typer.echo("\nNajmniejsza rola dla Czujki (PUT /_security/role/czujka):")
    typer.echo(json.dumps(least_role(settings.elasticsearch.index), indent=2))
    if any(finding.weight is checking.Weight.BAD for finding in findings):
        raise typer.Exit(Exit.NO)
