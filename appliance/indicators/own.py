"""What is no indicator at an office: its own domains, and those that everybody uses."""

from __future__ import annotations

from functools import cache

from appliance.detect.lists import read_lists
from appliance.home import Home
from appliance.indicators.values import Own
from appliance.settings import Settings
from rules import ROOT

GENERAL = ROOT / "indicators"
OWN = "own_domains"
"""The office's list of its own domains, among its other lists of rules."""


def own_of(home: Home, settings: Settings) -> Own:
    """Return what an office tells: its list, and the domains of its mail."""
    lists, _ = read_lists(home.lists)
    mail = {one.rpartition("@")[2].strip("> ").lower() for one in (settings.mail.sender, *settings.mail.recipients)}
    # A small office may have its mail where everybody has it.
    told = {one.lower().strip(".") for one in lists.get(OWN, ())} | (mail - _general() - {"", "localhost"})
    return Own(frozenset(told), _general())


@cache
def _general() -> frozenset[str]:
    lists, faults = read_lists(GENERAL)
    if faults:
        raise ValueError("\n".join(map(str, faults)))
    return frozenset(lists["general_domains"])
