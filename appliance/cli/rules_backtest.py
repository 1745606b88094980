"""`czujka rules backtest`: rules and correlations over past events, with expectations that changes must keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from appliance.cli.client import fail
from appliance.cli.exits import Exit
from appliance.cli.history import (
    History,
    HomeOption,
    PathsArgument,
    RulesOption,
    SinceOption,
    UntilOption,
    rules_for,
    span,
)
from appliance.cli.junit import Case
from appliance.cli.rules_test import JunitOption, write_junit
from appliance.cli.search import clean
from appliance.clock import rfc3339
from appliance.detect import Rule
from appliance.detect.backtest import RuleTally, Tally, backtest
from appliance.detect.correlation import Correlation
from appliance.detect.expect import Expectation, parse_expectations
from appliance.detect.yamldoc import MAX_BYTES
from appliance.language.dates import day

ExpectOption = Annotated[
    Path | None,
    typer.Option("--expect", exists=True, dir_okay=False, help="Plik YAML: identyfikator reguły i granice trafień."),
]

Rules = Mapping[str, Rule | Correlation]
"""Rules and correlations by their ids."""


def command(
    *,
    paths: PathsArgument = None,
    home: HomeOption = None,
    rules: RulesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    expect: ExpectOption = None,
    file: JunitOption = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="Postać wyniku.")] = "table",
) -> None:
    """Przepuść zapisane lub podane zdarzenia przez reguły i korelacje, policz trafienia. Kod 1: zła liczba trafień."""
    history = History(paths or [], home, span(since, until))
    ruleset = rules_for(rules, history.home)
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    by_id = {one.id: one for one in content}
    expected = _expected(expect, set(by_id))
    started = monotonic()
    tally = backtest(ruleset, history)
    seconds = monotonic() - started
    if file is not None:
        write_junit(file, "czujka rules backtest", _cases(expected, tally, by_id, expect))
    if form == "json":
        typer.echo(json.dumps(_document(tally, history, seconds, by_id, expected), ensure_ascii=False, indent=2))
    else:
        Console().print(_table(tally, by_id, expected))
    failed = [each for each in expected if not each.holds(tally.count(each.rule_id))]
    for each in failed:
        typer.echo(clean(f"{expect}:{each.line}: {_failure(each, tally, by_id)}"), err=True)
    typer.echo(
        f"reguły: {len(ruleset.rules)}; korelacje: {len(ruleset.correlations)}; zdarzenia: {tally.events} "
        f"(nieczytelne: {history.broken}); trafienia: {tally.matches}; pominięte w korelacjach: {tally.forgotten}; "
        f"oczekiwania: {len(expected)}, niespełnione: {len(failed)}; czas: {seconds:.2f} s",
        err=True,
    )
    if failed or not tally.events:
        raise typer.Exit(Exit.NO)


def _expected(file: Path | None, known: set[str]) -> list[Expectation]:
    if file is None:
        return []
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        fail(OSError(f"{file}: nie można odczytać: {error.strerror}"), Exit.USAGE)
    found, faults = parse_expectations(str(file), content, known)
    for fault in faults:
        typer.echo(clean(str(fault)), err=True)
    if faults:
        raise typer.Exit(Exit.USAGE)
    return found


def _failure(each: Expectation, tally: Tally, rules: Rules) -> str:
    rule = rules[each.rule_id]
    what = "korelacja" if isinstance(rule, Correlation) else "reguła"
    return f"{what} „{rule.title}”: trafienia {tally.count(each.rule_id)}, oczekiwane {each}"


def _cases(expected: Sequence[Expectation], tally: Tally, rules: Rules, file: Path | None) -> list[Case]:
    """One test for each expectation; without any, one for each rule that matched."""
    cases = []
    for each in expected:
        failures = () if each.holds(tally.count(each.rule_id)) else (_failure(each, tally, rules),)
        name = f"{rules[each.rule_id].title} {each}"
        cases.append(Case(each.rule_id, name, f"{file}:{each.line}", failures, output=_examples(tally, each.rule_id)))
    if not expected:
        matched = (rule for rule in rules.values() if rule.id in tally.rules)
        cases = [Case(rule.id, rule.title, rule.source_file, output=_examples(tally, rule.id)) for rule in matched]
    return cases


def _examples(tally: Tally, rule_id: str) -> str:
    found = tally.rules.get(rule_id, RuleTally())
    return "\n".join([f"trafienia: {found.matches}", *(sample.place for sample in found.samples)])


def _ordered(tally: Tally, expected: Sequence[Expectation]) -> list[str]:
    """The rules to show: those that matched, the most frequent first, then the others that were asked about."""
    matched = sorted(tally.rules, key=lambda rule_id: (-tally.rules[rule_id].matches, rule_id))
    return matched + [each.rule_id for each in expected if each.rule_id not in tally.rules]


def _table(tally: Tally, rules: Rules, expected: Sequence[Expectation]) -> Table:
    bounds = {each.rule_id: each for each in expected}
    table = Table(show_lines=True)
    for name in ("Trafienia", "Poziom"):
        table.add_column(name, no_wrap=True)
    table.add_column("Reguła, jej identyfikator i przykład", overflow="fold")
    for name in ("Ostatnie", *(["Oczekiwane"] if expected else [])):
        table.add_column(name, no_wrap=True)
    for rule_id in _ordered(tally, expected):
        rule, found, bound = rules[rule_id], tally.rules.get(rule_id, RuleTally()), bounds.get(rule_id)
        text = "\n".join([rule.title, rule.id, *(sample.place for sample in found.samples[:1])])
        cells = [str(found.matches), rule.level_name, text, "–" if found.last is None else day(found.last, "pl")]
        if expected:
            cells.append("" if bound is None else f"{bound}: {'tak' if bound.holds(found.matches) else 'NIE'}")
        table.add_row(*map(clean_cell, cells))
    return table


def clean_cell(text: str) -> str:
    """Return a text for a table: nothing that steers a terminal, and no mark-up of the table's own."""
    return "\n".join(clean(line) for line in text.split("\n")).replace("[", "\\[")


def _document(
    tally: Tally, history: History, seconds: float, rules: Rules, expected: Sequence[Expectation]
) -> dict[str, Any]:
    return {
        "events": tally.events,
        "unreadable": history.broken,
        "matches": tally.matches,
        "forgotten": tally.forgotten,
        "seconds": round(seconds, 3),
        "rules": [_rule(rules[each], tally.rules.get(each, RuleTally())) for each in _ordered(tally, expected)],
        "expectations": [
            {
                "rule": each.rule_id,
                "line": each.line,
                "at_least": each.at_least,
                "at_most": each.at_most,
                "matches": tally.count(each.rule_id),
                "holds": each.holds(tally.count(each.rule_id)),
            }
            for each in expected
        ],
    }


def _rule(rule: Rule | Correlation, found: RuleTally) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level_name,
        "correlation": rule.kind.value if isinstance(rule, Correlation) else None,
        "file": rule.source_file,
        "matches": found.matches,
        "first": None if found.first is None else rfc3339(found.first),
        "last": None if found.last is None else rfc3339(found.last),
        "samples": [
            {"place": each.place, "time": None if each.time is None else rfc3339(each.time), "host": each.host}
            for each in found.samples
        ],
    }
