"""How the fields of one class of Windows events move to their event keys, prepared once and kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import methodcaller
from typing import Any

from appliance.normalise.common import SEPARATOR, hashed_id, short_address, text_of
from appliance.normalise.fields import NATIVE, group_moves, native_key
from appliance.normalise.identity import who
from appliance.normalise.localised import COMMAND, spellings
from appliance.normalise.model import Event, Unreadable, Value
from appliance.normalise.schema import Group, windows

MAX_CACHED_NAMES = 512
"""Unknown field names that one plan keeps."""
MAX_NAME = 256
MAX_DIGESTS = 1024
"""Lists of hashes that one class keeps: the same programs start again and again."""
MAX_HASHES = 512
"""Characters of a list that is kept."""
RECORD_ID = "winlog.record_id"
DIGITS = 19
"""Record numbers of so many digits are text."""
BRACES = "{}"
Convert = Callable[[str], Value | None]
"""Text to the value of another type; None when it does not fit and stays under its native name."""
_LOGON_TYPES = {
    "0": "System", "2": "Interactive", "3": "Network", "4": "Batch", "5": "Service", "7": "Unlock",
    "8": "NetworkCleartext", "9": "NewCredentials", "10": "RemoteInteractive", "11": "CachedInteractive",
    "12": "CachedRemoteInteractive", "13": "CachedUnlock",
}  # fmt: skip
_AUDIT_FAILURE, _AUDIT_SUCCESS = 0x10000000000000, 0x20000000000000
_PATHS = {"process.executable": "process.name", "process.parent.executable": "process.parent.name"}
_KEYWORDS = "winlog.system.Keywords"
_LONGEST_KEYWORDS = 21
_LOGON_TYPE = NATIVE + "LogonType"
_HASHES = ("MD5", "SHA1", "SHA256", "IMPHASH")


@dataclass(frozen=True, slots=True)
class Addition:
    """What follows from a few fields of an event and is added to it."""

    keys: tuple[str, ...]
    """The fields, "" for one that no event has."""
    facts: Callable[..., Event]
    """From their values, None for an absent one, to what they add; the caller must not change it."""
    kept: Mapping[Any, Event] | None = None
    """What `facts` keeps, by the value of the one key or by the values of several: a look spares the call."""

    def add(self, event: Event) -> None:
        """Add it to an event."""
        event.update(self.facts(*map(event.get, self.keys)))


def plan_for(channel: str, code: int) -> Plan:
    """Return the plan of a channel's event id."""
    plans = _plans()
    return plans.get((channel, code)) or plans.get((channel, None)) or plans["", None]


@lru_cache(maxsize=1)
def _plans() -> dict[tuple[str, int | None], Plan]:
    """Return every plan by (channel, event id), None for a channel's others; ("", None) is for unknown channels."""
    table = windows()
    plans: dict[tuple[str, int | None], Plan] = {("", None): Plan(None)}
    for group in table.groups:
        plan = Plan(group)
        plans.update({(channel, code): plan for channel in group.channels for code in group.codes or (None,)})
    for channel in {channel for group in table.groups for channel in group.channels}:
        plans.setdefault((channel, None), Plan(None, security=channel == "Security"))
    return plans


