"""What every test of bad input asks afterwards: is it visible, and does the box still work."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import httpx

from agent.wire.event import Record
from tests.e2e.box import Box, wait_for

PASSWORD = "zielony-rower-na-moście-27"
_NUMBERS = itertools.count(1)
COUNTS = re.compile(r"Przeczytane: (\d+), przyjęte: (\d+), już znane: (\d+), odrzucone: (\d+)")


def cleared(host: str, number: int = 1, at: str | None = None) -> Record:
    """A record that a shipped rule alerts on: the Security log of a host was cleared."""
    return {
        "event.module": "windows.eventlog",
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Eventlog",
        "EventID": 1102,
        "EventRecordID": number,
        "Computer": host,
        "TimeCreated": at or datetime.now(UTC).isoformat(),
        "SubjectUserName": "anna",
        "SubjectDomainName": "UG",
    }


def counts(output: str) -> tuple[int, int, int, int]:
    """Return (read, accepted, known, dead) of an import's closing line."""
    found = COUNTS.search(output)
    assert found, output
    read, accepted, known, dead = map(int, found.groups())
    return read, accepted, known, dead


def letters(box: Box) -> list[dict[str, Any]]:
    """Return every dead letter, newest first."""
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = box.get("dead-letters", limit=100, **after)
        found += page["items"]
        if not page["next"]:
            return found
        after = {"after": page["next"]}


def stored(box: Box, query: str) -> int:
    return int(box.get("events/count", q=query)["count"])


def alerts_of(box: Box, host: str) -> list[dict[str, Any]]:
    return [alert for alert in box.get("alerts", limit=200)["items"] if alert["host"] == host]


def still_works(box: Box) -> None:
    """A good record sent now is stored and alerts."""
    host = f"zdrowy-{next(_NUMBERS)}"
    sender = box.sender()
    assert sender.send(host, [cleared(host)])["records"] == 1
    sender.close()
    wait_for(f"{host} is stored", lambda: stored(box, f"host.name:{host}") == 1)
    assert [alert["count"] for alert in alerts_of(box, host)] == [1]


def signed_in(box: Box) -> httpx.Client:
    """Return a browser's session, made through the set-up link."""
    client = httpx.Client(base_url=box.base, verify=box.trust(), timeout=30, headers={"Origin": box.base})
    link = box.setup_link()
    form = {"token": link.split("token=")[1], "login": "anna", "name": "Anna", "password": PASSWORD, "again": PASSWORD}
    answer = client.post("/ustaw", data=form)
    assert answer.status_code == 303, answer.text
    return client
