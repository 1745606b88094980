"""A known address that is now claimed by another card.

`ARP::Binding_Changed`: a card says that an address is its own which another card has had. `role` says what the address
is: `gateway`, `dns`, `dhcp` (as the office's DHCP servers told it, or as the traffic out of the office showed) or
`host`. Gateways and servers are remembered for as long as their cards speak; of other addresses only a change is
noticed while the old card was there a moment ago. `ARP::Stands_Between`: a card claims addresses of several others, who
go on to claim them themselves. `ARP::Gratuitous_Storm`: a card tells without end, unasked, that
addresses are its own.

Harmless, and not noticed: a card that several devices share (VRRP, CARP, HSRP, GLBP), the card that a gateway or server
had before, as in a pair of firewalls, an address that DHCP gave to another card, an address whose last owner is silent,
a team of cards that answers for the addresses of its device, a router that answers for others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from collector.analysers.bounded import DAY, HOUR, MINUTE, SECOND, Quiet, Recent
from collector.analysers.cards import is_card, is_shared, maker
from collector.analysers.disputes import Disputes, is_team
from collector.analysers.fields import Fields, known, texts
from collector.analysers.model import Memory, notice
from collector.heads.head import Entry
from collector.protocols.model import Log, Value

MOST = 2048
"""Addresses that are remembered: eight full networks of an office."""
MOST_ROLES = 256
FRESH = 30 * MINUTE
"""A card that was silent for longer no longer holds an ordinary address: neighbours forget within minutes (RFC 4861,
10: 30 s; Windows the same for ARP), so a card that works speaks in that time."""
FRESH_ROLE = DAY
"""A gateway or server whose card was silent for longer was exchanged; until then the old card is believed."""
AGAIN = DAY
"""One claim of a card to an address is noticed once in this time."""
AGAIN_HOST = HOUR
"""All claims of one card to ordinary addresses are noticed once in this time: who stands between all stations and the
gateway claims every address."""
AGAIN_SAME = 30 * DAY
"""A claim to an ordinary address that was noticed is not noticed again until it was not heard for this long: two cards
of one device that answer for one address go on for years."""
ROUTES = 20
"""Connections out of the office over a card after which the addresses of that card count as gateways."""
STORM, STORM_TIME = 120, 60 * SECOND
"""Unasked claims of one card in this time: two a second. A pair of firewalls that change places tells each of its
addresses a few times at once; tools that poison tell it every second for each of their victims, without end."""
SHOWN = 5
"""Addresses that a notice names."""
_FROM_SERVER = frozenset({"OFFER", "ACK"})
_NEITHER = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what a card says that has no address yet


_WORST = ("gateway", "dns", "dhcp")


class _Bound(NamedTuple):
    """The card that has an address, when it last said so, and the card that had it before."""

    mac: str
    at: int
    before: str = ""


class Bindings:
    """Remembers which card has which address, for IPv4 and IPv6."""

    name = "bindings"
    paths = frozenset({"arp", "nd", "dhcp", "conn"})

    def __init__(self) -> None:
        self._bound: Recent[str, _Bound] = Recent(MOST)
        self._given: Recent[str, str] = Recent(MOST)
        self._roles: Recent[str, str] = Recent(MOST_ROLES)
        self._routes: Recent[str, int] = Recent(MOST_ROLES)
        self._unasked: Recent[str, tuple[int, int]] = Recent(1024)
        self._quiet = Quiet(AGAIN, 512)
        self._quiet_hosts = Quiet(AGAIN_HOST, 512)
        self._quiet_storms = Quiet(AGAIN_HOST, 512)
        self._quiet_between = Quiet(AGAIN, 512)
        self._known_claims: Recent[str, int] = Recent(MOST)
        self._disputes = Disputes()

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log of these paths."""
        if entry.log.path == "conn":
            self._routed(entry.log.fields)
            return ()
        return self._told(entry.log)

    def _told(self, log: Log) -> Iterable[Log]:
        fields = log.fields
        match log.path:
            case "dhcp":
                self._leased(fields)
            case "arp":
                yield from self._claim(log.at, str(fields["src_ip"]), str(fields["src_mac"]))
                if fields.get("gratuitous"):
                    yield from self._told_unasked(log.at, fields)
            case "nd" if fields["op"] == "router_advertisement" and fields.get("lifetime"):
                self._role(str(fields["src_ip"]), "gateway")
                yield from self._claim(log.at, str(fields["src_ip"]), str(fields["src_mac"]))
            case "nd" if fields["op"] == "neighbour_advertisement":
                mac = fields.get("link_mac", fields["src_mac"])
                yield from self._claim(log.at, str(fields["target"]), str(mac))

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing is due by time alone."""
        return ()

    def memory(self) -> Memory:
        """Return the cards of addresses, and what the addresses are."""
        return {
            "bound": [[ip, *bound] for ip, bound in self._bound.items()],
            "given": [[ip, mac] for ip, mac in self._given.items()],
            "roles": [[ip, role] for ip, role in self._roles.items()],
            "routes": [[mac, count] for mac, count in self._routes.items()],
            "noticed": self._quiet.memory(),
            "claims": [[claim, at] for claim, at in self._known_claims.items()],
        }

    def recall(self, memory: Memory) -> None:
        """Take what `memory` returned."""
        if not isinstance(memory, dict):
            raise TypeError("bindings")
        bound = Recent[str, _Bound](
            MOST, ((str(ip), _Bound(str(mac), int(at), str(old))) for ip, mac, at, old in memory["bound"])
        )
        given = Recent[str, str](MOST, ((str(ip), str(mac)) for ip, mac in memory["given"]))
        roles = Recent[str, str](MOST_ROLES, ((str(ip), str(role)) for ip, role in memory["roles"]))
        routes = Recent[str, int](MOST_ROLES, ((str(mac), int(count)) for mac, count in memory["routes"]))
        claims = Recent[str, int](MOST, ((str(claim), int(at)) for claim, at in memory.get("claims", [])))
        self._quiet.recall(memory["noticed"])
        self._known_claims = claims
        self._bound, self._given, self._roles, self._routes = bound, given, roles, routes

    def _routed(self, fields: Fields) -> None:
        if fields.get("local_resp") or not fields.get("local_orig"):
            return
        mac = fields.get("resp_l2_addr")
        if is_card(mac):
            self._routes[str(mac)] = min(ROUTES, (self._routes.get(str(mac)) or 0) + 1)

    def _leased(self, fields: Fields) -> None:
        if not _FROM_SERVER.intersection(texts(fields.get("msg_types"))):
            return
        ip, mac = str(fields.get("assigned_addr", "")), fields.get("mac")
        if ip and is_card(mac) and "ACK" in texts(fields.get("msg_types")):
            self._given[ip] = str(mac)
        self._role(str(fields.get("server_addr", "")), "dhcp")
        for name, role in (("dns_servers", "dns"), ("routers", "gateway")):
            for address in texts(fields.get(name)):
                self._role(address, role)

    def _role(self, ip: str, role: str) -> None:
        """Keep what an address is; the gateway is the worst that can be claimed, then the name server."""
        before = self._roles.get(ip)
        if ip not in _NEITHER and (before is None or _WORST.index(role) < _WORST.index(before)):
            self._roles[ip] = role

    def _claim(self, at: int, ip: str, mac: str) -> Iterable[Log]:
        if ip in _NEITHER or not is_card(mac):
            return
        bound = self._bound.get(ip)
        if bound is None or bound.mac == mac:
            self._bound[ip] = _Bound(mac, at, bound.before if bound else "")
        elif is_shared(mac) or bound.before == mac:
            self._bound[ip] = _Bound(mac, at, bound.mac)
        else:
            yield from self._taken(at, ip, mac, bound)

    def _taken(self, at: int, ip: str, mac: str, bound: _Bound) -> Iterable[Log]:
        """Decide on a claim of a card that never had the address."""
        role = self._roles.get(ip) or ("gateway" if (self._routes.get(bound.mac) or 0) >= ROUTES else "host")
        silent = at - bound.at > (FRESH if role == "host" else FRESH_ROLE)
        given = role == "host" and self._given.get(ip) == mac
        if silent or given:
            # Of an ordinary address the card before is no partner: who took it by night must not keep it by day.
            self._bound[ip] = _Bound(mac, at, "" if role == "host" else bound.mac)
        if role == "host":
            new = not (silent or given or is_team(mac, bound.mac)) and self._strange(ip, mac, at)
        else:
            new = self._quiet.may(f"{ip} {mac}", at)
        if new:
            yield notice("ARP::Binding_Changed", at, _fields(ip, mac, bound.mac, role))
        if not (silent or given or self._routes_for_others(mac)):
            disputed = self._disputes.claimed(at, ip, mac, (bound.mac, bound.at))
            if disputed and self._quiet_between.may(mac, at):
                found = _fields(ip, mac, bound.mac, role)
                yield notice(
                    "ARP::Stands_Between", at, {**found, "n": len(disputed), "sub": ", ".join(disputed[:SHOWN])}
                )

    def _strange(self, ip: str, mac: str, at: int) -> bool:
        """Tell whether a claim to an ordinary address is to be noticed, and remember that it goes on."""
        claim = f"{ip} {mac}"
        before = self._known_claims.get(claim)
        if before is None or at - before > AGAIN_SAME:
            if not self._quiet_hosts.may(mac, at):
                return False
            before = None
        self._known_claims[claim] = at
        return before is None

    def _routes_for_others(self, mac: str) -> bool:
        """Tell whether a card is a known gateway's: a router may answer for whom it reaches (proxy ARP)."""
        gateways = (ip for ip, role in self._roles.items() if role == "gateway")
        return any(bound.mac == mac for ip in gateways if (bound := self._bound.get(ip)))

    def _told_unasked(self, at: int, fields: Fields) -> Iterable[Log]:
        mac = str(fields["src_mac"])
        began, count = self._unasked.get(mac) or (at, 0)
        if at - began > STORM_TIME:
            began, count = at, 0
        self._unasked[mac] = (began, count + 1)
        if count + 1 >= STORM and is_card(mac) and self._quiet_storms.may(mac, at):
            found: dict[str, Value] = {"src": str(fields["src_ip"]), "src_mac": mac, "vendor": maker(mac).vendor}
            yield notice("ARP::Gratuitous_Storm", at, {**known(found), "n": count + 1})


def _fields(ip: str, mac: str, before: str, role: str) -> dict[str, Value]:
    makers = {"vendor": maker(mac).vendor, "known_vendor": maker(before).vendor}
    return known({"src": ip, "src_mac": mac, "known_mac": before, "role": role, **makers})
