"""`czujka rules test`: each rule over the events that are kept for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from appliance.cli.client import fail
from appliance.cli.exits import Exit
from appliance.cli.junit import Case, junit
from appliance.cli.rulefiles import is_empty, load_among
from appliance.cli.search import clean
from appliance.detect import Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.selftest import check_correlation
from appliance.detect.regression import check_regression, info_of
from appliance.detect.selftest import CORRELATIONS, SIGMA, Failure, check_rule, events_folder, has_events

JunitOption = Annotated[
    Path | None, typer.Option("--junit", dir_okay=False, help="Zapisz wynik także w tym pliku jako JUnit XML.")
]


@dataclass(frozen=True, slots=True)
class Tested:
    """One rule's result; `missing` says that no events are kept for it. Time in seconds."""

    rule: Rule | Correlation
    failures: list[Failure]
    missing: bool
    seconds: float


def command(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", exists=True, help="Pliki lub foldery z regułami; domyślnie dostarczone."),
    ] = None,
    file: JunitOption = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Reguły bez własnych zdarzeń pomiń, zamiast uznać za niezgodne.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Wypisz też reguły zgodne.")] = False,
) -> None:
    """Przepuść przez każdą regułę jej własne zdarzenia: te, które ma wykryć, i te, których nie ma."""
    ruleset, among = load_among(paths or [SIGMA, CORRELATIONS])
    results = []
    for result in (*map(tested, ruleset.rules), *(tested_correlation(among, one) for one in ruleset.correlations)):
        results.append(result)
        _tell(result, skip_missing, every)
    for fault in ruleset.faults:
        typer.echo(clean(str(fault)))
    failed = [result for result in results if result.failures and not (result.missing and skip_missing)]
    if file is not None:
        write_junit(file, "czujka rules test", _cases(results, ruleset, skip_missing))
    _summary(results, len(failed), ruleset)
    if failed or ruleset.faults or is_empty(ruleset):
        raise typer.Exit(Exit.NO)


def tested(rule: Rule) -> Tested:
    """Return what a rule's own events and its regression cases say; without either its events are missing."""
    start = perf_counter()
    folder = events_folder(Path(rule.source_file))
    info = info_of(rule)
    failures = [] if info is None else check_regression(rule, info)
    own = has_events(folder)
    if own or info is None:
        failures += check_rule(rule, folder)
    return Tested(rule, failures, info is None and not own, perf_counter() - start)


def tested_correlation(ruleset: RuleSet, correlation: Correlation) -> Tested:
    """Return what a correlation's own scenes say; `ruleset` has the rules it refers to."""
    start = perf_counter()
    folder = events_folder(Path(correlation.source_file))
    failures = check_correlation(ruleset, correlation, folder)
    return Tested(correlation, failures, not has_events(folder), perf_counter() - start)


def write_junit(file: Path, suite: str, cases: list[Case]) -> None:
    """Write results as JUnit XML. Leaves with USAGE where the file cannot be written."""
    try:
        file.write_bytes(junit(suite, cases))
    except OSError as error:
        fail(OSError(f"Nie można zapisać {file}: {error.strerror}. Podaj inną ścieżkę w --junit."), Exit.USAGE)


def _tell(result: Tested, skip_missing: bool, every: bool) -> None:
    if not (result.missing and skip_missing):
        for failure in result.failures:
            typer.echo(clean(str(failure)))
    word = "pominięta" if result.missing and skip_missing else "niezgodna" if result.failures else "zgodna"
    if every:
        typer.echo(clean(f"{result.rule.source_file}:{result.rule.line}: {word}: {result.rule.title}"))


def _cases(results: list[Tested], ruleset: RuleSet, skip_missing: bool) -> list[Case]:
    cases = []
    for result in results:
        rule = result.rule
        skipped = "brak własnych zdarzeń" if result.missing and skip_missing else ""
        failures = () if skipped else tuple(map(str, result.failures))
        cases.append(Case(rule.id, rule.title, rule.source_file, failures, skipped, result.seconds))
    cases.extend(Case("wady", str(fault), fault.file, (str(fault),)) for fault in ruleset.faults)
    return cases


def _summary(results: list[Tested], failed: int, ruleset: RuleSet) -> None:
    typer.echo(
        f"reguły: {len(ruleset.rules)}; korelacje: {len(ruleset.correlations)}; "
        f"zgodne: {sum(not result.failures for result in results)}; niezgodne: {failed}; "
        f"bez zdarzeń: {sum(result.missing for result in results)}; wady: {len(ruleset.faults)}",
        err=True,
    )
