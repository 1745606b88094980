"""A whole box over a real Elasticsearch that is away for an hour of load: it detects on, catches up, nothing twice."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from agent.wire.event import Record
from appliance.clock import HOUR, now, rfc3339
from tests.e2e.box import Box, wait_for
from tests.nodes.clusters import clean
from tests.nodes.node import PASSWORD, USER, Node

pytestmark = pytest.mark.nodes
INDEX = "skrzynka"
BATCH, BATCHES = 1000, 36
"""An hour of ten events a second, which is what a hundred stations send."""
FIRST = 100
SETTINGS = """
[store]
kind = "elasticsearch"
[store.elasticsearch]
hosts = ["{url}"]
user = "{user}"
password = "{password}"
ca_file = "{ca}"
index = "{index}"
"""


def _records(first: int, count: int) -> list[Record]:
    """Events of a batch's share of an hour; the first of each batch clears a Security log, an alert of its own host."""
    began = now() - 2 * HOUR
    return [
        {
            "event.module": "windows.eventlog",
            "Channel": "Security",
            "Provider_Name": "Microsoft-Windows-Security-Auditing" if n else "Microsoft-Windows-Eventlog",
            "EventID": 4634 if n else 1102,
            "EventRecordID": first + n,
            "Computer": f"PC-{first + n}",
            "TimeCreated": rfc3339(began + (first + n) * HOUR // (BATCH * BATCHES)),
            "SubjectUserName": "anna",
        }
        for n in range(count)
    ]


def _count(box: Box) -> int:
    """How many events the cluster has; -1 while it does not answer."""
    with box.api() as client:
        answer = client.get("events/count", params={"q": "host.name:PC-*"})
    return int(answer.json()["count"]) if answer.status_code == 200 else -1


def _alerts(box: Box) -> set[str]:
    found = [alert["host"] for alert in box.get("alerts", limit=100)["items"]]
    assert len(found) == len(set(found))
    return {host for host in found if host.startswith("PC-")}


def _hosts(box: Box) -> list[str]:
    """The host of each event; every event has one of its own."""
    asked = {"format": "ndjson", "q": "host.name:PC-*"}
    with box.api() as client, client.stream("GET", "events/export", params=asked, timeout=120) as answer:
        assert answer.status_code == 200
        return [json.loads(line)["host.name"] for line in answer.iter_lines() if line]


def _waiting(box: Box) -> dict[str, Any]:
    told: dict[str, Any] = box.get("status")["waiting"]
    return told


def test_a_cluster_that_dies_under_the_box_costs_nothing(nodes: dict[str, Node], tmp_path: Path) -> None:
    node = nodes["elasticsearch-9"]
    node.ready()
    text = SETTINGS.format(url=node.url, user=USER, password=PASSWORD, ca=node.certificate, index=INDEX)
    with Box(tmp_path, settings=text) as box:
        sender = box.sender()
        sender.send("a", _records(0, FIRST))
        wait_for("the first batch is in the cluster", lambda: _count(box) == FIRST, 60)
        assert box.run("store", "check").returncode == 0

        node.kill()
        starts = [FIRST + batch * BATCH for batch in range(BATCHES)]
        for start in starts:
            sender.send(f"b{start}", _records(start, BATCH))
        heads = {f"PC-{start}" for start in (0, *starts)}
        wait_for("it is detected while the cluster is away", lambda: _alerts(box) == heads, 120)
        wait_for("the events wait on disk", lambda: _waiting(box)["events"] == BATCH * BATCHES, 120)
        wait_for("why is told", lambda: _waiting(box)["reason"], 60)
        assert box.get("status")["ok"] is False
        assert box.run("store", "check").returncode == 1
        box.roles()["pipeline"].kill()

        node.launch()
        node.ready()
        began, every = time.monotonic(), FIRST + BATCH * BATCHES
        wait_for("all events are in the cluster", lambda: _count(box) >= every, 240)
        print(f"\n{BATCH * BATCHES} events are in the cluster {time.monotonic() - began:.1f} s after it answers again")
        assert sorted(_hosts(box)) == sorted(f"PC-{n}" for n in range(every))
        wait_for("nothing waits", lambda: _waiting(box)["events"] == 0, 30)
        assert _alerts(box) == heads
        sender.close()
    clean(node, INDEX)
