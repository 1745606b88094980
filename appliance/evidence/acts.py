"""Alerts for a pack: each with the entries of the chain about it, and the events that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from appliance.evidence.ledger import Ledger

KINDS = ("alert", "alert_events", "decision")


def alerts(ledger: Ledger, alert: int | None, within: Callable[[int], bool]) -> list[dict[str, Any]]:
    """Return one alert, or all with which something was done at a moment `within`, by number, each entry in order."""
    found: dict[int, list[dict[str, Any]]] = {}
    for entry in ledger.of_kind(*KINDS, ref=None if alert is None else str(alert)):
        item = {"entry": entry["number"], "kind": entry["kind"], "payload": entry["payload"]}
        found.setdefault(entry["payload"]["alert"], []).append(item)
    return [
        {"alert": number, "history": history}
        for number, history in sorted(found.items())
        if alert is not None or any("at" in one["payload"] and within(one["payload"]["at"]) for one in history)
    ]


def digests_by_id(alerts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield id and digest of the events that alerts rest on, of those that have one in the chain."""
    return ((name, digest) for name, _, digest in events_of(alerts) if digest)


def events_of(alerts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int, str | None]]:
    """Yield id, time and digest of the events that alerts rest on."""
    for alert in alerts:
        for item in alert["history"]:
            yield from item["payload"].get("events", ())
