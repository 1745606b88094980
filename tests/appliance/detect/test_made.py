"""SigmaHQ's rules on events made of their own values: the engine decides as the oracle does, rule by rule."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from appliance.detect import Engine, RuleSet, event_class
from appliance.detect.parse import parse_file
from tests.appliance.detect import corpus
from tests.appliance.detect.kit import ROUTES, same
from tests.appliance.detect.made import events
from tests.appliance.detect.oracle import Oracle

pytestmark = pytest.mark.corpora

#: Every so many rules one is judged, each on so many events. `1` judges all of them in some minutes.
STRIDE, EVENTS = 5, 12


def test_the_engine_decides_as_the_oracle_on_events_made_of_each_rule(corpora: Path) -> None:
    documents = [{**each, "logsource": {"product": "test"}} for each in corpus.documents(corpora)[::STRIDE]]
    source = random.Random(STRIDE)
    judged = matched = missed = 0
    for document in documents:
        text = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        parsed = parse_file("rule.yml", text.encode())
        if parsed.faults:
            continue
        engine, oracle = Engine(RuleSet(parsed.rules, []), routes=ROUTES, resolver_factory=same), of(document)
        judged += 1
        for event in events([tree for _, trees in oracle.rules for tree in trees], EVENTS, source):
            found = bool(engine.match(event))
            assert found is bool(oracle.match(event, event_class(event))), f"{document['id']}: {event!r}"
            matched, missed = matched + found, missed + (not found)
    assert judged > 500
    assert min(matched, missed) > 1000


def of(document: dict[str, object]) -> Oracle:
    return Oracle.of_documents([document], ROUTES, same)
