"""Whose settings can be read: a person's part of the registry is there only while they are logged in."""

from __future__ import annotations

from collections.abc import Mapping

from agent.inventory.raw import Raws, Registry, Source
from agent.inventory.section import Stays
from agent.inventory.windows.keys import PROFILES

PEOPLE: Mapping[str, Source] = {"loaded": Registry(r"HKU\*\SOFTWARE"), "profiles": Registry(PROFILES, 1)}
_PERSON = "S-1-"


def of_absent_people(raws: Raws) -> Stays:
    """Return what says whether an item `SID:name` is a person's who is not logged in and has a profile here.

    Without the list of profiles everybody is taken to have one. Raises Unknown.
    """
    loaded = {sid.upper() for sid in raws.keys("loaded")}
    profiles = {sid.upper() for sid in raws.keys("profiles")} if raws.there("profiles") else None

    def stays(key: str) -> bool:
        sid = key.partition(":")[0].upper()
        return sid.startswith(_PERSON) and sid not in loaded and (profiles is None or sid in profiles)

    return stays
