"""Triage cards: which one stands under an alert, and its words with the alert's own values.

The cards are data under `rules/triage`; its README.md says what each field means. Texts come back as plain text:
whoever shows them escapes them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import rules
from appliance import plainyaml
from appliance.alerts.entity import text_of
from appliance.clock import DAY, HOUR
from appliance.language.dates import clock, day, short_moment
from appliance.language.typography import bind_spaces
from appliance.settings import Office
from appliance.state.models import Alert

FOLDER = rules.ROOT / "triage"
LONGEST = 120
"""Characters of a value from an event."""
_LAST = "ogolna"
_LEVELS = {
    "pl": ("Informacyjny", "Niski", "Średni", "Wysoki", "Krytyczny"),
    "en": ("Informational", "Low", "Medium", "High", "Critical"),
}
_PHONES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "tel_it": ("it_phone", {"pl": "informatyk", "en": "IT officer"}),
    "tel_kierownik": ("head_phone", {"pl": "kierownik jednostki", "en": "head of office"}),
    "tel_wsparcie": ("support_phone", {"pl": "wsparcie", "en": "support"}),
    "tel_iod": ("dpo_phone", {"pl": "inspektor ochrony danych", "en": "data protection officer"}),
}
_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")
_UNKNOWN = frozenset({"", "-"})
_PROFILE = ("kazdy", "nieustawiony")
Texts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it lies in its file: `texts` by field, and where its own placeholders take their values."""

    name: str
    texts: Texts
    sources: Mapping[str, Sequence[str]]
    blocks: Sequence[str]


@dataclass(frozen=True, slots=True)
class CardText:
    """A card in one language with an alert's values, as plain text. `blocks` are legal notes, after `call`."""

    name: str
    title: str
    happened: str
    serious: str
    steps: tuple[str, ...]
    call: str
    dont: str
    false_alarm: str
    blocks: tuple[str, ...]
    principles: tuple[str, ...]


@cache
def _yaml(path: Path) -> Any:
    return plainyaml.load(path.read_text("utf-8"))


@cache
def load_card(name: str, folder: Path = FOLDER) -> Card:
    """Return a card by its name. Raises OSError, KeyError for a card that is not whole."""
    texts = _yaml(folder / f"{name}.yaml")
    meta = texts["meta"]
    return Card(name, texts, meta.get("wartosci", {}), meta.get("bloki", []))


def card_for(rule_id: str, tags: Iterable[str], product: str | None = None, folder: Path = FOLDER) -> Card:
    """Return the card of a rule: its own, else the first that fits its tags or product, else the general one."""
    index = _yaml(folder / "index.yaml")
    own = index["rules"].get(rule_id)
    if own is not None:
        return load_card(own, folder)
    known = tuple(tag.lower() for tag in tags)
    fitting = (line["card"] for line in index["fallback"] if _fits(line, known, product))
    return load_card(next(fitting, _LAST), folder)


@cache
def own_title(rule_id: str, language: str) -> str:
    """Return the title of the card that is listed for a rule; nothing where none is, or it holds placeholders."""
    own = _yaml(FOLDER / "index.yaml")["rules"].get(rule_id)
    title = str(load_card(own).texts["tytul"][language]) if own is not None else ""
    return "" if "{" in title else title


def _fits(line: Mapping[str, str], tags: Sequence[str], product: str | None) -> bool:
    wanted = line.get("tag")
    tagged = wanted is None or any(tag == wanted or tag.startswith(f"{wanted}.") for tag in tags)
    return tagged and line.get("product") in {None, product}


def render_card(
    card: Card, alert: Alert, office: Office, language: str, events: Sequence[Mapping[str, Any]] = ()
) -> CardText:
    """Return a card's words for an alert; `events` are its events, the newest first.

    Without events only what the alert itself keeps (host, account, program, time) is filled in.
    """
    return _filled(card, values_of(card, alert, office, language, events), language)


def blank_card(card: Card, level: int, office: Office, language: str) -> CardText:
    """Return a card's words without an alert: "…" stands for what only an event can tell."""
    known = _yaml(FOLDER / "placeholders.yaml")
    phones = _phones(office, {name: known[name]["nieznane"][language] for name in _PHONES}, language)
    told = {**phones, "poziom": _LEVELS[language][level]}
    return _filled(card, defaultdict(lambda: "…", told), language)


def _filled(card: Card, values: Mapping[str, str], language: str) -> CardText:
    def fill(field: str) -> str:
        return _fill(card.texts[field][language], values, language)

    principles = _yaml(FOLDER / "principles.yaml")
    return CardText(
        name=card.name,
        title=fill("tytul"),
        happened=fill("co_sie_stalo"),
        serious=fill("jak_powazne"),
        steps=tuple(_fill(step, values, language) for step in card.texts["zrob_teraz"][language]),
        call=fill("do_kogo"),
        dont=fill("czego_nie_robic"),
        false_alarm=fill("kiedy_falszywy_alarm"),
        blocks=tuple(_block(principles, name, values, language) for name in card.blocks),
        principles=tuple(_fill(text[language], values, language) for text in principles["zasady"]),
    )


def mark_words(mark: str, language: str) -> str:
    """Return how well a point of the law that carries a mark was checked. KeyError for an unknown mark."""
    words: str = _yaml(FOLDER / "principles.yaml")["znaki"][mark][language]
    return words


def _block(principles: Texts, name: str, values: Mapping[str, str], language: str) -> str:
    profiles = principles["bloki"][name]
    block = next(profiles[profile] for profile in _PROFILE if profile in profiles)
    mark = principles["znaki"][block["znak"]][language]
    return f"{_fill(block[language], values, language)} ({mark})"


def _fill(text: str, values: Mapping[str, str], language: str) -> str:
    bound = bind_spaces(text, language)
    # One pass: a value that looks like a placeholder stays text.
    return _PLACEHOLDER.sub(lambda found: values[found[1]], bound)


def values_of(
    card: Card, alert: Alert, office: Office, language: str, events: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return what stands for each placeholder; what is in no event is said to be unknown."""
    known = _yaml(FOLDER / "placeholders.yaml")
    kept = {"stacja": alert.host, "konto": alert.user, "proces": alert.process}
    values = {}
    for name, rule in known.items():
        own = card.sources.get(name)
        found = _first(events, own or rule.get("pola", ()))
        if not found and own is None:
            found = _line(kept.get(name, ""))
        if rule.get("ostatni_czlon"):
            found = re.split(r"[/\\]", found)[-1]
        values[name] = found or rule.get("nieznane", {}).get(language, "")
    values |= _phones(office, values, language)
    values["poziom"] = _LEVELS[language][min(max(alert.level, 0), 4)]
    values["czas"] = _clock(alert.first_event_at, alert.created_at, language)
    values["termin_24h"] = short_moment(alert.created_at + DAY, language)
    values["termin_72h"] = short_moment(alert.created_at + 72 * HOUR, language)
    return values


def _first(events: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    found = (_line(text_of(event, key)) for event in events for key in keys)
    return next((text for text in found if text not in _UNKNOWN), "")


def _line(text: str) -> str:
    """Return a value as one bounded line without control characters."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(clean.split())[:LONGEST]


def _phones(office: Office, values: Mapping[str, str], language: str) -> dict[str, str]:
    numbers = {name: (getattr(office, field), role[language]) for name, (field, role) in _PHONES.items()}
    return {name: f"{role} {number}" if number else values[name] for name, (number, role) in numbers.items()}


def _clock(moment: int, created: int, language: str) -> str:
    when = day(moment, language)
    return clock(moment, language) if when == day(created, language) else f"{clock(moment, language)} ({when})"
