"""The same rules fire on an event whichever product sent it, on all the events and rules there are."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from appliance.detect import Engine, RuleSet, load_rules
from appliance.importer import records
from appliance.normalise import Unreadable, normalise
from rules import ROOT
from tests.appliance.detect import corpus
from tests.appliance.detect.shapes import SHAPES, native

pytestmark = pytest.mark.corpora

#: Events of one file that are compared; the long ones repeat themselves.
MOST = 60


@pytest.fixture(scope="module")
def ruleset(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return load_rules([*corpus.rule_folders(corpora), ROOT / "sigma"], tmp_path_factory.mktemp("cache"))


def test_every_shape_fires_the_rules_that_windows_own_record_fires(corpora: Path, ruleset: RuleSet) -> None:
    engine = Engine(ruleset)
    differ: Counter[tuple[str, str, str]] = Counter()
    fired = 0
    folders = (corpora / "sigmahq" / "regression_data", corpora / "evtx-attack-samples")
    for file in (file for folder in folders for file in sorted(folder.rglob("*.evtx"))):
        for line in islice(records(file), MOST):
            try:
                wanted = {rule.title for rule in engine.match(normalise(line, corpus.SOURCE))}
            except Unreadable:
                continue
            event = native(json.loads(line)["xml"])
            fired += len(wanted)
            for shape, convert in SHAPES.items():
                if shape == "NXLog" and len(event.unnamed) > 1:
                    continue
                found = engine.match(normalise(json.dumps(convert(event)).encode(), corpus.SOURCE))
                differ.update((shape, file.name, title) for title in wanted ^ {rule.title for rule in found})
    assert not differ
    assert fired > 300
