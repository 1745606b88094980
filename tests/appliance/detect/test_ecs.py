"""The pipelines for sigma-cli: what they make of a rule must match what the engine matches, in event keys alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaTransformationError
from sigma.plugins import InstalledSigmaPlugins
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from appliance.detect import Engine, Event, RuleSet, load_rules
from appliance.detect.ecs import pipeline
from appliance.detect.selftest import SIGMA, SOURCE, events_file, events_folder
from appliance.home import CHECKOUT
from appliance.normalise import normalise
from tests.appliance.cli.test_detect import RULE
from tests.appliance.detect import corpus
from tests.appliance.detect.oracle import condition_check

RULESET = load_rules([SIGMA])
#: sigma-cli hides pySigma's own backend unless pytest is about; it is the one backend that is always installed.
SIGMA_CLI = "import pytest, sigma.cli.main; sigma.cli.main.main()"


def converted(document: dict[str, Any]) -> Callable[[Event], bool]:
    """A rule after the pipeline, decided by the oracle with every field name taken as an event key."""
    rule = SigmaRule.from_dict(document)
    pipeline("test").apply(rule)
    checks = [condition_check(each.parsed, lambda name: name) for each in rule.detection.parsed_condition]
    return lambda event: any(check(dict(event)) for check in checks)


def documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(Path(file).read_text("utf-8")))


def own_events(file: Path) -> Iterable[Event]:
    return [normalise(line, SOURCE) for line in file.read_bytes().splitlines() if line.strip()]


@pytest.mark.parametrize("rule", RULESET.rules, ids=lambda rule: Path(rule.source_file).stem)
def test_an_own_rule_means_the_same_in_event_keys(rule: Any) -> None:
    (document,) = [each for each in documents(rule.source_file) if each.get("id") == rule.id]
    check, engine = converted(document), Engine(RuleSet([rule], []))
    folder = events_folder(Path(rule.source_file))
    for kind in ("match", "miss"):
        for event in own_events(events_file(folder, kind)):
            assert check(event) is bool(engine.match(event)) is (kind == "match")


@pytest.mark.corpora
def test_sigmahqs_rules_mean_the_same_in_event_keys(corpora: Path) -> None:
    """Of the logs where an event's number decides what a field is called, on all events that some rule matches."""
    folders = [corpora / "sigmahq" / "rules" / "windows" / name for name in ("builtin", "registry", "file")]
    ruleset = load_rules(folders)
    engine = Engine(ruleset)
    fired = [(event, {rule.id for rule in engine.match(event)}) for _, event in corpus.sample_events(corpora)]
    wanted: set[str] = set().union(*(ids for _, ids in fired))
    files = {rule.source_file for rule in ruleset.rules if rule.id in wanted}
    checks = {each["id"]: converted(each) for file in files for each in documents(file)}
    assert len(checks) > 30
    for number, (event, ids) in enumerate(fired):
        if ids or number % 10 == 0:
            assert {name for name, check in checks.items() if check(event)} == ids


def test_pysigma_finds_the_pipelines() -> None:
    found = InstalledSigmaPlugins.autodiscover(include_backends=False, include_validators=False).pipelines
    assert {"czujka", "czujka_windows", "czujka_linux"} <= found.keys()
    assert isinstance(found["czujka_windows"](), ProcessingPipeline)


def test_sigma_convert_takes_all_of_our_rules_and_asks_for_our_keys_and_log_sources(tmp_path: Path) -> None:
    file = tmp_path / "rule.yml"
    file.write_text(RULE, encoding="utf-8")
    arguments = ("convert", "-t", "text_query_test", "-p", "czujka", str(file), "rules/sigma")
    done = subprocess.run(
        [sys.executable, "-c", SIGMA_CLI, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    queries = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(queries) == len(RULESET.rules) + 1
    assert all("event.module" in query for query in queries)
    (query,) = [query for query in queries if '" -enc"' in query]
    for part in (
        "'winlog.channel'=\"Microsoft-Windows-Sysmon/Operational\" and 'event.code'=1",
        "'winlog.channel'=\"Security\" and 'event.code'=4688",
        "'process.executable' endswith \"\\powershell.exe\"",
        "'process.command_line' contains \" -enc\"",
    ):
        assert part in query.replace("\\\\", "\\")


def test_a_rule_that_nothing_feeds_is_refused() -> None:
    document = {**yaml.safe_load(RULE), "logsource": {"product": "okta"}}
    with pytest.raises(SigmaTransformationError, match="no source of Czujka feeds this rule"):
        converted(document)


def names(rule: SigmaRule) -> list[str | None]:
    return [item.field for item in rule.detection.detections["sel"].detection_items if hasattr(item, "field")]


def test_a_pipeline_of_one_product_leaves_the_others_alone() -> None:
    rule = SigmaRule.from_dict({**yaml.safe_load(RULE), "logsource": {"product": "linux", "service": "sshd"}})
    pipeline("test", "windows").apply(rule)
    assert names(rule) == ["Image", "CommandLine"]


def test_a_field_means_what_the_event_id_of_the_rule_says() -> None:
    """Security has many events; only those that the rule can match say what its fields are called."""
    detection = {"sel": {"EventID": 4688, "NewProcessName|endswith": "x"}, "condition": "sel"}
    document = {**yaml.safe_load(RULE), "logsource": {"product": "windows", "service": "security"}}
    rule = SigmaRule.from_dict({**document, "detection": detection})
    pipeline("test").apply(rule)
    assert names(rule) == ["event.code", "process.executable"]


CORRELATION = """title: Many
id: 22222222-2222-4222-8222-222222222222
correlation:
  type: event_count
  rules: [11111111-1111-4111-8111-111111111111]
  group-by: [CommandLine, Image]
  timespan: 10m
  condition: {gte: 5}
"""


def test_a_correlation_groups_by_event_keys() -> None:
    collection = SigmaCollection.from_dicts([yaml.safe_load(RULE), yaml.safe_load(CORRELATION)])
    collection.resolve_rule_references()
    made = pipeline("test")
    for rule in collection.rules:
        made.apply(rule)
    (correlation,) = [rule for rule in collection.rules if not isinstance(rule, SigmaRule)]
    assert correlation.group_by == ["process.command_line", "process.executable"]
