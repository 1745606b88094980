"""The words of evidence: mail of the anchor, the index of a pack, what `czujka verify` says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from appliance.language.catalogue import Catalogue, load
from appliance.settings import Settings


@cache
def catalogue() -> Catalogue:
    """Return the catalogue; it is read once."""
    return load(sorted((Path(__file__).parent / "catalogue").glob("*.yml")))


def say(key: str, language: str, **values: Any) -> str:
    """Return a text."""
    return catalogue().text(key, language, **values)


def about_events(settings: Settings, language: str) -> str:
    """Return what to say of events that the chain does not have; "" when it has them."""
    return "" if settings.store.local else say("cluster", language)


def counted(key: str, language: str, count: int) -> str:
    """Return a text that counts, in the form that fits the count."""
    return catalogue().text(key, language, count=count, n=count)
