"""Malware that looks for its server: registered domains with names made by a machine that do not exist (T1568.002).

The correlation dns_generated_names finds a burst; this one remembers a day, so that one an hour is found as well, and
judges by a model instead of endings. Only different registered domains count: a browser's test asks for single labels,
a mail server's lists and a program's services lie under one domain each. Names put together of whole words are not told
from those that people chose.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.analysers.askers import NEIGHBOURS, Askers
from collector.analysers.bounded import DAY, Quiet, Recent
from collector.analysers.domains import split
from collector.analysers.model import Memory, notice
from collector.analysers.names import GENERATED, surprise
from collector.analysers.rows import MOST_TOLD, mapping, newest, row
from collector.heads.head import Entry
from collector.protocols.model import Log

WINDOW = DAY
DOMAINS = 10
"""Different domains within the window. Mistyped and abandoned names are two or three a day, and most look chosen."""
SHORTEST = 8
"""Signs of a label that is judged: shorter ones look like abbreviations."""
MOST_SOURCES = 2048
MOST_DOMAINS = 64
MOST_REMEMBERED = 100
SHOWN = 5


class DnsGenerated:
    """Notices `DNS::Generated_Names`."""

    name = "dns_generated"
    paths = frozenset({"dns"})

    def __init__(self) -> None:
        self._missed: Recent[str, dict[str, int]] = Recent(MOST_SOURCES)
        self._askers = Askers()
        self._quiet = Quiet(DAY, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a question with its answer."""
        flow, fields = entry.flow, entry.log.fields
        query = fields.get("query")
        if flow is None or not isinstance(query, str) or flow.resp_p in NEIGHBOURS:
            return
        if fields.get("rcode_name") != "NXDOMAIN":
            return
        domain = split(query)[1]
        label = domain.partition(".")[0]
        if len(label) < SHORTEST or label.startswith("xn--") or surprise(label) < GENERATED:
            return
        if not self._askers.of_its_own(flow, domain):
            return
        at = entry.log.at
        missed = row(self._missed, flow.orig_h, dict)
        missed[domain] = at
        if len(missed) >= DOMAINS:
            _forget(missed, at)
        if len(missed) >= DOMAINS and self._quiet.may(flow.orig_h, at):
            shown = ", ".join(list(missed)[-SHOWN:])
            yield notice(
                "DNS::Generated_Names", at, {"src": flow.orig_h, "query": query, "n": len(missed), "sub": shown}
            )

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return what was missed and what was noticed."""
        kept = [(host, list(missed.items())[-DOMAINS:]) for host, missed in newest(self._missed, MOST_REMEMBERED)]
        return {"missed": {host: dict(last) for host, last in kept}, "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        for source, missed in mapping(kept.get("missed", {})).items():
            domains = list(mapping(missed).items())[-DOMAINS:]
            self._missed[source] = {name: int(at) for name, at in domains}


def _forget(missed: dict[str, int], now: int) -> None:
    for domain in [domain for domain, at in missed.items() if abs(now - at) > WINDOW]:
        del missed[domain]
    while len(missed) > MOST_DOMAINS:
        del missed[next(iter(missed))]
