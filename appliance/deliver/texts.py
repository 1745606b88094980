"""What a message says: texts from the catalogue, and the triage card of the alert's rule."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from appliance.clock import rfc3339
from appliance.language.catalogue import Catalogue, load
from appliance.language.dates import NBSP, clock, day
from appliance.language.typography import bind_spaces
from appliance.settings import Settings
from appliance.state.models import Alert

CATALOGUE = Path(__file__).parent / "catalogue" / "messages.yml"
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
log = structlog.get_logger()


class CardText(Protocol):
    """A triage card in one language, filled with an alert's values."""

    @property
    def title(self) -> str:
        """What the alert is about."""

    @property
    def happened(self) -> str:
        """What happened."""

    @property
    def serious(self) -> str:
        """How serious it is."""

    @property
    def steps(self) -> Sequence[str]:
        """What to do, in order."""

    @property
    def call(self) -> str:
        """Whom to call."""

    @property
    def blocks(self) -> Sequence[str]:
        """Legal notes, after `call`."""

    @property
    def dont(self) -> str:
        """What not to do."""

    @property
    def false_alarm(self) -> str:
        """When it is a false alarm."""


Events = Sequence[Mapping[str, Any]]
"""An alert's events, the newest first."""
Cards = Callable[[Alert, Events], "CardText | None"]
"""Gives an alert's card in the box's language, or None when its rule has none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail's words."""

    subject: str
    body: str


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

    def letter(self, alert: Alert, events: Events) -> Letter:
        """Return the e-mail: the triage card, or what is known when the rule has none.

        The subject names station and rule, never an account: it shows on a locked screen.
        """
        language, card = self.settings.language, self._card(alert, events)
        title = card.title.replace(NBSP, " ") if card else _line(alert.title)
        level, host = self._level(alert), _line(alert.host)
        subject = self.catalogue.text(
            "email_subject", language, level=level, title=title[:120], host=host[:64], number=alert.id
        )
        values: dict[str, Any] = {
            "level": level,
            "host": host,
            "date": day(alert.first_event_at, language),
            "time": clock(alert.first_event_at, language),
            "address": self.address(alert),
        }
        if card is None:
            values.update(title=title, events=alert.count)
            return Letter(subject, self.catalogue.text("email_body_plain", language, **values) + self._credit(alert))
        values.update({f"step{number}": step for number, step in enumerate(card.steps, 1)})
        values.update(happened=card.happened, serious=card.serious, call="\n".join([card.call, *card.blocks]))
        values.update(dont=card.dont, false_alarm=card.false_alarm)
        return Letter(subject, self.catalogue.text("email_body", language, **values) + self._credit(alert))

    def payload(self, alert: Alert, events: Events) -> dict[str, object]:
        """Return the webhook's JSON."""
        card = self._card(alert, events)
        return {
            "alert_id": alert.id,
            "level": alert.level,
            "level_name": self._level(alert),
            "rule_id": alert.rule_id,
            "rule_author": alert.rule_author,
            "title": (card.title if card else alert.title).replace(NBSP, " "),
            "happened": card.happened.replace(NBSP, " ") if card else "",
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
        return console(self.settings, f"/alerty/{alert.id}")

    def hunted(self, number: int, name: str, count: int) -> Letter:
        """Return the e-mail about all that a hunt has found: how many alerts, and where they are."""
        language, say = self.settings.language, self.catalogue.text
        address = console(self.settings, f"/poszukiwania/{number}")
        subject = say("email_hunt_subject", language, n=count, name=_line(name)[:120])
        return Letter(subject, say("email_hunt_body", language, n=count, name=_line(name), address=address))

    def note(self, name: str, letter: Letter) -> dict[str, object]:
        """Return a letter of the box itself as the webhook's JSON."""
        return {"letter": name, "title": letter.subject, "text": letter.body, "office": self.settings.office.name}

    def _credit(self, alert: Alert) -> str:
        """Return the line that names the rule's author, which the licences of rules ask for."""
        if not alert.rule_author:
            return ""
        return "\n" + self.catalogue.text("email_author", self.settings.language, author=_line(alert.rule_author))

    def _level(self, alert: Alert) -> str:
        return self.catalogue.text(f"level_{min(max(alert.level, 0), 4)}", self.settings.language)

    def _card(self, alert: Alert, events: Events) -> CardText | None:
        try:
            return self.cards(alert, events)
        except Exception:  # a card that cannot be rendered must not keep the message back
            log.exception("card_failed", alert=alert.id, rule=alert.rule_id)
            return None


def console(settings: Settings, path: str) -> str:
    """Return the address of a page of the console in the office network."""
    named = [*settings.names, settings.host]
    host = next((name for name in named if name not in EVERYWHERE), socket.gethostname())
    return f"https://{f'[{host}]' if ':' in host else host}:{settings.port}{path}"


def _bound(key: str, form: str, lang: str) -> str:
    return bind_spaces(form, lang) if "_body" in key else form


def _line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
