"""The check of a cluster that is kept: over a real node, one whose disk is nearly full, and one that is away."""

from __future__ import annotations

import json
from pathlib import Path
from string import Formatter

import pytest

from appliance.clock import MINUTE
from appliance.settings import ElasticSettings, StoreSettings
from appliance.store.elastic.finding import AWAY, Finding, Watched, Weight, words
from appliance.store.elastic.watching import EVERY, is_due, watch
from tests.appliance.store.conftest import NOW
from tests.e2e.box import wait_for
from tests.nodes.node import Node

GONE = StoreSettings(kind="elasticsearch", elasticsearch=ElasticSettings(hosts=["http://127.0.0.1:9"]))
MARK = "cluster.routing.allocation.disk.watermark"


def codes(found: Watched) -> set[str]:
    return {one.code for one in found.findings}


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        (Watched(NOW, None, ()), False),
        (Watched(NOW - EVERY + 1, None, ()), False),
        (Watched(NOW - EVERY, None, ()), True),
        (Watched(NOW + MINUTE, None, ()), True),
        (Watched(NOW - 1, NOW - 5, (Finding(Weight.BAD, AWAY, {"reason": "x"}),)), True),
    ],
)
def test_a_cluster_is_asked_every_quarter_and_each_minute_while_something_is_wrong(
    last: Watched | None, due: bool
) -> None:
    assert is_due(last, NOW) is due


@pytest.mark.nodes
def test_a_cluster_that_goes_and_comes_back_is_told_with_since_when(settings: ElasticSettings, tmp_path: Path) -> None:
    # Two years of both classes are more shards than one node may have.
    here = StoreSettings(kind="elasticsearch", retention_days=90, elasticsearch=settings)
    kept = tmp_path / "cluster.json"

    def answered() -> Watched | None:
        found = watch(here, kept, NOW)
        return found if "green" in codes(found) and "unknown" not in codes(found) else None

    # A node that has just begun does not know its accounts yet, nor has their index where it belongs.
    first = wait_for("the node answers everything", answered)
    assert (first.away_since, first.alarm) == (None, Weight.GOOD), first
    assert {"version", "green", "disk", "shards", "kept_class", "rights"} <= codes(first)
    for later in (1, 2):
        gone = watch(GONE, kept, NOW + later * MINUTE)
        assert (gone.away_since, gone.alarm, codes(gone)) == (NOW + MINUTE, Weight.BAD, {AWAY})
        assert "Nie ma połączenia z klastrem" in gone.findings[0].text("pl")
    assert Watched.load(kept) == gone
    assert watch(here, kept, NOW + 3 * MINUTE).away_since is None


@pytest.mark.nodes
def test_a_watermark_that_is_near_is_told_before_it_hurts(
    settings: ElasticSettings, node: Node, tmp_path: Path
) -> None:
    with node.http() as client:
        (one,) = client.get("/_nodes/stats/fs").raise_for_status().json()["nodes"].values()
        total = one["fs"]["total"]
        near = total["available_in_bytes"] - total["total_in_bytes"] // 40
        marks = {f"{MARK}.low": f"{near}b", f"{MARK}.high": f"{near}b", f"{MARK}.flood_stage": "1b"}
        client.put("/_cluster/settings", json={"persistent": marks}).raise_for_status()
        try:
            found = watch(StoreSettings(kind="elasticsearch", elasticsearch=settings), tmp_path / "cluster.json", NOW)
        finally:
            client.put("/_cluster/settings", json={"persistent": dict.fromkeys(marks)}).raise_for_status()
    (disk,) = [one for one in found.findings if one.code.startswith("disk")]
    assert (disk.code, found.alarm) == ("disk_near", Weight.WARN)
    assert f"Do progu {near}b zostało" in disk.text("pl").replace("\u00a0", " ")
    assert disk.advice("en").startswith("Give the cluster more room")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"at": 1}', json.dumps({"at": 1, "away_since": None, "findings": [{"weight": "?"}]})]
)
def test_a_kept_answer_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    kept = tmp_path / "cluster.json"
    assert Watched.load(kept) is None
    kept.write_text(text)
    assert Watched.load(kept) is None


def test_every_finding_has_its_words_in_both_languages() -> None:
    parts = (found for texts in words().entries.values() for text in texts["pl"] for found in Formatter().parse(text))
    values = {name: name for _, name, *_ in parts if name}
    for code in {name.removesuffix(".do") for name in words().entries if not name.startswith("weight.")}:
        one = Finding(Weight.BAD, code, values)
        assert one.text("pl") != one.text("en") or code == "version"
        assert bool(one.advice("pl")) == bool(one.advice("en"))
