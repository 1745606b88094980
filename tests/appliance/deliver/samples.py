"""Alerts and settings for the tests of delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.state.models import Alert

NOW = 1_790_000_000_000_000


def sample_alert(**values: Any) -> Alert:
    defaults: dict[str, Any] = {
        "rule_id": "5c0d1a3e-0000-4000-8000-000000000001",
        "title": "Powłoka z konta serwera WWW",
        "level": 3,
        "entity": "PC-WOJT",
        "host": "PC-WOJT",
        "user": "jan.kowalski",
        "count": 2,
        "first_event_at": NOW,
        "last_event_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Alert(**{**defaults, **values})


@dataclass(frozen=True)
class SampleCard:
    title: str = "Powłoka z\u00a0serwera WWW"
    happened: str = "Na stacji PC-WOJT serwer WWW uruchomił powłokę."
    serious: str = "Wysoki. Ktoś może sterować serwerem."
    steps: tuple[str, ...] = ("Odłącz stację od sieci.", "Zostaw ją włączoną.", "Zadzwoń do informatyka.")
    blocks: tuple[str, ...] = ("Zgłoś naruszenie do UODO.",)
    call: str = "Informatyk: 22 123 45 67"
    dont: str = "Nie wyłączaj stacji."
    false_alarm: str = "Tak działa też skrypt kopii."
