"""Events of a known form, read by one expression each: the fields that a provider's event has do not change.

A form is learnt from the first event that was read in another way, and an event is only read by it when all of its text
fits; so a form that is wrong, or was made up, costs time and nothing else. Pure and bounded.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agent.sensors.windows.eventnames import HARMLESS, TAKEN

BEGIN = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
MIDDLE, END = "</System><EventData>", "</EventData></Event>"
MAX_KEPT, MAX_OF_ONE, MAX_FIELDS = 64, 4, 64
"""Kinds of events, forms of one of them (Sysmon's versions differ), fields of one."""
HEAD = re.compile(
    r"<Provider Name='(?P<Provider_Name>[^'<&\n\t]*)'(?: Guid='(?P<Provider_Guid>[^'<&\n\t]*)')?/>"
    r"<EventID>(?P<EventID>\d+)</EventID><Version>(?P<Version>\d+)</Version><Level>(?P<Level>\d+)</Level>"
    r"<Task>(?P<Task>\d+)</Task><Opcode>(?P<Opcode>\d+)</Opcode><Keywords>(?P<Keywords>\w+)</Keywords>"
    r"<TimeCreated SystemTime='(?P<TimeCreated_SystemTime>[^'<&\n\t]*)'/>"
    r"<EventRecordID>(?P<EventRecordID>\d+)</EventRecordID>"
    r"<Correlation(?: ActivityID='(?P<Correlation_ActivityID>[^'<&\n\t]*)')?/>"
    r"<Execution ProcessID='(?P<Execution_ProcessID>\d+)' ThreadID='(?P<Execution_ThreadID>\d+)'/>"
    r"<Channel>(?P<Channel>[^<&\s][^<&]*)</Channel><Computer>(?P<Computer>[^<&\s]+)</Computer>"
    r"<Security(?: UserID='(?P<Security_UserID>[^'<&\n\t]*)')?/>"
)
"""System as the services of Windows render it, element by element; any other is read element by element."""
SYSTEM_NAMES = tuple(HEAD.groupindex)
_PERHAPS = tuple(name for name in SYSTEM_NAMES if name in {
    "Provider_Name", "Provider_Guid", "TimeCreated_SystemTime", "Correlation_ActivityID", "Security_UserID",
})  # fmt: skip
"""Groups that may be empty, or not be there."""


_KIND = re.compile(r"<Provider Name='([^'<&\n\t]*)'[^<>]*/><EventID>(\d+)</EventID><Version>(\d+)<")


class Form(NamedTuple):
    """The fields of an event in their order, what reads all of it, and those of them that may show a secret."""

    names: tuple[str, ...]
    pattern: re.Pattern[str]
    suspects: tuple[str, ...]


class Forms:
    """The forms met so far, by provider, number and version of the event."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, ...], tuple[Form, ...]] = {}

    def read(self, text: str) -> tuple[Form, dict[str, str]] | None:
        """Return an event's form and all that it holds, as it stands in XML; None for a form that is not known."""
        kind = _KIND.match(text, len(BEGIN))
        if kind is None or not text.startswith(BEGIN) or "\r" in text:
            return None
        for form in self._known.get(kind.groups(), ()):
            event = form.pattern.fullmatch(text, len(BEGIN))
            if event is not None and not ("]" in text and "]]>" in text):
                values: dict[str, str] = dict(zip(form.names, event.groups("")))
                return form, _without_empty(values)
        return None

    def learn(self, text: str, data: dict[str, str]) -> None:
        """Remember the form of an event with these data, in their order."""
        kind = _KIND.match(text, len(BEGIN)) if text.startswith(BEGIN) else None
        if kind is None or len(data) > MAX_FIELDS or not TAKEN.isdisjoint(data) or any("&" in name for name in data):
            return
        names = (*SYSTEM_NAMES, *data)
        known = self._known.get(kind.groups(), ())
        if len(known) >= MAX_OF_ONE or any(form.names == names for form in known):
            return
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        fields = "".join(f"<Data Name='{re.escape(name)}'(?:/>|>([^<]*)</Data>)" for name in data)
        pattern = re.compile(f"{HEAD.pattern}{MIDDLE}{fields}{END}")
        suspects = tuple(name for name in data if name not in HARMLESS)
        self._known[kind.groups()] = (*known, Form(names, pattern, suspects))


def attributes(head: re.Match[str]) -> dict[str, str]:
    """Return the attributes of System that HEAD found, without those that are empty."""
    return _without_empty(dict(zip(SYSTEM_NAMES, head.groups(""))))


def _without_empty(values: dict[str, str]) -> dict[str, str]:
    for name in _PERHAPS:
        if not values[name]:
            del values[name]
    return values
