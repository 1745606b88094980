"""What a connection's target is called, and how many computers of the office know it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.analysers.bounded import Recent
from collector.analysers.domains import registered, serves_all
from collector.analysers.fields import texts
from collector.analysers.rows import row
from collector.heads.head import Entry
from collector.protocols.model import Flow

PATHS = frozenset({"conn", "conn_long", "dns", "http", "ssl"})
"""Logs that say it."""
CONNECTIONS = frozenset({"conn", "conn_long"})
"""Logs of those who share what another one learns."""
MOST_FLOWS = 16_384
MOST_ADDRESSES, MOST_NAMES = 8192, 8
LITTLE = 200
"""Addresses in answers of DNS: fewer say that the mirror port does not show them, or that the sensor began just now."""
MOST_TARGETS = 16_384
MOST_NUMBER = 1 << 60
MOST_REMEMBERED = 1000
MANY = 4
"""Computers of the office that use a target, from which on it is a service that several people use."""


class Names:
    """Names of servers: what the connection itself says, else what DNS last answered with the address.

    Analysers of the same logs share one. Whoever sees all logs first lets it learn; a log is asked about by several.
    """

    def __init__(self) -> None:
        self._asked: tuple[Entry | None, str] = (None, "")
        self._flows: Recent[str, str] = Recent(MOST_FLOWS)
        self._addresses: Recent[str, tuple[str, ...]] = Recent(MOST_ADDRESSES)

    def learn(self, entry: Entry) -> None:
        """Take any log."""
        path, fields = entry.log.path, entry.log.fields
        if path == "dns":
            query = fields.get("query")
            if isinstance(query, str):
                self._answered(query.lower(), texts(fields.get("answers")))
        elif path in {"ssl", "http"} and entry.uid:
            name = fields.get("server_name" if path == "ssl" else "host")
            if isinstance(name, str) and name:
                self._flows[entry.uid] = name.lower()

    def of(self, entry: Entry, flow: Flow) -> str:
        """Return the name of a connection's target; empty when nobody said it. A connection that ended is forgotten."""
        if entry is not self._asked[0]:
            said = (self._flows.pop if entry.log.path == "conn" else self._flows.get)(entry.uid)
            self._asked = entry, said or (self._addresses.get(flow.resp_h) or ("",))[-1]
        return self._asked[1]

    def serves_all(self, name: str, flow: Flow) -> bool:
        """Tell whether a target is a service that programs of an office ask by themselves.

        A client may write any name into its hello. So DNS must have given the address for a name of the same domain,
        unless the sensor sees little of DNS, or none.
        """
        if not serves_all(name):
            return False
        asked = self._addresses.get(flow.resp_h) or ()
        return len(self._addresses) < LITTLE or any(registered(one) == registered(name) for one in asked)

    def _answered(self, query: str, answers: Iterable[str]) -> None:
        for answer in answers:
            if ":" not in answer and not answer.replace(".", "").isdigit():
                # A name on the way, or the text of another kind of record.
                continue
            names = self._addresses.get(answer) or ()
            if query not in names[-1:]:
                others = tuple(one for one in names if one != query)
                names = (*others, query)[-MOST_NAMES:]
            self._addresses[answer] = names


class Users:
    """Computers of the office that use a target."""

    def __init__(self, many: int = MANY) -> None:
        self._many = many
        self._users: Recent[str, set[str]] = Recent(MOST_TARGETS)

    def used(self, target: str, source: str) -> int:
        """Take it that a computer uses a target; return how many do, as far as `many`."""
        users = row(self._users, target, set)
        if len(users) < self._many:
            users.add(source)
        return len(users)

    def memory(self) -> list[str]:
        """Return the targets that many use."""
        return [target for target, users in self._users.items() if len(users) >= self._many][-MOST_REMEMBERED:]

    def recall(self, memory: Any) -> None:
        """Take what `memory` returned."""
        for target in list(memory)[:MOST_REMEMBERED]:
            self._users[str(target)] = set(map(str, range(self._many)))


def outwards(entry: Entry) -> bool:
    """Tell whether a log of a connection is of one that went out and was answered."""
    fields = entry.log.fields
    if not fields.get("local_orig") or fields.get("local_resp"):
        return False
    return bool(carried(entry, "orig")) and bool(carried(entry, "resp"))


def carried(entry: Entry, side: str) -> int:
    """Return the payload of a side (`orig`, `resp`); where a sensor does not tell it, the bytes of its packets."""
    told = f"{side}_bytes"
    return number(entry, told if told in entry.log.fields else f"{side}_ip_bytes")


def number(entry: Entry, name: str) -> int:
    """Return a field that counts, at most MOST_NUMBER; 0 when it is not there."""
    value = entry.log.fields.get(name, 0)
    return int(max(0, min(value, MOST_NUMBER))) if isinstance(value, int | float) else 0
