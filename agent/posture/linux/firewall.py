"""Whether what comes in from the network is refused unless something lets it in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.inventory.raw import Command, File, Raws, Source, Unknown
from agent.posture.check import Check, Finding, bad, good

SOURCES: dict[str, Source] = {
    "nft": Command(("nft", "--json", "list", "ruleset")),
    "iptables": Command(("iptables-save",)),
    "ufw": File("/etc/ufw/ufw.conf"),
    "firewalld": Command(("firewall-cmd", "--state")),
}
_LEGACY = re.compile(r"^:INPUT DROP|^-A INPUT -j (?:DROP|REJECT)", re.MULTILINE)
_UFW = re.compile(r"^\s*ENABLED\s*=\s*yes\b", re.MULTILINE | re.IGNORECASE)
_WITHOUT_EFFECT = frozenset({"counter", "log", "comment"})
_REFUSES = frozenset({"drop", "reject"})
Place = tuple[str, str, str]


def _judge(raws: Raws, _now: float) -> Finding:
    if raws.there("nft") and raws.value("nft")["code"] == 0:
        if refuses(json.loads(raws.output("nft"))["nftables"]):
            return good("nftables")
    elif not raws.there("iptables"):
        raise Unknown("needs_root" if raws.there("nft") else "no_source")
    if raws.there("iptables") and _LEGACY.search(raws.output("iptables")):
        return good("iptables")
    if _UFW.search(raws.text_or("ufw")):
        return bad("not_loaded", "ufw")
    if raws.there("firewalld") and raws.value("firewalld")["code"] != 0:
        return bad("not_loaded", "firewalld")
    return bad("disabled")


def refuses(ruleset: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a ruleset of `nft --json` refuses by default what comes in.

    That is a chain at the hook `input` whose policy is drop, or that reaches a rule which refuses whatever is left.
    """
    rules: dict[Place, list[list[Mapping[str, Any]]]] = {}
    waiting: list[Place] = []
    for each in ruleset:
        chain, rule = each.get("chain"), each.get("rule")
        if chain is not None and chain.get("hook") == "input" and chain.get("type", "filter") == "filter":
            if chain.get("policy") == "drop":
                return True
            waiting.append((chain["family"], chain["table"], chain["name"]))
        elif rule is not None:
            rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule.get("expr", []))
    seen: set[Place] = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        for expressions in rules.get(place, ()):
            plain = [one for one in expressions if not _WITHOUT_EFFECT & one.keys()]
            if len(plain) == 1 and _REFUSES & plain[0].keys():
                return True
            if len(plain) == 1:
                targets = [target["target"] for verb in ("jump", "goto") if (target := plain[0].get(verb))]
                waiting += [(place[0], place[1], target) for target in targets]
    return False


CHECKS = (Check("firewall", SOURCES, _judge, ("disabled", "not_loaded")),)
