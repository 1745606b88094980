"""A name of the internet that turns into an address of the office: the way of a web page past the browser's walls.

The page's owner answers first with a public address, a moment later with a private one, or with both at once; then the
page reads the office's devices as if they were its own server (CERT/CC VU#641862). What is only ever answered with a
private address is harmless and common: split DNS of the office, plex.direct, block lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from collector.analysers.askers import NEIGHBOURS
from collector.analysers.bounded import DAY, MINUTE, Quiet, Recent
from collector.analysers.domains import registered, serves_all
from collector.analysers.fields import texts
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, row
from collector.flows.record import OFFICE, Office
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

WINDOW = 10 * MINUTE
"""Between the public and the private answer. Tools change after seconds; browsers keep an answer for a minute or so."""
SHORT_LIVED = 300
"""Seconds that the private answer is good for at most: who wants it to replace another keeps it short. The office's own
zones and VPN, which a laptop meets after the public name, are usually good for an hour."""
BLOCKING = 3
"""Registered domains that an address answers for, from which on it is the page of a filter that blocks names."""
MOST = 8192
_INSIDE = Office((*OFFICE, "127.0.0.0/8", "::1/128"))


class DnsRebinding:
    """Notices `DNS::Rebinding`."""

    name = "dns_rebinding"
    paths = frozenset({"dns"})

    def __init__(self) -> None:
        self._public: Recent[str, int] = Recent(MOST)
        self._answered: Recent[str, set[str]] = Recent(MOST)
        self._quiet = Quiet(DAY, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a question with its answer."""
        flow, fields = entry.flow, entry.log.fields
        query, answers = fields.get("query"), texts(fields.get("answers"))
        if flow is None or flow.resp_p in NEIGHBOURS or not isinstance(query, str) or not answers:
            return
        domain, name = registered(query), query.lower()
        if not domain or serves_all(domain):
            return
        inside, outside = _sides(answers)
        at = entry.log.at
        before = self._public.get(name)
        if outside:
            self._public[name] = at
        if not inside or (fields.get("AA") and _is_inside(flow.resp_h)):
            return
        soon = before is not None and 0 <= at - before <= WINDOW and _shortest(fields.get("TTLs")) <= SHORT_LIVED
        blocks = [address for address in inside if self._blocks(address, domain)]
        if (outside or soon) and not blocks and self._quiet.may(f"{flow.orig_h} {domain}", at):
            said: dict[str, Value] = {"src": flow.orig_h, "query": query, "sub": domain, "answers": inside}
            yield notice("DNS::Rebinding", at, said)

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return what was noticed."""
        return {"quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was noticed before the restart."""
        self._quiet.recall(mapping(memory).get("quiet", []))

    def _blocks(self, address: str, domain: str) -> bool:
        domains = row(self._answered, address, set)
        if len(domains) < BLOCKING:
            domains.add(domain)
        return len(domains) >= BLOCKING


def _sides(answers: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the addresses of the office and those of the internet among answers."""
    inside: list[str] = []
    outside: list[str] = []
    for text in answers:
        place = _place(text)
        if place is not None:
            (inside if place else outside).append(text)
    return inside, outside


@lru_cache(maxsize=16_384)
def _place(text: str) -> bool | None:
    """Tell whether an address is one of the office; None for other texts and for addresses of nobody."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if address.is_unspecified or address.is_multicast else _INSIDE.holds(address.packed)


def _is_inside(address: str) -> bool:
    return _place(address) is True


def _shortest(ttls: Value | None) -> float:
    """Return the shortest time of answers in seconds; without any, 0."""
    numbers = [one for one in ttls if isinstance(one, int | float)] if isinstance(ttls, list | tuple) else []
    return min(numbers, default=0.0)