class Plan:
    """The moves of one class of events. Holds a bounded cache of names that no table knows."""

    def __init__(self, group: Group | None, *, security: bool = False) -> None:
        self.system = [(n, key) for n, key in windows().system.items() if n not in ("EventID", "Channel")]
        self._special: dict[str, Convert] = {}
        self.constants: Event = dict(group.event) if group else {}
        self.shapes: dict[object, Any] = {}
        self._keys: dict[str, str] = {}
        if group:
            self._keys |= group_moves(group)
            self._special |= dict.fromkeys(group.integers, integer) | dict.fromkeys(group.addresses, _address)
            self._special |= dict.fromkeys(group.guids, unbraced)
        paths = set(self._keys.values())
        self.names = [(path, name) for path, name in _PATHS.items() if path in paths]
        self._security = security or (group is not None and "Security" in group.channels)
        self._copies = [(NATIVE + name, key) for name, key in group.copies.items()] if group else []
        self._users = [who(user) for user in group.users] if group else []
        self._hashed, prefix = (NATIVE + group.hashes[0], group.hashes[1]) if group and group.hashes else ("", "")
        self._digests: dict[str, Event] = {}
        self._hashes = {kind: f"{prefix}.{kind.lower()}" for kind in _HASHES}

    def key(self, name: str) -> str:
        """Return the event key of a native field. Raises Unreadable for a name that is none."""
        return self._keys.get(name) or self._learn(name)

    def convert(self, name: str) -> Convert | None:
        """Return what makes the value of a native field fit its key, None for text."""
        return self._special.get(name) or self._special.get(name.replace(" ", ""))

    def _learn(self, name: str) -> str:
        """Return the native key of a name that no table knows, and keep it while there is room."""
        key = self._keys.get(name.replace(" ", "")) or native_key(name)
        if len(name) > MAX_NAME or not name.isprintable():
            raise Unreadable("Nazwa pola w zdarzeniu systemu Windows jest za długa albo zawiera znaki sterujące.")
        if len(self._keys) < MAX_CACHED_NAMES:
            self._keys[name] = key
        return key

    def move_system(self, system: dict[str, Any], event: Event) -> None:
        """Move the System attributes, empty ones left out."""
        for name, key in self.system:
            text = text_of(system.get(name))
            if text:
                event[key] = text
        number_record(event)

    def move_data(self, data: dict[str, Any], event: Event) -> None:
        """Move the event data."""
        for name, raw in data.items():
            value = raw if type(raw) is str else _scalars(name, raw, event)
            if value is None:
                continue
            key = self.key(name)
            convert = self.convert(name)
            if convert:
                fitted = convert(value) if isinstance(value, str) else None
                value, key = (value, native_key(name)) if fitted is None else (fitted, key)
            event[key] = value

    def derive(self, event: Event) -> None:
        """Add what follows from the moved fields: names, outcome, addresses, hashes, users."""
        self.add_names(event)
        for addition in self.additions(event):
            addition.add(event)

    def add_names(self, event: Event) -> None:
        """Add the names of programs."""
        for path, name in self.names:
            value = event.get(path)
            if type(value) is str and value:
                event[name] = base_name(value)

    def additions(self, present: Container[str]) -> Iterator[Addition]:
        """Yield what, beside names, adds anything to an event that has no keys but those `present`, in order."""
        if self._security:
            if _KEYWORDS in present and "event.outcome" not in present:
                yield Addition((_KEYWORDS,), _outcome)
            if _LOGON_TYPE in present:
                yield Addition((_LOGON_TYPE,), _logon_type)
        for native, key in self._copies:
            if native in present:
                yield Addition((native,), partial(_copied_address, key))
        if self._hashed in present:
            yield Addition((self._hashed,), self._split_hashes, self._digests)
        for user in self._users:
            if any(key and key in present for key in user.keys):
                yield Addition(user.keys, user.facts, user.kept)
        if COMMAND in present:
            yield Addition((COMMAND,), spellings)

    def _split_hashes(self, value: Value | None) -> Event:
        if type(value) is not str:
            return {}
        parts = self._digests.get(value)
        if parts is None:
            parts = {}
            for part in value.split(","):
                kind, equals, digest = part.partition("=")
                if equals and kind in self._hashes:
                    parts[self._hashes[kind]] = digest
            if len(self._digests) >= MAX_DIGESTS:
                self._digests.clear()
            if len(value) <= MAX_HASHES:
                self._digests[value] = parts
        return parts


def number_record(event: Event) -> None:
    """Make the record number an integer where it is one."""
    number = record_number(event.get(RECORD_ID))
    if number is not None:
        event[RECORD_ID] = number


def record_number(value: object) -> int | None:
    """Return a record number written in digits, or as a number, as a number; None for anything else."""
    if type(value) is str:
        return int(value) if len(value) < DIGITS and value.isdecimal() else None
    return value if type(value) is int and 0 <= value < 10**DIGITS // 10 else None


def identity(event: Event) -> str | None:
    """Return the id of an event by what Windows numbers its records with; None for one without a number."""
    record_id = event.get(RECORD_ID)
    if record_id is None:
        return None
    get, code = event.get, event["event.code"]
    return hashed_id(
        f"{get('winlog.computer_name')}{SEPARATOR}{get('winlog.channel')}{SEPARATOR}{record_id}{SEPARATOR}"
        f"{event['@timestamp']}{SEPARATOR}{get('winlog.provider_name')}{SEPARATOR}{code}"
    )


def _scalars(name: str, value: Any, event: Event) -> Any:
    """Return text, or a tuple of texts; structures go in under their own dotted names."""
    text = text_of(value)
    if text is not None:
        return text
    if isinstance(value, list):
        items = tuple(item for item in map(text_of, value) if item is not None)
        return items or None
    if isinstance(value, dict):
        for inner, item in value.items():
            nested = _scalars(f"{name}.{inner}", item, event)
            if nested is not None:
                event[native_key(f"{name}.{inner}")] = nested
    return None


unbraced = methodcaller("strip", BRACES)
"""A GUID without its braces."""


def integer(value: str) -> int | None:
    """Return a number in decimal or hexadecimal, None for any other text."""
    if len(value) < DIGITS and value.isdecimal():
        return int(value)
    try:
        number = int(value, 16) if value[:2] in ("0x", "0X") else int(value)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 63 else None


def _address(value: str) -> str | None:
    return value if short_address(value) else None


@lru_cache(maxsize=256)
def _audit_outcome(keywords: str) -> Event:
    try:
        # NXLog writes a decimal number, most with a sign.
        bits = int(keywords, 16 if keywords[:2] in ("0x", "0X") else 10)
    except ValueError:
        return {}
    if bits & _AUDIT_FAILURE:
        return {"event.outcome": "failure"}
    return {"event.outcome": "success"} if bits & _AUDIT_SUCCESS else {}


def base_name(path: str) -> str:
    """Return the last part of a Windows path."""
    return path[path.rfind("\\") + 1 :]


def _logon_type(value: Value | None) -> Event:
    logon_type = _LOGON_TYPES.get(value)  # type: ignore[arg-type]
    return {"winlog.logon.type": logon_type} if logon_type else {}


def _copied_address(key: str, value: Value | None) -> Event:
    address = short_address(value)
    return {key: address} if address else {}


def _outcome(keywords: Value | None) -> Event:
    return _audit_outcome(keywords) if isinstance(keywords, str) and len(keywords) < _LONGEST_KEYWORDS else {}
