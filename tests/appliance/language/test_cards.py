"""Every card, block and hint under rules/triage and every catalogue, against the whole lint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import appliance
import rules
from appliance.language.lint import Kind, cards, catalogue, entry, lint
from appliance.language.lint.model import placeholders

TRIAGE = rules.ROOT / "triage"
SIGMA = rules.ROOT / "sigma"
TABLES = {"index", "placeholders", "principles"}
CARDS = sorted(path for path in TRIAGE.glob("*.yaml") if path.stem not in TABLES)
CATALOGUES = sorted(Path(appliance.__file__).parent.glob("*/catalogue/*.yml"))
LEVELS = {
    "informational": "informacyjny",
    "low": "niski",
    "medium": "średni",
    "high": "wysoki",
    "critical": "krytyczny",
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


INDEX = load(TRIAGE / "index.yaml")
PLACEHOLDERS = load(TRIAGE / "placeholders.yaml")
PRINCIPLES = load(TRIAGE / "principles.yaml")
RULES = [load(path) for path in sorted((*SIGMA.rglob("*.yml"), *(rules.ROOT / "correlation").rglob("*.yml")))]


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_card(path: Path) -> None:
    card = load(path)
    name = str(path.relative_to(rules.ROOT.parent))
    texts = cards.entries(name, card, frozenset(PLACEHOLDERS), path.read_text("utf-8"))
    lengths = {key: value["dlugosc"] for key, value in PLACEHOLDERS.items()}
    findings = lint(texts) + cards.lint_shape(name, card, lengths, frozenset(PRINCIPLES["bloki"]))
    assert not findings, "\n".join(map(str, findings))
    assert set(card["meta"].get("wartosci", {})) <= set(PLACEHOLDERS)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_catalogue(path: Path) -> None:
    name = str(path.relative_to(Path(appliance.__file__).parent.parent))
    findings = lint(catalogue.read(path.read_text("utf-8"), name))
    assert not findings, "\n".join(map(str, findings))


def test_hints_and_legal_blocks() -> None:
    texts = [entry(f"zasady.{i}", each["pl"], each["en"], Kind.CARD) for i, each in enumerate(PRINCIPLES["zasady"], 1)]
    blocks = [(f"{n}.{p}", b) for n, profiles in PRINCIPLES["bloki"].items() for p, b in profiles.items()]
    texts += [entry(name, block["pl"], block["en"], Kind.LEGAL) for name, block in blocks]
    findings = lint(texts)
    assert not findings, "\n".join(map(str, findings))
    assert len(PRINCIPLES["zasady"]) == 5
    assert {block["znak"] for _, block in blocks} <= set(PRINCIPLES["znaki"])


def test_every_rule_of_ours_has_a_card_of_its_level() -> None:
    names = {path.stem for path in CARDS}
    assert set(INDEX["rules"]) == {rule["id"] for rule in RULES}
    assert set(INDEX["rules"].values()) <= names
    for rule in RULES:
        level = load(TRIAGE / f"{INDEX['rules'][rule['id']]}.yaml")["meta"]["poziom"]
        assert level in {LEVELS[rule["level"]], cards.VARIES}, rule["title"]


def test_the_last_fallback_fits_every_rule() -> None:
    names = {path.stem for path in CARDS}
    assert {line["card"] for line in INDEX["fallback"]} <= names
    assert set(INDEX["fallback"][-1]) == {"card"}
    assert all(load(TRIAGE / f"{line['card']}.yaml")["meta"]["poziom"] == cards.VARIES for line in INDEX["fallback"])


def test_every_placeholder_has_a_phrase_for_the_unknown() -> None:
    used = {name for path in CARDS for name in placeholders(path.read_text("utf-8"))}
    assert used <= set(PLACEHOLDERS)
    always_known = {"czas", "poziom"}
    assert {name for name, each in PLACEHOLDERS.items() if "nieznane" not in each} == always_known


def test_every_rule_has_events_that_match_and_events_that_miss() -> None:
    events = Path(__file__).parents[2] / "rules"
    for path in SIGMA.rglob("*.yml"):
        folder = events / path.relative_to(SIGMA).with_suffix("")
        for name in ("match.ndjson", "miss.ndjson"):
            assert (folder / name).read_text("utf-8").strip(), folder / name
