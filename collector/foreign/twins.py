"""What two sensors have both seen: a log of another one is left out where our own has told the same of that flow.

A flow is known by its community id. Another sensor's log waits a while, since ours may come later.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from functools import lru_cache

from collector.flows.record import community_id
from collector.heads.head import Entry
from collector.protocols.model import Flow

MAX_KNOWN = 200_000
"""Logs of flows that are remembered, the latest."""
WAIT = 5_000_000
WAIT_CONN = 90_000_000
"""Microseconds that another sensor's log waits; ours of a flow's end comes after up to 60 s of silence."""
_PROTOCOLS = {"tcp": 6, "udp": 17}
_SIGNATURE = {"notice": "note", "weird": "name"}
"""Logs that tell what somebody noticed in a flow: they are the same only when this field says the same, too."""
_Key = tuple[str, object, str]


class Twins:
    """Remembers which logs our own sensor has told of which flows."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, None] = OrderedDict()

    def note(self, entry: Entry) -> None:
        """Take a log of our own."""
        key = _key(entry)
        if key is None:
            return
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def knows(self, entry: Entry) -> bool:
        """Tell whether our own sensor has told the same log of the same flow."""
        key = _key(entry)
        return key is not None and key in self._known


def wait(entry: Entry) -> int:
    """Return how long a log of another sensor waits, in microseconds."""
    return WAIT_CONN if entry.log.path == "conn" else WAIT


def _key(entry: Entry) -> _Key | None:
    # What a log says of itself comes second: another sensor's may be made with another seed.
    made = _of_flow(entry.flow) if entry.flow is not None else None
    known = made or entry.log.fields.get("community_id")
    path, fields = entry.log.path, entry.log.fields
    return (path, fields.get(_SIGNATURE.get(path, "")), known) if isinstance(known, str) else None


@lru_cache(maxsize=8192)
def _of_flow(flow: Flow) -> str | None:
    proto = _PROTOCOLS.get(flow.transport)
    if proto is None:
        return None
    try:
        orig, resp = _packed(flow.orig_h), _packed(flow.resp_h)
    except OSError:
        return None
    return community_id(proto, (orig, flow.orig_p), (resp, flow.resp_p))


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
