"""The engine against the oracle and against SigmaHQ's own cases, on all the events and rules there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from appliance.detect import Engine, RuleSet, event_class, field_names, load_rules, matches
from appliance.detect.decided import bits
from appliance.detect.explain import matched
from appliance.detect.memo import Samples
from appliance.detect.routes import shipped_routes
from tests.appliance.detect import corpus
from tests.appliance.detect.oracle import Oracle
from tests.benchmarks import linux_fields

pytestmark = pytest.mark.corpora

#: Rule id → why SigmaHQ's own event does not fire it here.
EXCEPTIONS: Mapping[str, str] = {}
#: Rule id → events that its case really has for it, where its `match_count` says 1: it has three names of the rule.
STATED: Mapping[str, int] = {"8fbf3271-1ef6-4e94-8210-03c2317947f6": 3}
#: File of the shared samples → rule id → how many of its events the rule finds.
GOLDEN = Path(__file__).with_name("sigmahq_found.yaml")
#: Rules of which nothing is known but texts of one or two bytes, and `not` alone.
OFTEN = frozenset(
    {
        "Execution Of Non-Existing File",
        "Potential CommandLine Obfuscation Using Unicode Characters",
        "Potential Dosfuscation Activity",
        "Potential Executable Run Itself As Sacrificial Process",
        "Potential Homoglyph Attack Using Lookalike Characters",
        "Powershell Token Obfuscation - Process Creation",
    }
)
#: What cannot be loaded, and why: a placeholder that only the office can fill.
UNRESOLVED = "symbol zastępczy %known_cdcs% nie ma wartości"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def ruleset(corpora: Path, cache: Path) -> RuleSet:
    return load_rules(corpus.rule_folders(corpora), cache)


def test_linux_rules_have_their_fields_but_for_names_of_hosts(ruleset: RuleSet) -> None:
    rows = list(linux_fields.told(ruleset.rules))
    lacking = [row for row in rows if row.missing]
    assert {(row.kind, *row.missing) for row in lacking} == {("network_connection", "DestinationHostname")}
    assert {kind: sum(row.kind == kind for row in rows) - len([row for row in lacking if row.kind == kind])
            for kind in linux_fields.KINDS} == {
        "process_creation": 144, "network_connection": 2, "file_event": 18, "auditd": 54,
    }  # fmt: skip


def test_every_sigmahq_rule_loads_but_those_with_an_unresolved_placeholder(corpora: Path, ruleset: RuleSet) -> None:
    names = {document["id"] for document in corpus.documents(corpora)}
    assert len(ruleset.rules) + len(ruleset.faults) == len(names)
    assert [fault for fault in ruleset.faults if UNRESOLVED not in fault.message] == []
    assert len(ruleset.rules) > 3_000


def test_the_rules_with_a_placeholder_load_with_the_offices_list(corpora: Path, ruleset: RuleSet, cache: Path) -> None:
    files = {Path(fault.file) for fault in ruleset.faults}
    filled = load_rules(files, cache.parent / "filled", lists={"known_cdcs": ("dc1.urzad.example", "10.0.0.*")})
    assert len(files) == len(filled.rules) == 2
    assert filled.faults == []
    assert {rule.placeholders for rule in filled.rules} == {("known_cdcs",)}


def test_the_engine_matches_what_the_oracle_matches(corpora: Path, ruleset: RuleSet) -> None:
    loaded = {rule.id for rule in ruleset.rules}
    oracle = Oracle.of_documents(
        (document for document in corpus.documents(corpora) if document["id"] in loaded), shipped_routes(), field_names
    )
    engine = Engine(ruleset)
    learned = Engine(ruleset, samples=Samples(wanted=8, a_rule=0))
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for file, event, rules in matches(learned, corpus.sample_events(corpora)):
        found = {rule.id for rule in engine.match(event)}
        assert {rule.id for rule in rules} == found, f"{file}: record {event['event.id']}"
        assert found == oracle.match(dict(event), event_class(event)), f"{file}: record {event['event.id']}"
        total[str(file.relative_to(corpora))].update(found)
    golden = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    judged = golden.keys() & total.keys()  # a part of the public corpora is enough
    assert len(judged) >= 50
    assert {file: dict(total[file]) for file in judged} == {file: golden[file] for file in judged}
    assert sum(partition.learned for partition in learned._partitions.values()) > 10


def test_every_regression_case_fires_its_rule_as_often_as_it_says(corpora: Path, ruleset: RuleSet) -> None:
    engine = Engine(ruleset)
    root = corpora / "sigmahq"
    missed: list[tuple[str, str]] = []
    cases = counted = 0
    for info in sorted(root.glob("regression_data/**/info.yml")):
        case = yaml.safe_load(info.read_text(encoding="utf-8"))
        for test in case.get("regression_tests_info") or []:
            path = root / test["path"]
            if not path.exists():
                continue
            fired = Counter(rule.id for event in corpus.events_of(path) for rule in engine.match(event))
            wanted = {rule["id"] for rule in case["rule_metadata"]} - EXCEPTIONS.keys()
            cases += 1
            missed.extend((str(path), name) for name in wanted - fired.keys())
            if (stated := test.get("match_count")) is not None:
                counted += 1
                missed.extend((str(path), name) for name in wanted if fired[name] != STATED.get(name, stated))
    assert missed == []
    assert cases >= 100
    assert counted >= 80


def test_a_second_load_comes_from_the_cache_and_is_the_same(corpora: Path, ruleset: RuleSet, cache: Path) -> None:
    again = load_rules(corpus.rule_folders(corpora), cache)
    assert again.rules != ruleset.rules  # other objects
    assert [(rule.id, rule.title, rule.node) for rule in again.rules] == [
        (rule.id, rule.title, rule.node) for rule in ruleset.rules
    ]
    assert again.faults == ruleset.faults


def test_the_quick_way_to_what_matched_equals_the_tree(corpora: Path, ruleset: RuleSet) -> None:
    engine = Engine(ruleset)
    pairs = [(rule, event) for _, event in corpus.sample_events(corpora) for rule in engine.match(event)]
    assert len(pairs) > 300
    for rule, event in pairs:
        assert engine.matched_fields(rule, event) == matched(engine.explain(rule, event))


def test_few_rules_are_decided_for_most_started_programs(corpora: Path, ruleset: RuleSet) -> None:
    started = [event for _, event in corpus.sample_events(corpora) if event.get("event.code") == 1][-400:]
    engine = Engine(ruleset, samples=Samples(wanted=100, a_rule=0))
    for event in started:
        engine.match(event)
    asked: Counter[str] = Counter()
    for event in started:
        partition = engine.partition(event_class(event))
        (mask,) = partition.candidates((event,))
        asked.update(ruleset.rules[partition.entries[number].place].title for number in bits(mask))
    often = {title for title, count in asked.items() if count > 100}
    assert len(started) > 300
    assert often <= OFTEN
