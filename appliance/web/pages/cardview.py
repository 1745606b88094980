"""Triage cards as the pages show them: chosen by the rule, filled with the alert's values, split into their parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import structlog
import yaml

from appliance.alerts.cards import CardText, blank_card, card_for, load_card, render_card
from appliance.detect import Rule
from appliance.detect.correlation import Correlation
from appliance.language import numbers
from appliance.settings import Office
from appliance.state.models import Alert
from appliance.web.pages.render import catalogue
from appliance.web.pages.views.alert import Card, Phone, sentences
from appliance.web.pages.views.events import Event

CARD_FAULTS = (OSError, KeyError, TypeError, ValueError, yaml.YAMLError)
_log = structlog.get_logger()
_PHONES = (("it", "it_phone"), ("head", "head_phone"), ("support", "support_phone"), ("dpo", "dpo_phone"))


def card_of(
    alert: Alert, rule: Rule | Correlation | None, events: Sequence[Event], office: Office, language: str
) -> Card | None:
    """Return the card under an alert in a language; None where its file cannot be used, which the log tells."""
    product = _product(rule)
    try:
        text = render_card(card_for(alert.rule_id, alert.tags, product), alert, office, language, events)
    except CARD_FAULTS:
        _log.exception("card_failed", rule=alert.rule_id)
        return None
    return _view(text, office, language)


def _view(text: CardText, office: Office, language: str) -> Card:
    return Card(
        title=text.title,
        steps=tuple(_phones(step, office) for step in text.steps),
        happened=text.happened,
        severity=after_level(text.serious, language),
        call=_phones(text.call, office),
        dont=sentences(text.dont),
        false_alarm=text.false_alarm,
        blocks=tuple(_phones(block, office) for block in text.blocks),
        principles=tuple(_phones(one, office) for one in text.principles),
    )


def after_level(text: str, language: str) -> str:
    """Return a card's word on severity without the level that opens it: the mark beside it says that."""
    first, dot, rest = text.partition(". ")
    named = {catalogue().text(f"level.{level}", language) for level in range(5)}
    return rest if dot and first in named else text


def _phones(text: str, office: Office) -> str:
    """Return a text with the office's numbers in groups, as people read them out."""
    for _, field in _PHONES:
        if bare := getattr(office, field):
            text = text.replace(bare, numbers.phone(bare))
    return text


def _product(rule: Rule | Correlation | None) -> str | None:
    return rule.logsource.product if isinstance(rule, Rule) else None


def card_preview(rule: Rule | Correlation, office: Office, language: str) -> Card | None:
    """Return a rule's card without an alert: "…" stands for what only an event can tell."""
    try:
        text = blank_card(card_for(rule.id, rule.tags, _product(rule)), rule.level, office, language)
    except CARD_FAULTS:
        _log.exception("card_failed", rule=rule.id)
        return None
    return _view(text, office, language)


def phones_of(office: Office) -> list[Phone]:
    """Return the numbers that the office has set, in the order in which one calls."""
    return [Phone(name, number) for name, field in _PHONES if (number := getattr(office, field))]


@cache
def has_own_card(rule_id: str) -> bool:
    """Say whether a rule has a card of its own, not only that of a family."""
    try:
        return card_for(rule_id, ()).name not in _families()
    except CARD_FAULTS:
        _log.exception("card_failed", rule=rule_id)
        return False


@cache
def own_title(rule_id: str, language: str) -> str:
    """Return the plain title of a rule's own card, without placeholders; nothing for a rule with a family card only."""
    if not has_own_card(rule_id):
        return ""
    title: str = card_for(rule_id, ()).texts["tytul"][language]
    return "" if "{" in title else title


@cache
def _families() -> frozenset[str]:
    """Return the names of the cards that a rule without its own gets when nothing else fits."""
    return frozenset({card_for("", ()).name, load_card("ogolna").name})
