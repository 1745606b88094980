"""A whole box over a real Elasticsearch that is killed under it: it detects on, then catches up, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.wire.event import Record
from appliance.clock import MINUTE, now, rfc3339
from tests.e2e.box import Box, wait_for
from tests.nodes.clusters import clean
from tests.nodes.node import PASSWORD, USER, Node

pytestmark = pytest.mark.nodes
INDEX = "skrzynka"
BATCH = 100
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


def _records(first: int) -> list[Record]:
    """Events of an hour ago; the first of each batch clears a Security log, which is an alert of its own host."""
    return [
        {
            "event.module": "windows.eventlog",
            "Channel": "Security",
            "Provider_Name": "Microsoft-Windows-Security-Auditing" if n else "Microsoft-Windows-Eventlog",
            "EventID": 4634 if n else 1102,
            "EventRecordID": first + n,
            "Computer": f"PC-{first + n}",
            "TimeCreated": rfc3339(now() - 60 * MINUTE),
            "SubjectUserName": "anna",
        }
        for n in range(BATCH)
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


def _waiting(box: Box) -> dict[str, Any]:
    told: dict[str, Any] = box.get("status")["waiting"]
    return told


def test_a_cluster_that_dies_under_the_box_costs_nothing(nodes: dict[str, Node], tmp_path: Path) -> None:
    node = nodes["elasticsearch-9"]
    node.ready()
    text = SETTINGS.format(url=node.url, user=USER, password=PASSWORD, ca=node.certificate, index=INDEX)
    with Box(tmp_path, settings=text) as box:
        sender = box.sender()
        sender.send("a", _records(0))
        wait_for("the first batch is in the cluster", lambda: _count(box) == BATCH, 60)
        assert box.run("store", "check").returncode == 0

        node.kill()
        for batch in range(1, 4):
            sender.send(f"b{batch}", _records(batch * BATCH))
        heads = {f"PC-{batch * BATCH}" for batch in range(4)}
        wait_for("it is detected while the cluster is away", lambda: _alerts(box) == heads, 60)
        wait_for("the events wait on disk", lambda: _waiting(box)["events"] == 3 * BATCH, 60)
        wait_for("why is told", lambda: _waiting(box)["reason"], 60)
        assert box.get("status")["ok"] is False
        assert box.run("store", "check").returncode == 1
        box.roles()["pipeline"].kill()

        node.launch()
        node.ready()
        wait_for("all events are in the cluster", lambda: _count(box) >= 4 * BATCH, 90)
        assert _count(box) == 4 * BATCH
        wait_for("nothing waits", lambda: _waiting(box)["events"] == 0, 30)
        assert _alerts(box) == heads
        sender.close()
    clean(node, INDEX)
