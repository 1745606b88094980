"""Kill -9 at random moments under load: nothing that was acknowledged is lost, nothing is stored or alerted twice."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from agent.wire.event import Record
from tests.e2e.box import Box, wait_for

pytestmark = pytest.mark.root
KILLS = int(os.environ.get("CZUJKA_KILLS", "60"))
"""Of each run of the suite; the figures in docs/benchmarks.md are of 200."""
BATCH = 40
SEED = 20261121


@dataclass
class Load:
    """Sends batches until stopped; one event in ten clears a Security log on a host of its own, which is an alert."""

    box: Box
    name: str
    stop: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    alerting: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def run(self) -> None:
        sender = self.box.sender()
        number = 0
        try:
            while not self.stop.is_set():
                records = [self._record(number + n) for n in range(BATCH)]
                sender.send(f"{self.name}:{number}", records, seconds=120)
                self.acknowledged += [str(record["Computer"]) for record in records]
                self.alerting += [str(record["Computer"]) for record in records if record["EventID"] == 1102]
                if random.random() < 0.2:
                    sender.send(f"{self.name}:{number}", records, seconds=120)
                number += BATCH
        except Exception as error:  # noqa: BLE001 - told by the main thread, which fails the test
            self.failure = error
        finally:
            sender.close()

    def _record(self, number: int) -> Record:
        clears = number % 10 == 0
        return {
            "event.module": "windows.eventlog",
            "Channel": "Security",
            "Provider_Name": "Microsoft-Windows-Eventlog" if clears else "Microsoft-Windows-Security-Auditing",
            "EventID": 1102 if clears else 4634,
            "EventRecordID": number,
            "Computer": f"{self.name}-{number}",
            "TimeCreated": f"2026-11-20T10:{number // 60000 % 60:02d}:{number // 1000 % 60:02d}.{number % 1000:03d}Z",
            "SubjectUserName": "anna",
            "SubjectDomainName": "UG",
        }


def _kill_one(box: Box, rng: random.Random, kills: Counter[str]) -> None:
    roles = box.roles()
    if not roles:
        return
    role = rng.choice(sorted(roles))
    try:
        roles[role].kill()
    except psutil.NoSuchProcess:
        return
    kills[role] += 1


def _stored(box: Box, name: str) -> int:
    return int(box.get("events/count", q=f"host.name:{name}-*")["count"])


def _check_stored(box: Box, name: str, sent: int) -> None:
    wait_for(f"{sent} events of {name} are stored", lambda: _stored(box, name) >= sent, 120)
    assert _stored(box, name) == sent


def test_kill_minus_nine_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    kills: Counter[str] = Counter()
    with Box(tmp_path, agent=True) as box:
        wait_for("the agent sends", lambda: _agent_records(box), 60)
        stop = threading.Event()
        loads = [Load(box, name, stop) for name in ("alfa", "beta")]
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        while kills.total() < KILLS and not any(load.failure for load in loads):
            time.sleep(rng.uniform(0.1, 1.5))
            _kill_one(box, rng, kills)
        stop.set()
        for thread in threads:
            thread.join(180)
        box.wait_ready()
        for load in loads:
            assert load.failure is None, load.failure
            _check_stored(box, load.name, len(load.acknowledged))
        alerts = _alerts(box)
        expected = Counter({host: 1 for load in loads for host in load.alerting})
        print(f"kills: {dict(kills)} = {kills.total()}; acknowledged: {sum(len(x.acknowledged) for x in loads)}")
        print(f"alerts: {alerts.total()} of {expected.total()}")
        assert alerts == expected
        assert kills.total() >= KILLS
        assert set(kills) == {"gateway", "pipeline", "web", "jobs", "agent"}
        ids = _ids(box)
        print(f"events in the store: {len(ids)}, of these from the agent: {_agent_records(box)}")
        assert len(ids) == len(set(ids))


def _agent_records(box: Box) -> int:
    """Records of the agent beside the load: it watches this machine, and is killed like the others."""
    return int(box.get("events/count", q="event.module:linux.audit OR event.module:czujka.agent")["count"])


def _ids(box: Box) -> list[str]:
    """The id of every stored event."""
    with box.api() as client, client.stream("GET", "events/export", params={"format": "ndjson"}) as answer:
        assert answer.status_code == 200
        return [json.loads(line)["event.id"] for line in answer.iter_lines() if line]


def _alerts(box: Box) -> Counter[str]:
    """Events of alerts by host: an alert that is doubled, or counts an event twice, shows here."""
    found: Counter[str] = Counter()
    after = None
    with box.api() as client:
        while True:
            answer = client.get("alerts", params={"limit": 200, **({"after": after} if after else {})})
            answer.raise_for_status()
            page = answer.json()
            for alert in page["items"]:
                if alert["host"].startswith(("alfa-", "beta-")):
                    found[alert["host"]] += alert["count"]
            after = page["next"]
            if not after:
                return found
