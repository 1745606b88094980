"""What the rules of a packet filter do with a packet that begins a connection and that no rule speaks of. Pure.

Of nftables as `nft --json` tells them, of iptables as `iptables-save` does. A packet that a base chain drops is gone,
whatever other chains say; one that a chain accepts has passed that chain alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FAMILIES = {"inet": ("ip", "ip6"), "ip": ("ip",), "ip6": ("ip6",)}
"""Which packets a table sees; tables of other families (arp, bridge, netdev) guard no service of the host."""
_WITHOUT_EFFECT = frozenset({"counter", "log", "comment"})
_VERBS = ("drop", "reject", "accept", "return", "queue", "jump", "goto")
_REFUSES = frozenset({"drop", "reject"})
_COMMENT = re.compile(r' -m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)')
_ALWAYS = re.compile(
    r" -m (?:conntrack --ctstate|state --state) (?:\w+,)*NEW\b(?:,\w+)*| -[sd] (?:0\.0\.0\.0/0|::/0)\b"
)
_CHAIN = re.compile(r"^:(\S+) (\S+)")
_RULE = re.compile(r"^-A (\S+)(.*) -(j|g) (\S+)")
_TARGETS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return", "QUEUE": "queue",
            "NFQUEUE": "queue"}  # fmt: skip
_NO_VERDICT = frozenset({"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "AUDIT", "TRACE"})


class Step(NamedTuple):
    """A rule that holds for every new packet: what it does, and for jumps where to."""

    verb: str
    target: str = ""


class Table(NamedTuple):
    """A table's steps by chain, and its base chains of what comes in with their policies."""

    family: str
    steps: dict[str, list[Step]]
    entries: dict[str, str]


def refused(tables: Iterable[Table]) -> frozenset[str]:
    """Return of which protocols (`ip`, `ip6`) what comes in is refused unless a rule lets it in."""
    return frozenset(
        family
        for table in tables
        for name, policy in table.entries.items()
        if (_outcome(table.steps, name, {}) or policy) in _REFUSES
        for family in FAMILIES.get(table.family, ())
    )


def _outcome(steps: Mapping[str, Sequence[Step]], chain: str, known: dict[str, str]) -> str:
    """Return what becomes of the packet in a chain; empty when it leaves it by its end."""
    if chain in known:
        return known[chain]
    known[chain] = ""
    for step in steps.get(chain, ()):
        if step.verb == "return":
            break
        verdict = _outcome(steps, step.target, known) if step.verb in {"jump", "goto"} else step.verb
        if verdict or step.verb == "goto":
            known[chain] = verdict
            break
    return known[chain]


def of_nft(ruleset: Iterable[Mapping[str, Any]]) -> list[Table]:
    """Return the tables of the list that `nft --json list ruleset` gives."""
    tables: dict[tuple[str, str], Table] = {}
    for each in ruleset:
        one = each.get("chain") or each.get("rule")
        if one is None:
            continue
        table = tables.setdefault((one["family"], one["table"]), Table(one["family"], {}, {}))
        if "rule" in each:
            table.steps.setdefault(one["chain"], []).extend(_steps(one.get("expr", [])))
        elif one.get("hook") == "input" and one.get("type", "filter") == "filter":
            table.entries[one["name"]] = one.get("policy", "accept")
    return list(tables.values())


def _steps(expressions: Sequence[Mapping[str, Any]]) -> list[Step]:
    plain = [one for one in expressions if not _WITHOUT_EFFECT & one.keys() and not _holds(one.get("match"))]
    if len(plain) != 1:
        return []
    verb = next((verb for verb in _VERBS if verb in plain[0]), "")
    target = plain[0][verb]["target"] if verb in {"jump", "goto"} else ""
    return [Step(verb, target)] if verb else []


def _holds(match: Mapping[str, Any] | None) -> bool:
    """Say whether a match holds for every packet that begins a connection."""
    if not match or match.get("op") not in {"==", "in"}:
        return False
    left, right = match.get("left"), match.get("right")
    if isinstance(left, dict) and left.get("ct", {}).get("key") == "state":
        states = right.get("set", []) if isinstance(right, dict) else right
        return "new" in ([states] if isinstance(states, str) else states or [])
    return isinstance(right, dict) and right.get("prefix", {}).get("len") == 0


def of_saved(text: str, family: str) -> list[Table]:
    """Return the table `filter` of what `iptables-save` or `ip6tables-save` prints."""
    table, inside = Table(family, {}, {}), False
    for line in text.splitlines():
        if line.startswith("*"):
            inside = line.strip() == "*filter"
        elif inside and (chain := _CHAIN.match(line)):
            if chain[1] == "INPUT":
                table.entries["INPUT"] = _TARGETS.get(chain[2], "accept")
        elif inside and (rule := _RULE.match(_ALWAYS.sub("", _COMMENT.sub("", line)))):
            table.steps.setdefault(rule[1], []).extend(_saved_steps(rule[2], rule[4], goes=rule[3] == "g"))
    return [table]


def _saved_steps(conditions: str, target: str, *, goes: bool) -> list[Step]:
    if conditions.strip() or target in _NO_VERDICT:
        return []
    verb = _TARGETS.get(target)
    return [Step(verb) if verb else Step("goto" if goes else "jump", target)]
