"""The function that makes the values of a flat Windows record an event, written for one class and list of names.

Names and constants come into the source by `repr` only, everything else by names made here. The function gives None
for whatever it was not written for: other types than the first such record had, or anything that Windows never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from appliance.normalise.common import SEPARATOR, given_id, hashed_id
from appliance.normalise.decode import HIDDEN
from appliance.normalise.fields import NATIVE
from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.times import guess_time, parse_time
from appliance.normalise.windows_plan import BRACES, DIGITS, RECORD_ID, Plan, integer, record_number, unbraced
from appliance.normalise.windows_shape import DROP, TIMES, Shape, roomy

MODULE = "windows.eventlog"
Quick = Callable[[tuple[Any, ...], Source, int], Event | None]
"""From the values of a record, and the length of its line when it may hide things, to its event."""
_HOST, _PROVIDER = "winlog.computer_name", "winlog.provider_name"
_ROOM = 10
"""Fields that additions and a message bring at most."""


def written(plan: Plan, shape: Shape, record: Raw, code: int, channel: str) -> Quick | None:
    """Return the function for records like this one, None where only the general way will do."""
    time = next((name for name in TIMES if name in record), None)
    needed = {_HOST, _PROVIDER, RECORD_ID}
    if not channel or time is None or not 0 <= code <= 0xFFFF or not needed <= set(shape.keys):
        return None
    # Lists stay lists only where nothing is known of the field.
    plain = {key for key in shape.keys if key.startswith(NATIVE)} - {key for key, _, _ in shape.special}
    if any(type(value) is list and key not in plain for key, value in zip(shape.keys, record.values(), strict=True)):
        return None
    return _Writer(plan, shape, record).function(code, channel, time)


def _own_id(value: object, source: Source) -> str | None:
    return given_id({"event.id": value}, source)


def _listed(value: object) -> tuple[str, ...] | None:
    if type(value) is list and value and all(type(item) is str for item in value):
        return tuple(value)
    return None


def _decimal(name: str, otherwise: str) -> str:
    """Return the source of a text's number, where it is written in few digits."""
    return f"int({name}) if {name}.isdecimal() and len({name}) < {DIGITS} else {otherwise}"


