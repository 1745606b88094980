"""`czujka exceptions`: what rules leave alone, through the running box. Another person agrees, in the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from appliance import clock
from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.language.dates import moment
from appliance.rulesets.conditions import How, by_line, load_conditions
from appliance.rulesets.scope import ANY

app = typer.Typer(no_args_is_help=True, help="Wyjątki: wykaz, propozycja, cofnięcie. Zgodę daje druga osoba w panelu.")
_STATES = {"proposed": "czeka na zgodę", "approved": "działa", "withdrawn": "cofnięty", "expired": "wygasł"}
_PAGE = 500
_SOURCE = {"product", "category", "service"}
_CONDITIONS = "POLE=WARTOŚĆ albo POLE|contains=WARTOŚĆ; pasują wszystkie pola, każde jedną ze swoich wartości."
_RULE = f"Identyfikator reguły, kilka po przecinku, albo {ANY}:product=PRODUKT,category=KATEGORIA,service=USŁUGA."
Number = Annotated[int, typer.Argument(min=1, metavar="NUMER", help="Numer wyjątku.")]


@app.command("list")
def list_all(
    home: HomeOption,
    form: Annotated[Literal["table", "ndjson"], typer.Option("--format", help="Postać wyniku.")] = "table",
) -> None:
    """Wypisz wyjątki, najnowsze najpierw."""
    with _box(home) as client:
        after: str | None = None
        while True:
            page = client.get("/exceptions", limit=_PAGE, after=after)
            for one in page["items"]:
                typer.echo(json.dumps(one, ensure_ascii=False) if form == "ndjson" else _line(one))
            after = page["next"]
            if after is None:
                return


@app.command()
def propose(  # noqa: PLR0917 - typer's way
    home: HomeOption,
    rule: Annotated[str, typer.Argument(metavar="REGUŁY", help=_RULE)],
    conditions: Annotated[list[str], typer.Argument(metavar="WARUNEK…", help=_CONDITIONS)],
    reason: Annotated[str, typer.Option(help="Co to za działanie i kto je potwierdził.")],
    days: Annotated[int, typer.Option(min=1, max=365, help="Za ile dni wygaśnie.")] = 30,
    dry: Annotated[bool, typer.Option("--dry-run", help="Tylko pokaż, co by ukrył.")] = False,
) -> None:
    """Zaproponuj wyjątek i pokaż, co by ukrył w przeszłości."""
    body = {
        **_rules(rule),
        "conditions": [_condition(one) for one in conditions],
        "reason": reason,
        "expires_at": clock.now() + days * clock.DAY,
    }
    with _box(home) as client:
        if dry:
            _tell(client.post("/exceptions/preview", body))
            return
        made = client.post("/exceptions", body)
    _tell(made["replay"])
    typer.echo(_line(made))
    typer.echo("Wyjątek niczego nie ukrywa, dopóki druga osoba nie zgodzi się na niego w panelu.")


@app.command()
def withdraw(home: HomeOption, number: Number) -> None:
    """Cofnij wyjątek albo propozycję."""
    with _box(home) as client:
        typer.echo(_line(client.post(f"/exceptions/{number}/withdraw")))


def _rules(text: str) -> dict[str, Any]:
    kind, _, said = text.partition(":")
    if kind.lower() != ANY:
        return {"rules": [one.strip() for one in text.split(",") if one.strip()]}
    parts = dict(one.partition("=")[::2] for one in said.split(","))
    if not said or not set(parts) <= _SOURCE or not all(parts.values()):
        fail(ValueError(f"Reguły „{text}”: podaj {ANY}:product=…, z category i service po przecinku"), Exit.USAGE)
    return {"every_rule_of": parts}


def _condition(text: str) -> dict[str, str]:
    line, sign, value = text.partition("=")
    field, _, how = line.partition("|")
    if not sign or (how and how not in set(How)):
        fail(ValueError(f"Warunek „{text}”: podaj POLE=WARTOŚĆ, w polu może stać |{'|'.join(How)}"), Exit.USAGE)
    return {"field": field, "how": how or How.IS.value, "value": value}


def _tell(replay: dict[str, Any]) -> None:
    typer.echo(
        f"Ukryłby alerty: {replay['alerts']} z {replay['alerts_of_rule']}, zdarzenia: {replay['hidden']} "
        f"(sprawdzone: {replay['looked']}{'' if replay['whole'] else ', nie wszystkie'})"
    )
    for one in replay["rules"] if len(replay["rules"]) > 1 else ():
        typer.echo(f"  {one['title']}: alerty {one['alerts']} z {one['alerts_of_rule']}, zdarzenia {one['hidden']}")
    if replay["together_of_rule"]:
        typer.echo(f"Nie powstałyby alerty korelacji: {replay['together']} z {replay['together_of_rule']}")


def _line(one: dict[str, Any]) -> str:
    alike = by_line(load_conditions(one["conditions"])).items()
    conditions = " i ".join(f"{line}={' lub '.join(same.value for same in found)}" for line, found in alike)
    told = (str(one["id"]), _STATES[one["state"]], _titles(one), conditions, one["author"], one["approver"] or "–")
    row = "\t".join((*told, moment(one["expires_at"], "pl")))
    return "".join(sign if sign.isprintable() or sign == "\t" else "�" for sign in row)


def _titles(one: dict[str, Any]) -> str:
    if one["every_rule_of"] is not None:
        return "każda reguła źródła: " + ", ".join(value for value in one["every_rule_of"].values() if value)
    return "; ".join(rule["title"] for rule in one["rules"])


@contextmanager
def _box(home: Path) -> Iterator[BoxClient]:
    try:
        with BoxClient(Home(home.resolve())) as client:
            yield client
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
