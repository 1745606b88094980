"""What an agent tells of its station, as the events that the pipeline makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.wire import inventory
from agent.wire.envelope import encode_record
from appliance.clock import SECOND
from appliance.normalise import Event, Source, normalise

AGENT = "00000000-0000-4000-8000-000000000001"
START = 1_790_000_000 * SECOND


def event(record: Mapping[str, Any], at: int, agent: str = AGENT) -> Event:
    """Return a record as it comes out of the normaliser, after its way over the wire."""
    return normalise(encode_record(dict(record) | {"@timestamp": at}), Source(agent, at))


class Machine:
    """A station with one section, told as the agent tells it: what changed, then the state."""

    def __init__(self, section: str = "package", agent: str = AGENT) -> None:
        self.section, self.agent = section, agent
        self.items: dict[str, dict[str, Any]] = {}
        self.revision, self.at = 0, START

    def round(self, **wanted: dict[str, Any]) -> list[Event]:
        """Make the section this, and return what is told of it."""
        self.revision += 1
        told = [self.item(key, fields) for key, fields in wanted.items() if self.items.get(key) != fields]
        told += [self.item(key, None) for key in self.items if key not in wanted]
        self.items = wanted
        return [*told, self.state()]

    def item(self, key: str, fields: dict[str, Any] | None) -> Event:
        """Return the record of one item."""
        self.at += SECOND
        present = fields is not None
        one = inventory.item_record(self.section, key, fields or {}, present=present, revision=self.revision)
        return event(one, self.at, self.agent)

    def state(self, problem: str = "") -> Event:
        """Return the record of what the section should be, or was when the agent could last look."""
        self.at += SECOND
        texts = {key: inventory.canonical(fields) for key, fields in self.items.items()}
        told = inventory.state_record(self.section, texts, self.revision)
        return event(told | ({inventory.PROBLEM_FIELD: problem} if problem else {}), self.at, self.agent)

    def whole(self) -> list[Event]:
        """Return all of the section, as a refresh tells it."""
        return [*(self.item(key, fields) for key, fields in self.items.items()), self.state()]


def finding(name: str, result: str, revision: int, at: int, **more: str) -> Event:
    """Return the record of a finding."""
    record = {"event.module": "czujka.agent", "event.action": "posture_finding", "posture.check": name}
    told = {f"posture.{key}": value for key, value in more.items()}
    return event(record | {"posture.result": result, "posture.revision": revision} | told, at)


def plain(value: object) -> Any:
    """Return what JSON keeps of a value."""
    return json.loads(json.dumps(value))