class _Writer:
    """Writes one function: `vN` is the value at place N of the record, `tN` its text, `xN` something of ours."""

    def __init__(self, plan: Plan, shape: Shape, record: Raw) -> None:
        self._plan = plan
        self._shape = shape
        self._record = record
        self._place = {name: f"v{place}" for place, name in enumerate(record)}
        #: What the first such record has at a place is expected in the others too.
        self._types = {f"v{place}": type(value) for place, value in enumerate(record.values())}
        self._by_key = {key: f"v{place}" for place, key in enumerate(shape.keys) if key != DROP}
        self._space: dict[str, Any] = {"join": "".join, "dumps": orjson.dumps}

    def function(self, code: int, channel: str, time: str) -> Quick:
        """Return the function of a class whose events say in `time` when they happened."""
        fixed: Event = {"event.module": MODULE, "event.code": code, "winlog.channel": channel}
        lines = [
            "def event_of(values, source, length):",
            f" ({', '.join(self._place.values())},) = values",
            *self._typed(),
            *self._complete(),
            *self._kind(),
            *self._timed(self._place[time]),
            *self._created(),
            *self._numbered(),
            f" event = {self._named(self._template(fixed).copy)}()",
            *self._moved(),
            *self._names(),
            *self._emptied(),
            f" event['host.name'] = {self._by_key[_HOST]}",
            " event['@timestamp'] = moment",
            " event['event.created'] = created",
            " event['event.ingested'] = source.received_at",
            " event['agent.id'] = source.agent_id",
            *self._added(),
            *self._message(),
            *self._identity(code, channel),
            " return event",
        ]
        exec(compile("\n".join(lines), "<record>", "exec"), self._space)  # noqa: S102  repr and our own names only
        quick: Quick = self._space["event_of"]
        return quick

    def _named(self, thing: object) -> str:
        name = f"x{len(self._space)}"
        self._space[name] = thing
        return name

    def _typed(self) -> Iterator[str]:
        """Make the numbers texts, as Windows writes them, and the lists tuples."""
        for name, kind in self._types.items():
            if kind is int:
                yield f" if type({name}) is not int: return None"
                if name != self._place["EventID"]:
                    yield f" {self._text(name)} = str({name})"
            elif kind is list:
                yield " if length: return None"
                yield from (f" {name} = {self._named(_listed)}({name})", f" if {name} is None: return None")

    def _text(self, name: str) -> str:
        """Return what the text of a place is called: its number is still wanted where it says when or which."""
        wanted = name == self._by_key[RECORD_ID] or name not in self._by_key.values()
        return f"t{name}" if wanted and self._types[name] is int else name

    def _complete(self) -> Iterator[str]:
        """Give up when a value is no text, when there is a NUL, and when the line is too long.

        No JSON of these names and texts is shorter than orjson's. A line that is longer by what a member takes at
        least may hold one twice, of which the record shows only the last.
        """
        # The class says what the event id is.
        known = self._place["EventID"] if self._types[self._place["EventID"]] is int else None
        texts = [self._text(name) for name, kind in self._types.items() if kind is not list and name != known]
        # Two braces, and for each member its name, a colon, a comma that the last has not, and a text's quotes.
        size = 1 + sum(len(orjson.dumps(name)) + (2 if type(v) is int else 4) for name, v in self._record.items())
        size += len(str(self._record["EventID"])) if known else 0
        yield f" try: text = join(({', '.join(texts)},))"
        yield " except TypeError: return None"
        # Its quotes are counted already.
        yield f" if length and (length - len(dumps(text)) >= {size + HIDDEN - 2} or '\\0' in text): return None"
        yield f" if not ({self._by_key[_HOST]} and {self._by_key[_PROVIDER]}): return None"

    def _kind(self) -> Iterator[str]:
        module = self._place.get("event.module")
        if module is not None:
            yield f" if {module} != {MODULE!r}: return None"

    def _timed(self, place: str) -> Iterator[str]:
        if self._types[place] is int:
            yield f" if {place} >= {1 << 63}: return None"
        yield f" moment = {self._named(guess_time)}({place})"
        yield " if moment is None: return None"

    def _created(self) -> Iterator[str]:
        place = self._place.get("event.created")
        if place is None:
            yield " created = source.received_at"
        else:
            yield f" created = {self._named(parse_time)}({place})"
            yield " if created is None: return None"

    def _numbered(self) -> Iterator[str]:
        record_id = self._by_key[RECORD_ID]
        call = f"{self._named(record_number)}({record_id})"
        yield f" {record_id} = {_decimal(record_id, call) if self._types[record_id] is not int else call}"
        yield f" if {record_id} is None: return None"

    def _template(self, fixed: Event) -> Event:
        """Return an event with all keys in their order, to be copied and filled."""
        names = [name for path, name in self._plan.names if path in self._by_key]
        last = ("host.name", "@timestamp", "event.created", "event.ingested", "agent.id", "event.id")
        keys = dict.fromkeys((*self._plan.constants, *self._by_key, *names, *fixed, *last), "")
        return roomy({**keys, **self._plan.constants, **fixed}, _ROOM)

    def _moved(self) -> Iterator[str]:
        """Move the values; what does not fit its key goes to its native one."""
        special = {key: (native, convert) for key, native, convert in self._shape.special}
        for key, name in self._by_key.items():
            if key not in special:
                yield f" event[{key!r}] = {name}"
                continue
            native, convert = special[key]
            if convert is unbraced:
                yield f" event[{key!r}] = {name}.strip({BRACES!r})"
                continue
            call = f"{self._named(convert)}({name})"
            yield f" fitted = {_decimal(name, call) if convert is integer else call}"
            yield f" if fitted is not None: event[{key!r}] = fitted"
            yield f" else: del event[{key!r}]; event[{native!r}] = {name}"

    def _names(self) -> Iterator[str]:
        """Write `windows_plan.base_name`."""
        for path, name in self._plan.names:
            if path in self._by_key:
                value = self._by_key[path]
                yield f" event[{name!r}] = {value}[{value}.rfind('\\\\') + 1:]"

    def _emptied(self) -> Iterator[str]:
        """Take away the empty System attributes, and names of programs without a path."""
        absent = {key: key for key in self._shape.system if key not in (RECORD_ID, _HOST, _PROVIDER)}
        absent |= {name: path for path, name in self._plan.names if path in self._by_key}
        if absent:
            yield f" if not ({' and '.join(self._by_key[key] for key in absent.values())}):"
            for key, of in absent.items():
                yield f"  if not {self._by_key[of]}: del event[{key!r}]"

    def _added(self) -> Iterator[str]:
        """Add what follows from the fields."""
        natives = {native for _, native, _ in self._shape.special}
        read: set[str] = set()
        for addition in self._plan.additions({*self._by_key, *self._plan.constants, *natives}):
            values = ", ".join(self._value(key, read) for key in addition.keys)
            read |= set(addition.keys)
            call = f"{self._named(addition.facts)}({values})"
            if addition.kept is None:
                yield f" added = {call}"
            else:
                kept = f"({values})" if len(addition.keys) > 1 else values
                yield f" added = {self._named(addition.kept)}.get({kept})"
                yield f" if added is None: added = {call}"
            yield " if added: event.update(added)"

    def _value(self, key: str, read: set[str]) -> str:
        """Return the value of a key: the place's own where nothing has changed it."""
        if key in self._by_key and key not in read and key not in {special for special, _, _ in self._shape.special}:
            return self._by_key[key]
        return f"event.get({key!r})" if key else "None"

    def _message(self) -> Iterator[str]:
        place = self._place.get("message")
        if place is not None and self._types[place] is not int:
            yield f" if {place}: event['message'] = {place}"

    def _identity(self, code: int, channel: str) -> Iterator[str]:
        """Write `windows_plan.identity` with what is known here."""
        host, record_id, provider = self._by_key[_HOST], self._by_key[RECORD_ID], self._by_key[_PROVIDER]
        middle, between = self._named(f"{SEPARATOR}{channel}{SEPARATOR}"), self._named(SEPARATOR)
        parts = (host, middle, record_id, between, "moment", between, provider, between, str(code))
        made = f"{self._named(hashed_id)}(f'{''.join(f'{{{part}}}' for part in parts)}')"
        given = self._place.get("event.id")
        own = "" if given is None else f"{self._named(_own_id)}({given}, source) or "
        yield f" event['event.id'] = {own}{made}"
