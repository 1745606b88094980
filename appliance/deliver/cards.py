"""The triage card of an alert, for messages."""

from __future__ import annotations

from appliance.alerts.cards import card_for, render_card
from appliance.deliver.texts import Cards, CardText, Events
from appliance.settings import Settings
from appliance.state.models import Alert


def cards_for(settings: Settings) -> Cards:
    """Return what gives an alert's card, rendered in the box's language."""

    def card_of(alert: Alert, events: Events) -> CardText:
        card = card_for(alert.rule_id, alert.tags, _product(events))
        return render_card(card, alert, settings.office, settings.language, events)

    return card_of


def _product(events: Events) -> str | None:
    """Return the system that the newest event comes from, as Sigma names it: the first part of its module."""
    module = str(events[0].get("event.module", "")) if events else ""
    return module.partition(".")[0] or None
