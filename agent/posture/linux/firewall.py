"""Whether what comes in from the network is refused unless something lets it in."""

from __future__ import annotations

import json
import re

from agent.inventory.raw import Command, File, Raws, Source, Unknown
from agent.posture.check import Check, Finding, bad, good
from agent.posture.linux.ruleset import of_nft, of_saved, refused

SOURCES: dict[str, Source] = {
    "nft": Command(("nft", "--json", "list", "ruleset")),
    "iptables": Command(("iptables-save",)),
    "ip6tables": Command(("ip6tables-save",)),
    "addresses": File("/proc/net/if_inet6"),
    "ufw": File("/etc/ufw/ufw.conf"),
    "firewalld": Command(("firewall-cmd", "--state")),
}
_SHOWN = {"ip": "IPv4", "ip6": "IPv6"}
_UFW = re.compile(r"^\s*ENABLED\s*=\s*yes\b", re.MULTILINE | re.IGNORECASE)


def _judge(raws: Raws, _now: float) -> Finding:
    covered: frozenset[str] = frozenset()
    needed = _spoken(raws)
    if raws.there("nft") and raws.value("nft")["code"] == 0:
        covered = refused(of_nft(json.loads(raws.output("nft"))["nftables"]))
        if covered >= needed:
            return good("nftables")
    elif not raws.there("iptables"):
        raise Unknown("needs_root" if raws.there("nft") else "no_source")
    for name, family in (("iptables", "ip"), ("ip6tables", "ip6")):
        if raws.there(name):
            covered |= refused(of_saved(raws.output(name), family))
    if covered >= needed:
        return good("iptables")
    return bad("half", ", ".join(sorted(_SHOWN[family] for family in needed - covered))) if covered else _open(raws)


def _spoken(raws: Raws) -> frozenset[str]:
    """Return which protocols the host speaks: without a line of an interface other than `lo` it has no IPv6."""
    lines = [line.split() for line in raws.text_or("addresses").splitlines()]
    return frozenset({"ip", "ip6"} if any(words and words[-1] != "lo" for words in lines) else {"ip"})


def _open(raws: Raws) -> Finding:
    if _UFW.search(raws.text_or("ufw")):
        return bad("not_loaded", "ufw")
    if raws.there("firewalld") and raws.value("firewalld")["code"] != 0:
        return bad("not_loaded", "firewalld")
    return bad("disabled")


CHECKS = (Check("firewall", SOURCES, _judge, ("disabled", "half", "not_loaded")),)
