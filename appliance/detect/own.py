"""What our own rules must have beside a sound condition: a source, a triage card, and events of their own.

They also say of themselves what they find, when that is nothing bad, and where in ATT&CK it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance import plainyaml
from rules import ROOT

from .correlation.model import Correlation
from .model import Fault, Rule, RuleSet
from .selftest import events_folder

CARDS = ROOT / "triage"
INDEX = CARDS / "index.yaml"
_TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?")


def own_faults(ruleset: RuleSet, unfed: Iterable[Rule]) -> list[Fault]:
    """Every own rule or correlation without a source, a card of its own or events of its own."""
    index = _index(INDEX)
    blind = {rule.id for rule in unfed}
    faults: list[Fault] = []
    everything: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    for rule in everything:
        faults.extend(_fault(rule, message) for message in _told(rule))
        if isinstance(rule, Rule) and rule.id in blind:
            faults.append(_fault(rule, f"żadne źródło nie zasila tej reguły ({rule.logsource}); popraw logsource"))
        faults.extend(_fault(rule, message) for message in _card(rule, index))
        folder = events_folder(Path(rule.source_file))
        faults.extend(
            _fault(rule, f"brak własnych zdarzeń reguły; dodaj plik {folder / name}")
            for name in ("match.ndjson", "miss.ndjson")
            if not (folder / name).is_file()
        )
    return faults


def _told(rule: Rule | Correlation) -> Iterator[str]:
    what = "reguła" if isinstance(rule, Rule) else "korelacja"
    if not any(_TECHNIQUE.fullmatch(tag) for tag in rule.tags):
        yield f"{what} bez techniki ATT&CK; dodaj do tags np. attack.t1110.003"
    if not rule.description or not rule.falsepositives:
        yield f"{what} bez opisu albo fałszywych alarmów; dodaj description, falsepositives"


def _fault(rule: Rule | Correlation, message: str) -> Fault:
    return Fault(rule.source_file, rule.line, message)


def _index(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    document = plainyaml.load(path.read_text(encoding="utf-8"))
    rules = document.get("rules") if isinstance(document, dict) else None
    return rules if isinstance(rules, dict) else {}


def _card(rule: Rule | Correlation, index: Mapping[str, Any]) -> Iterator[str]:
    card = index.get(rule.id)
    if not isinstance(card, str):
        yield f"brak karty postępowania; dodaj {rule.id} do rules/triage/index.yaml"
    elif not (CARDS / f"{card}.yaml").is_file():
        yield f"rules/triage/index.yaml podaje kartę „{card}”, której nie ma; dodaj plik rules/triage/{card}.yaml"
