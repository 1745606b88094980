"""Extensions of the browsers in the homes of this host."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.extensions import chromium, firefox
from agent.inventory.raw import Files, Raws, Source
from agent.inventory.section import HOUR, Item, Section

_LONG = 2 << 20
SOURCES: dict[str, Source] = {
    "firefox": Files("/home/*/.mozilla/firefox/*/extensions.json", _LONG),
    "firefox_snap": Files("/home/*/snap/firefox/common/.mozilla/firefox/*/extensions.json", _LONG),
    "chromium": Files("/home/*/.config/*/*/Extensions/*/*/manifest.json"),
    "chrome": Files("/home/*/.config/*/*/*/Extensions/*/*/manifest.json"),
}


def parse(raws: Raws) -> Iterator[Item]:
    """Return the extensions of all accounts' browsers."""
    yield from firefox({**raws.files("firefox"), **raws.files("firefox_snap")})
    yield from chromium({**raws.files("chromium"), **raws.files("chrome")})


SECTION = Section("extension", SOURCES, parse, 4 * HOUR)
