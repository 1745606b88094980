"""Which end of a flow is the office's own, said in every log where the office's networks were named.

Logs of connections say it always. The others need it only where it does not follow from private addresses, which is
what their readers go by.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from collector.flows.record import Office
from collector.heads.head import Entry
from collector.protocols.model import Log


class Sides:
    """Knows the office's networks."""

    def __init__(self, office: Office, *, named: bool) -> None:
        """`named` says whether somebody named the networks, so that all logs tell the ends, not connections alone."""
        self._named = named
        self._own = lru_cache(maxsize=16_384)(lambda address: office.holds(ip_address(address).packed))

    def say(self, entry: Entry) -> Entry:
        """Return a log with `local_orig` and `local_resp`, where it has to say them."""
        flow, log = entry.flow, entry.log
        if flow is None or not (self._named or log.path == "conn") or "local_orig" in log.fields:
            return entry
        ends = {"local_orig": self._own(flow.orig_h), "local_resp": self._own(flow.resp_h)}
        return Entry(Log(log.path, log.at, {**log.fields, **ends}), entry.uid, flow)
