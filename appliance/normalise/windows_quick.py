"""Flat Windows records by one generated function a list of names: the fast way, which must equal the general one.

Agents and exports repeat the same names in the same order, so a function is written for each class of events and
list of names, and kept, bounded. A record that is in any way unusual is left to the general way. Names come into the
source by `repr` only, everything else by names made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from appliance.normalise.common import given_id
from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.schema import windows
from appliance.normalise.times import guess_time, parse_time
from appliance.normalise.windows_plan import MAX_NAME, RECORD_ID, Plan, base_name, identity, plan_for, record_number
from appliance.normalise.windows_shape import DROP, MAX_NAMES, TIMES, Shape, flat_shape

MODULE = "windows.eventlog"
MAX_KEPT = 1024
"""Functions that are kept."""
Quick = Callable[[tuple[Any, ...], Source], Event | None]
"""From the values of a record to its event; None when the general way must decide."""
_UNSEEN: Any = object()
_HOST, _PROVIDER = "winlog.computer_name", "winlog.provider_name"
_kept: dict[tuple[object, ...], Quick | None] = {}


def quick_for(record: Raw) -> Quick | None:
    """Return the function for records of this class and these names, None when there is none."""
    code, channel = record["EventID"], record.get("Channel")
    if type(code) is not int or type(channel) is not str or len(record) > MAX_NAMES or len(channel) > MAX_NAME:
        return None
    kind = (code, channel, *record)
    quick = _kept.get(kind, _UNSEEN)
    if quick is _UNSEEN:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        quick = _kept[kind] = _made(code, windows().channel_aliases.get(channel, channel), record)
    return quick  # type: ignore[no-any-return]


def _made(code: int, channel: str, record: Raw) -> Quick | None:
    plan, names = plan_for(channel, code), tuple(record)
    shape = flat_shape(plan, names)
    time = next((name for name in TIMES if name in names), None)
    needed = {_HOST, _PROVIDER, RECORD_ID}
    if shape is None or not channel or time is None or not 0 <= code <= 0xFFFF or not needed <= set(shape.keys):
        return None
    return _Writer(plan, shape, record).function(code, channel, time)


def _own_id(value: object, source: Source) -> str | None:
    return given_id({"event.id": value}, source)


class _Writer:
    """Writes one function: `vN` is the value at place N of the record, `xN` something that is called."""

    def __init__(self, plan: Plan, shape: Shape, record: Raw) -> None:
        self._plan = plan
        self._shape = shape
        self._place = {name: f"v{place}" for place, name in enumerate(record)}
        #: Whole numbers in the first such record are expected in the others too.
        self._numbers = [f"v{place}" for place, value in enumerate(record.values()) if type(value) is int]
        self._by_key = {key: f"v{place}" for place, key in enumerate(shape.keys) if key != DROP}
        self._space: dict[str, Any] = {"join": "".join}

    def function(self, code: int, channel: str, time: str) -> Quick:
        """Return the function of a class whose events say in `time` when they happened."""
        texts = [name for key, name in self._by_key.items() if key != RECORD_ID]
        full = [self._by_key[key] for key in self._never_empty()]
        lines = [
            "def event_of(values, source):",
            f" ({', '.join(self._place.values())},) = values",
            *self._spelled(),
            f" try: join(({', '.join(texts)},))",
            " except TypeError: return None",
            f" if not ({' and '.join(full)}): return None",
            *self._converted("moment", f"{self._named(guess_time)}({self._place[time]})"),
            *self._created(),
            *(line for key, call in self._conversions() for line in self._converted(self._by_key[key], call)),
            f" event = {{{', '.join(self._pairs(code, channel))}}}",
            *(f" {self._named(add)}(event)" for add in self._plan.additions(self._present())),
            *self._message(),
            *self._identity(),
            " return event",
        ]
        exec(compile("\n".join(lines), "<record>", "exec"), self._space)  # noqa: S102  repr and our own names only
        quick: Quick = self._space["event_of"]
        return quick

    def _named(self, thing: object) -> str:
        name = f"x{len(self._space)}"
        self._space[name] = thing
        return name

    @staticmethod
    def _converted(name: str, call: str) -> list[str]:
        return [f" {name} = {call}", f" if {name} is None: return None"]

    def _spelled(self) -> Iterator[str]:
        """Make the numbers texts, as Windows writes them."""
        for key, name in self._by_key.items():
            if name in self._numbers and key != RECORD_ID:
                yield f" if type({name}) is not int: return None"
                yield f" {name} = str({name})"

    def _never_empty(self) -> list[str]:
        """Return the keys that stay away, or give nothing to derive, when they are empty."""
        named = {path for path, _ in self._plan.names}
        wanted = (named | set(self._shape.system)) - {RECORD_ID}
        return [key for key in self._by_key if key in wanted]

    def _conversions(self) -> Iterator[tuple[str, str]]:
        yield RECORD_ID, f"{self._named(record_number)}({self._by_key[RECORD_ID]})"
        for key, _, convert in self._shape.special:
            yield key, f"{self._named(convert)}({self._by_key[key]})"

    def _created(self) -> list[str]:
        place = self._place.get("event.created")
        if place is None:
            return [" created = source.received_at"]
        return self._converted("created", f"{self._named(parse_time)}({place})")

    def _pairs(self, code: int, channel: str) -> Iterator[str]:
        """Return the items of the event as source text; of two for one key the later counts."""
        for key, constant in self._plan.constants.items():
            yield f"{key!r}: {constant!r}"
        for key, name in self._by_key.items():
            yield f"{key!r}: {name}"
        for path, name in self._plan.names:
            if path in self._by_key:
                yield f"{name!r}: {self._named(base_name)}({self._by_key[path]})"
        host = self._by_key[_HOST]
        yield f"'event.module': {MODULE!r}, 'event.code': {code}, 'winlog.channel': {channel!r}, 'host.name': {host}"
        yield "'@timestamp': moment, 'event.created': created, 'event.ingested': source.received_at"
        yield "'agent.id': source.agent_id, 'event.id': ''"

    def _present(self) -> set[str]:
        return {*self._by_key, *self._plan.constants}

    def _message(self) -> list[str]:
        place = self._place.get("message")
        return [] if place is None else [f" if {place} and type({place}) is str: event['message'] = {place}"]

    def _identity(self) -> list[str]:
        made = f"{self._named(identity)}(event)"
        given = self._place.get("event.id")
        own = "" if given is None else f"{self._named(_own_id)}({given}, source) or "
        return [f" event['event.id'] = {own}{made}"]
