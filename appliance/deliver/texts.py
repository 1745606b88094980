"""What a message says: texts from the catalogue, and the triage card of the alert's rule."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from appliance.clock import rfc3339
from appliance.language.catalogue import Catalogue, load
from appliance.language.dates import clock, day
from appliance.language.typography import bind_spaces
from appliance.settings import Settings
from appliance.state.models import Alert

CATALOGUE = Path(__file__).parent / "catalogue" / "messages.yml"
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
log = structlog.get_logger()


class CardText(Protocol):
    """A triage card in one language, filled with an alert's values."""

    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def happened(self) -> str: ...  # noqa: D102
    @property
    def serious(self) -> str: ...  # noqa: D102
    @property
    def steps(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def call(self) -> str: ...  # noqa: D102
    @property
    def dont(self) -> str: ...  # noqa: D102
    @property
    def false_alarm(self) -> str: ...  # noqa: D102


Cards = Callable[[Alert], "CardText | None"]
"""Gives an alert's card in the box's language, or None when its rule has none."""


def load_catalogue() -> Catalogue:
    """Read the texts; bodies get their non-breaking spaces, subjects stay plain. Raises CatalogueError."""
    plain = load([CATALOGUE])
    return Catalogue(
        {
            key: {lang: tuple(_bound(key, form, lang) for form in forms) for lang, forms in texts.items()}
            for key, texts in plain.entries.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages about alerts in the box's language."""

    catalogue: Catalogue
    settings: Settings
    cards: Cards

    def subject(self, alert: Alert) -> str:
        """Return the subject: station and rule, never an account; it shows on a locked screen."""
        card = self._card(alert)
        return self.catalogue.text(
            "email_subject",
            self.settings.language,
            level=self._level(alert),
            title=(card.title if card else _line(alert.title))[:120],
            host=_line(alert.host)[:64],
            number=alert.id,
        )

    def body(self, alert: Alert) -> str:
        """Return the text: the triage card, or what is known when the rule has none."""
        language, card = self.settings.language, self._card(alert)
        values: dict[str, object] = {
            "level": self._level(alert),
            "host": _line(alert.host),
            "date": day(alert.first_event_at, language),
            "time": clock(alert.first_event_at, language),
            "address": self.address(alert),
        }
        if card is None:
            return self.catalogue.text(
                "email_body_plain", language, title=_line(alert.title), events=alert.count, **values
            )
        steps = {f"step{number}": step for number, step in enumerate(card.steps, 1)}
        values.update(
            happened=card.happened, serious=card.serious, call=card.call, dont=card.dont, false_alarm=card.false_alarm
        )
        return self.catalogue.text("email_body", language, **values, **steps)

    def payload(self, alert: Alert) -> dict[str, object]:
        """Return the webhook's JSON."""
        card = self._card(alert)
        return {
            "alert_id": alert.id,
            "level": alert.level,
            "level_name": self._level(alert),
            "rule_id": alert.rule_id,
            "title": card.title if card else alert.title,
            "happened": card.happened if card else "",
            "host": alert.host,
            "count": alert.count,
            "first_event_at": rfc3339(alert.first_event_at),
            "created_at": rfc3339(alert.created_at),
            "late": alert.late,
            "office": self.settings.office.name,
            "url": self.address(alert),
        }

    def address(self, alert: Alert) -> str:
        """Return the alert's page in the office network, without any token."""
        named = [*self.settings.names, self.settings.host]
        host = next((name for name in named if name not in EVERYWHERE), socket.gethostname())
        return f"https://{f'[{host}]' if ':' in host else host}:{self.settings.port}/alerty/{alert.id}"

    def _level(self, alert: Alert) -> str:
        return self.catalogue.text(f"level_{min(max(alert.level, 0), 4)}", self.settings.language)

    def _card(self, alert: Alert) -> CardText | None:
        try:
            return self.cards(alert)
        except Exception:  # a card that cannot be rendered must not keep the message back
            log.exception("card_failed", alert=alert.id, rule=alert.rule_id)
            return None


def _bound(key: str, form: str, lang: str) -> str:
    return bind_spaces(form, lang) if key.startswith("email_body") else form


def _line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
