"""Who hands out addresses and routes, and who suddenly does, too.

`DHCP::Unknown_Server`: a DHCP server (v4 or v6) that was never here answered. `ND::Unknown_Router`: a card announces
itself as a router of IPv6 that never did. Two servers at once are seen by a correlation already; this remembers for
months who they are, so that the stranger is named, and found when the office's own server is silent, too.

What is known: everyone seen while the sensor learned, and everyone who was there for longer than KNOWN. A relay changes
nothing: the server's own address stands in its answer. The card of a router that several devices share (VRRP, HSRP) is
known as soon as it is seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.analysers.bounded import DAY, Learning, Quiet, Recent
from collector.analysers.cards import is_card, is_shared, maker
from collector.analysers.fields import known, texts
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

LEARN = DAY
"""Time watched before anything is noticed: leases are renewed after half their time (RFC 2131, 4.4.5), so in a day
with its morning every server of the office answers somebody."""
KNOWN = 7 * DAY
"""Who is there for so long belongs here: the office had a week of notices, one a day, to object."""
AGAIN = DAY
MOST = 256
_ANSWERS = frozenset({"OFFER", "ACK", "ADVERTISE", "REPLY"})


class Servers:
    """Remembers DHCP servers by their addresses and routers by their cards, since when they are seen."""

    name = "servers"
    paths = frozenset({"dhcp", "dhcpv6", "nd", "arp"})

    def __init__(self) -> None:
        self._learning = Learning(LEARN)
        self._since: Recent[str, int] = Recent(MOST)
        self._quiet = Quiet(AGAIN, MOST)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log of these paths; ARP only tells that time goes by."""
        log, fields = entry.log, entry.log.fields
        self._learning.awake = True
        if log.path == "nd":
            mac = str(fields["src_mac"])
            if fields["op"] == "router_advertisement" and is_card(mac) and not is_shared(mac) and _leads(log):
                told = {"src": fields["src_ip"], "src_mac": mac, "vendor": maker(mac).vendor}
                told["prefixes"] = fields.get("prefixes", "")
                told["resolvers"] = fields.get("resolvers", "")
                yield from self._seen("ND::Unknown_Router", mac, log.at, told)
        elif log.path != "arp" and _ANSWERS.intersection(texts(fields.get("msg_types"))) and "server_addr" in fields:
            server = str(fields["server_addr"])
            names = ("routers", "dns_servers", "domain", "proxy_script", "boot_server", "boot_file", "server_mac")
            told = {"src": server, **{name: fields[name] for name in names if name in fields}}
            # A DHCPv6 server's DUID stays when its link-local address changes.
            subject = str(fields.get("server_duid", server))
            yield from self._seen("DHCP::Unknown_Server", subject, log.at, told)

    def tick(self, now: int) -> Iterable[Log]:
        """Count the time that was watched; nothing is due by time alone."""
        self._learning.tick(now)
        return ()

    def memory(self) -> Memory:
        """Return who was seen since when."""
        since = [[subject, at] for subject, at in self._since.items()]
        return {"watched": self._learning.watched, "since": since, "noticed": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("servers")
        since = Recent[str, int](MOST, ((str(subject), int(at)) for subject, at in memory["since"]))
        self._quiet.recall(memory["noticed"])
        self._learning.watched, self._since = int(memory["watched"]), since

    def _seen(self, note: str, subject: str, at: int, told: dict[str, Value]) -> Iterable[Log]:
        since = self._since.get(subject)
        if since is None:
            # Who is seen while the sensor learns counts as one who was always here.
            self._since[subject] = since = at if self._learning.over else at - KNOWN
        if at - since < KNOWN and self._quiet.may(subject, at):
            yield notice(note, at, known(told))


def _leads(log: Log) -> bool:
    """Tell whether an announcement leads anybody's traffic anywhere: a route, a prefix, or a name server."""
    return bool(log.fields.get("lifetime") or log.fields.get("prefixes") or log.fields.get("resolvers"))
