"""The triage card of an alert, for messages."""

from __future__ import annotations

from appliance.deliver.texts import Cards, CardText
from appliance.settings import Settings
from appliance.state.models import Alert


def cards_for(settings: Settings) -> Cards:
    """Return what gives an alert's card, rendered in the box's language."""

    def card_of(alert: Alert) -> CardText | None:
        from appliance.alerts.cards import card_for, render_card  # noqa: PLC0415 - cards are read at the first message

        return render_card(card_for(alert.rule_id, alert.tags, None), alert, settings.office, settings.language)

    return card_of
