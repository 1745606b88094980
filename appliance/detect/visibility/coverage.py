"""ATT&CK coverage: a rule exists, its data arrives, it has been seen to fire. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from appliance.detect.correlation import Correlation
from appliance.detect.model import Rule

from .sight import ARRIVING, Sight

#: Tactics of ATT&CK for enterprises, in the order of its matrix, by the names that Sigma's tags have.
TACTICS = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "stealth", "defense-impairment", "defense-evasion", "credential-access", "discovery", "lateral-movement",
    "collection", "command-and-control", "exfiltration", "impact",
)  # fmt: skip
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.ASCII | re.IGNORECASE)
#: Of no rule with data, of data without a hit, of a hit: https://github.com/mitre-attack/attack-navigator, layer 4.5.
_COLOURS = {1: "#d9d9d9", 2: "#9ecae1", 3: "#2171b5"}
LAYER = "4.5"
NAVIGATOR = "4.9.0"


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique: its rules' tactics, and how many rules there are, get data and have been seen to fire."""

    id: str
    tactics: tuple[str, ...]
    rules: int
    arriving: int
    fired: int

    @property
    def score(self) -> int:
        """1: a rule exists. 2: the data of one arrives. 3: one has been seen to fire."""
        return 3 if self.fired else 2 if self.arriving else 1


def techniques_of(tags: Iterable[str]) -> frozenset[str]:
    """Return the techniques that a rule's tags name, as ATT&CK writes them."""
    return frozenset(found[1].upper() for tag in tags if (found := _TECHNIQUE.fullmatch(tag)))


def coverage(rules: Iterable[Rule | Correlation], sights: Mapping[str, Sight], fired: Set[str]) -> list[Technique]:
    """Return every technique that a rule or correlation names, in order. `fired` are the ids of those seen to fire."""
    by: dict[str, list[Rule | Correlation]] = defaultdict(list)
    for rule in rules:
        for technique in techniques_of(rule.tags):
            by[technique].append(rule)
    return [
        Technique(
            name,
            _tactics(found),
            len(found),
            sum(sights[rule.id].state in ARRIVING for rule in found),
            sum(rule.id in fired for rule in found),
        )
        for name, found in sorted(by.items())
    ]


def _tactics(rules: Iterable[Rule | Correlation]) -> tuple[str, ...]:
    named = {tag.removeprefix("attack.").replace("_", "-") for rule in rules for tag in rule.tags}
    return tuple(tactic for tactic in TACTICS if tactic in named)


def layer(techniques: Iterable[Technique], words: Mapping[str, str]) -> dict[str, Any]:
    """Return an ATT&CK Navigator layer, format 4.5. `words` are name, description, rules, arriving, fired."""
    labels = {1: words["rules"], 2: words["arriving"], 3: words["fired"]}
    return {
        "name": words["name"],
        "versions": {"navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": words["description"],
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [_entry(one, labels) for one in techniques],
        "gradient": {"colors": list(_COLOURS.values()), "minValue": 1, "maxValue": 3},
        "legendItems": [{"label": labels[score], "color": colour} for score, colour in _COLOURS.items()],
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
    }


def _entry(one: Technique, labels: Mapping[int, str]) -> dict[str, Any]:
    counts = {1: one.rules, 2: one.arriving, 3: one.fired}
    return {
        "techniqueID": one.id,
        "score": one.score,
        "comment": labels[one.score],
        "enabled": True,
        "metadata": [{"name": labels[number], "value": str(count)} for number, count in counts.items()],
        "showSubtechniques": False,
    }
