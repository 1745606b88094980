"""`czujka rules lint`: what is wrong in rules, correlations and filters, and what is merely an unwise habit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from appliance.cli.exits import Exit
from appliance.cli.rulefiles import is_empty, load_among
from appliance.cli.search import clean
from appliance.detect import Engine, RuleSet, field_names
from appliance.detect.lint import Finding, Level, RuleText, fault_finding, lint
from appliance.detect.load import is_other, rule_files
from appliance.detect.own import own_faults
from appliance.detect.routes import shipped_routes
from appliance.detect.selftest import CORRELATIONS, SIGMA
from appliance.detect.yamldoc import MAX_BYTES, YamlFault, read_documents
from appliance.language.catalogue import Catalogue, load

CATALOGUE = Path(__file__).parent.parent / "detect" / "catalogue" / "lint.yml"
_WORDS = {
    "pl": {Level.ERROR: "błąd", Level.WARNING: "ostrzeżenie", Level.NOTE: "uwaga"},
    "en": {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"},
}
_SHOWN = {"error": (Level.ERROR,), "warning": (Level.ERROR, Level.WARNING), "note": tuple(Level)}


def command(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", exists=True, help="Pliki lub foldery z regułami; domyślnie dostarczone."),
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Postać wyniku.")] = "text",
    lang: Annotated[Literal["pl", "en"], typer.Option("--lang", help="Język komunikatów.")] = "pl",
    level: Annotated[
        Literal["error", "warning", "note"], typer.Option("--level", help="Najniższy poziom, który pokazać.")
    ] = "note",
) -> None:
    """Pokaż wady i złe nawyki w regułach, każde z plikiem, wierszem i kodem. Kod 1, gdy są błędy."""
    asked = paths or [SIGMA, CORRELATIONS]
    ruleset, among = load_among(asked)
    findings = lint(ruleset, texts(asked), shipped_routes(), field_names, among)
    if not paths:
        findings += [fault_finding(fault) for fault in own_faults(ruleset, Engine(ruleset).unfed)]
        findings.sort(key=lambda finding: finding.place)
    shown = [finding for finding in findings if finding.level in _SHOWN[level]]
    catalogue = load([CATALOGUE])
    for finding in shown if form == "text" else ():
        typer.echo(line(finding, catalogue, lang))
    if form == "json":
        typer.echo(json.dumps([record(finding, catalogue) for finding in shown], ensure_ascii=False, indent=2))
    typer.echo(_summary(ruleset, findings), err=True)
    if is_empty(ruleset) or any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(Exit.NO)


def texts(paths: Sequence[Path]) -> Iterator[RuleText]:
    """Yield the documents of rule files; what is no YAML is left to `load_rules`, which says so."""
    for file in rule_files(paths):
        try:
            with file.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            documents = [] if is_other(file, content) else read_documents(content.decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError, YamlFault):
            continue
        yield from (RuleText(str(file), document) for document in documents)


def line(finding: Finding, catalogue: Catalogue, lang: str) -> str:
    """Return a finding for people: place, level, code, text."""
    text = _text(finding, catalogue, lang)
    return clean(f"{finding.file}:{finding.line}: {_WORDS[lang][finding.level]} {finding.code}: {text}")


def record(finding: Finding, catalogue: Catalogue) -> dict[str, object]:
    """Return a finding for programs, with its text in both languages."""
    return {
        "file": finding.file,
        "line": finding.line,
        "code": finding.code,
        "level": finding.level.value,
        "values": dict(finding.values),
        **{lang: _text(finding, catalogue, lang) for lang in ("pl", "en")},
    }


def _text(finding: Finding, catalogue: Catalogue, lang: str) -> str:
    values: dict[str, Any] = dict(finding.values)
    return catalogue.text(f"lint.{finding.code}", lang, **values)


def _summary(ruleset: RuleSet, findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    return (
        f"reguły: {len(ruleset.rules)}; korelacje: {len(ruleset.correlations)}; filtry: {len(ruleset.filters)}; "
        f"błędy: {counts[Level.ERROR]}; ostrzeżenia: {counts[Level.WARNING]}; uwagi: {counts[Level.NOTE]}"
    )
