"""Data in names: many different names without meaning under one registered domain (MITRE ATT&CK T1071.004, T1572).

What is counted of a source and a domain within six hours: names whose part before the domain has sixteen signs or
more and looks made by a machine. Harmless programs do so too, under domains of their makers (data/services.txt) that
nobody else can serve; all others must reach NAMES different ones, and enough data in the names or in the answers of
types that carry data. A slow tunnel of a question every five minutes reaches that; so does an idle one of dnscat2,
whose names have 18 signs. Names that contain an address are those that providers give their customers. Names that end
in no domain at all are counted by the server that is asked: tools speak straight to theirs so.

Two disguises are seen, too. Who spreads names over several domains has them counted together, where each domain has
PART of them. Where the answers bring data, the names may be short: a number that grows is enough to ask for the next.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from collector.analysers.askers import NEIGHBOURS, Askers
from collector.analysers.bounded import DAY, HOUR, Quiet, Recent
from collector.analysers.domains import nowhere, serves_all, split
from collector.analysers.fields import texts
from collector.analysers.model import Memory, notice
from collector.analysers.names import GENERATED, entropy, surprise
from collector.analysers.rows import MOST_TOLD, mapping, row
from collector.heads.head import Entry
from collector.protocols.model import Log

WINDOW = 6 * HOUR
NAMES = 64
"""Different names within the window. Measuring scripts of web pages ask for a handful of invented names."""
UP = 2_000
"""Signs in the names: 64 names of 32, or more of shorter ones."""
DOWN = 4_096
"""Signs in the answers that carry data."""
PAYLOAD = 16
"""Signs before the domain that are data; a host name is rarely longer, and then it has a meaning."""
CARRIES = frozenset({"TXT", "NULL", "CNAME", "MX", "SRV", "PRIVATE", "query-65399"})
"""Types whose answers hold more than an address (iodine, dnscat2 and dns2tcp use these)."""
BRINGS = frozenset({"TXT", "NULL", "CNAME", "PRIVATE", "query-65399"})
"""Types of which computers of an office ask no many names of one domain; mail servers ask TXT of many domains."""
BROUGHT = 64
"""Signs of an answer that brings data: half of the smallest packet of such tools."""
PART, PARTS = 16, 2 * NAMES
"""Names under one domain of several, and under all of these. Pages and programs bring a handful of each domain."""
_ADDRESS = re.compile(r"(?:\d{1,3}[-.x_]){2}\d{1,3}")
"""Three numbers with dashes or dots: what providers call their customers' connections."""
SHOWN = 5
MOST_TALKS = 4096
MOST_NAMES = 512
MOST_SPREAD, MOST_DOMAINS = 1024, 64


class _Talk:
    """One source's questions for one domain."""

    __slots__ = ("began", "carrying", "down", "names", "questions", "signs", "up")

    def __init__(self, began: int) -> None:
        self.began = began
        self.questions = self.carrying = self.up = self.down = 0
        self.names: set[int] = set()
        self.signs: Counter[str] = Counter()

    def take(self, payload: str, kind: str, answers: Sequence[str]) -> None:
        """Count a question whose name carries something."""
        self.questions += 1
        if kind in CARRIES:
            self.carrying += 1
            self.down += sum(map(len, answers))
        mark = hash(payload)
        if mark not in self.names and len(self.names) < MOST_NAMES:
            self.names.add(mark)
            self.up += len(payload)
            self.signs.update(payload)

    @property
    def full(self) -> bool:
        """Whether it is a tunnel: new names nearly each time, with data one way or the other."""
        fresh = len(self.names) * 3 >= self.questions or len(self.names) == MOST_NAMES
        return len(self.names) >= NAMES and fresh and (self.up >= UP or self.down >= DOWN)


class _Spread:
    """One source's names that carry something, by their domains."""

    __slots__ = ("began", "names")

    def __init__(self, began: int) -> None:
        self.began = began
        self.names: dict[str, tuple[int, int]] = {}

    def take(self, domain: str, talk: _Talk) -> None:
        """Take how many names a domain has by now, and their signs."""
        self.names[domain] = len(talk.names), talk.up
        if len(self.names) > MOST_DOMAINS:
            del self.names[min(self.names, key=self.names.__getitem__)]

    @property
    def parts(self) -> list[str]:
        """The domains over which a tunnel is spread; none where there is no tunnel."""
        found = {domain: one for domain, one in self.names.items() if one[0] >= PART}
        names, up = (sum(one[place] for one in found.values()) for place in (0, 1))
        return sorted(found) if len(found) > 1 and names >= PARTS and up >= 2 * UP else []


class DnsTunnel:
    """Notices `DNS::Tunnel`."""

    name = "dns_tunnel"
    paths = frozenset({"dns"})

    def __init__(self) -> None:
        self._talks: Recent[tuple[str, str], _Talk] = Recent(MOST_TALKS)
        self._spread: Recent[str, _Spread] = Recent(MOST_SPREAD)
        self._askers = Askers()
        self._quiet = Quiet(DAY, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a question with its answer."""
        flow, fields = entry.flow, entry.log.fields
        query = fields.get("query")
        if flow is None or not isinstance(query, str) or flow.resp_p in NEIGHBOURS:
            return
        before, domain = (query, flow.resp_h) if nowhere(query) else split(query)
        payload, kind = before.replace(".", ""), str(fields.get("qtype_name", ""))
        answers = texts(fields.get("answers"))
        if _ADDRESS.search(before) or serves_all(domain) or not (_carries(payload) or _brings(payload, kind, answers)):
            return
        if not self._askers.of_its_own(flow, domain):
            return
        at, key = entry.log.at, (flow.orig_h, domain)
        talk = row(self._talks, key, lambda: _Talk(at))
        if abs(at - talk.began) > WINDOW:
            talk = _Talk(at)
            self._talks[key] = talk
        talk.take(payload, kind, answers)
        parts = self._parts(flow.orig_h, domain, talk, at)
        if talk.full and self._quiet.may(f"{flow.orig_h} {domain}", at):
            yield _told(talk, flow.orig_h, query, domain, at)
        elif parts and not talk.full and self._quiet.may(flow.orig_h, at):
            yield _told(talk, flow.orig_h, query, ", ".join(parts[:SHOWN]), at)

    def _parts(self, source: str, domain: str, talk: _Talk, at: int) -> list[str]:
        """Return the domains over which a source spreads a tunnel."""
        spread = row(self._spread, source, lambda: _Spread(at))
        if abs(at - spread.began) > WINDOW:
            spread = _Spread(at)
            self._spread[source] = spread
        spread.take(domain, talk)
        return spread.parts

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return what was noticed."""
        return {"quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was noticed before the restart."""
        self._quiet.recall(mapping(memory).get("quiet", []))


def _carries(payload: str) -> bool:
    """Tell whether what stands before a domain is data."""
    return len(payload) >= PAYLOAD and surprise(payload) >= GENERATED


def _brings(payload: str, kind: str, answers: Sequence[str]) -> bool:
    """Tell whether an answer is data that its question has a name of its own for."""
    return bool(payload) and kind in BRINGS and sum(map(len, answers)) >= BROUGHT


def _told(talk: _Talk, source: str, query: str, domain: str, at: int) -> Log:
    return notice(
        "DNS::Tunnel",
        at,
        {
            "src": source,
            "query": query,
            "sub": domain,
            "n": len(talk.names),
            "bytes_up": talk.up,
            "bytes_down": talk.down,
            "carrying_share": round(talk.carrying / talk.questions, 2),
            "entropy": round(entropy(talk.signs), 2),
        },
    )
