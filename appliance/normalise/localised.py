"""Group names in the language of the installation, where a command names a group.

A command line is evidence and is never rewritten. Where a command about groups names one in another language, the event
holds the line twice: as it ran, and with the group's English name; a rule sees both, a person the first.
Only groups that every Windows has, only whole names, and only in commands about groups: elsewhere the same word is
an ordinary one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from appliance.normalise.model import Event, Value
from appliance.normalise.schema import identities

COMMAND = "process.command_line"
LONGEST = 32_767
"""Characters of the longest command line that Windows starts."""
_ABOUT_GROUPS = re.compile(r"\b(?:local)?group\b|\b(?:local|ad)group(?:member)?\b", re.IGNORECASE)


def add_english(event: Event) -> None:
    """Make a command line that names a localised group (original, with the English name)."""
    event.update(spellings(event.get(COMMAND)))


def spellings(line: Value | None) -> Event:
    """Return what a command line adds: itself twice when it names a localised group, else nothing."""
    if type(line) is str and ("group" in line or "GROUP" in line or "Group" in line):
        english = in_english(line)
        if english != line:
            return {COMMAND: (line, english)}
    return {}


def in_english(line: str) -> str:
    """Return a command line with the localised names of well-known groups in English, if it is about groups."""
    if len(line) > LONGEST or not _ABOUT_GROUPS.search(line):
        return line
    groups = identities().groups
    # A pattern takes ı for i, which casefold does not.
    return _names().sub(lambda found: groups.get(found[0].casefold(), found[0]), line)


@lru_cache(maxsize=1)
def _names() -> re.Pattern[str]:
    longest_first = sorted(identities().groups, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
