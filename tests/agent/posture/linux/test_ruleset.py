"""What becomes of a new packet in rules that jump, go round, and end early."""

from __future__ import annotations

from typing import Any

import pytest

from agent.posture.linux.ruleset import of_nft, of_saved, refused

BOTH = frozenset({"ip", "ip6"})


def nft(policy: str, **chains: list[list[dict[str, Any]]]) -> frozenset[str]:
    """Return what a table of family inet refuses; its chain of what comes in is `base`."""
    said: list[dict[str, Any]] = [{"metainfo": {}}]
    for name, rules in chains.items():
        chain: dict[str, Any] = {"family": "inet", "table": "t", "name": name}
        hook = {"hook": "input", "type": "filter", "policy": policy} if name == "base" else {}
        said.append({"chain": {**chain, **hook}})
        said += [{"rule": {"family": "inet", "table": "t", "chain": name, "expr": rule}} for rule in rules]
    return refused(of_nft(said))


DROP: list[dict[str, Any]] = [{"drop": None}]
ACCEPT: list[dict[str, Any]] = [{"log": None}, {"accept": None}]
SSH: list[dict[str, Any]] = [{"match": {"op": "==", "left": {"payload": {}}, "right": 22}}, {"accept": None}]


def to(chain: str, verb: str = "jump") -> list[dict[str, Any]]:
    return [{verb: {"target": chain}}]


@pytest.mark.parametrize(
    ("policy", "chains", "refuses"),
    [
        ("drop", {"base": [SSH]}, True),
        ("accept", {"base": [SSH, DROP]}, True),
        ("accept", {"base": [ACCEPT, DROP]}, False),
        ("drop", {"base": [to("a")], "a": [ACCEPT]}, False),
        ("drop", {"base": [to("a")], "a": [[{"return": None}], ACCEPT]}, True),
        ("accept", {"base": [to("a"), DROP], "a": [SSH]}, True),
        ("accept", {"base": [to("a", "goto"), DROP], "a": [SSH]}, False),
        ("accept", {"base": [to("a")], "a": [to("b")], "b": [to("a"), DROP]}, True),
        ("drop", {"base": [to("nowhere")]}, True),
        ("drop", {"other": [DROP]}, False),
    ],
)
def test_what_nobody_speaks_of(policy: str, chains: dict[str, Any], refuses: bool) -> None:
    assert nft(policy, **chains) == (BOTH if refuses else frozenset())


def test_a_drop_anywhere_is_final_and_other_families_guard_nothing() -> None:
    def base(family: str, table: str, policy: str) -> dict[str, Any]:
        return {"chain": {"family": family, "table": table, "name": "i", "hook": "input", "policy": policy}}

    assert refused(of_nft([base("inet", "a", "accept"), base("ip6", "b", "drop")])) == {"ip6"}
    assert (
        refused(of_nft([base("arp", "a", "drop"), base("bridge", "b", "drop"), base("netdev", "c", "drop")])) == set()
    )


@pytest.mark.parametrize(
    ("rules", "refuses"),
    [
        (":INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", True),
        (":INPUT DROP [0:0]\n-A INPUT -s 0.0.0.0/0 -j ACCEPT\n", False),
        (":INPUT DROP [0:0]\n-A INPUT -s 0.0.0.0/8 -j ACCEPT\n", True),
        (":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT\n", False),
        (":INPUT DROP [0:0]\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n", True),
        (":INPUT ACCEPT [0:0]\n-A INPUT -j LOG --log-prefix \"x -j DROP\"\n", False),
        (":INPUT ACCEPT [0:0]\n:R - [0:0]\n-A INPUT -g R\n-A R -j REJECT --reject-with icmp-port-unreachable\n", True),
        (":FORWARD DROP [0:0]\n-A FORWARD -j DROP\n", False),
    ],
)  # fmt: skip
def test_the_same_of_iptables(rules: str, refuses: bool) -> None:
    assert refused(of_saved(f"*nat\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n{rules}COMMIT\n", "ip")) == (
        {"ip"} if refuses else set()
    )
