"""Every protocol is registered, has fixtures, tests and a line for people, and is told apart from all others."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from appliance.home import CHECKOUT
from collector import protocols
from collector.protocols.model import Protocol, Side
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.packets import batch
from tests.collector.protocols.talk import ALLOWED, DATA, Talk, talks

MODULES: dict[str, Protocol] = {
    name: module.PROTOCOL
    for _, name, _ in pkgutil.iter_modules(protocols.__path__)
    if hasattr(module := importlib.import_module(f"collector.protocols.{name}"), "PROTOCOL")
}
REGISTERED = {protocol.name: protocol for protocol in PROTOCOLS}
TALKS = [(name, talk) for name in MODULES for talk in talks(name)]
MTU = 1400


def test_every_parser_is_registered_once() -> None:
    assert sorted(protocol.name for protocol in PROTOCOLS) == sorted(one.name for one in MODULES.values())


@pytest.mark.parametrize("name", MODULES)
def test_every_parser_has_fixtures_tests_and_a_line_for_people(name: str) -> None:
    assert list((DATA / name).glob("*.talk"))
    assert (Path(__file__).parent / f"test_{name}.py").is_file()
    assert f"| `{MODULES[name].name}` |" in (CHECKOUT / "docs" / "sensor.md").read_text("utf-8")


def _frames(talk: Talk) -> list[bytes]:
    """Return a fixture as frames: over TCP with its handshake, in segments of at most MTU bytes."""
    flow = talk.flow
    ends = (flow.orig_h, flow.orig_p), (flow.resp_h, flow.resp_p)
    tcp = flow.transport == "tcp"
    seq = [1000, 2000]
    frames = []

    def add(side: Side, data: bytes, flags: str) -> None:
        source, target = ends if side is Side.ORIG else ends[::-1]
        ports: dict[str, Any] = {"sport": source[1], "dport": target[1]}
        body: Any = TCP(**ports, flags=flags, seq=seq[side]) if tcp else UDP(**ports)
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        frames.append(bytes(ether / IP(src=source[0], dst=target[0]) / body / Raw(data)))
        seq[side] += len(data) + (flags in {"S", "SA"})

    if tcp:
        add(Side.ORIG, b"", "S")
        add(Side.RESP, b"", "SA")
    for side, data in talk.turns:
        for at in range(0, len(data), MTU) if tcp else (0,):
            add(side, data[at : at + MTU] if tcp else data, "PA")
    return frames


def _paths(protocol: Protocol, talk: Talk) -> list[str]:
    """Return the logs that a parser tells of a fixture by itself, and `weird` where its rules are broken."""
    parser, found = protocol.open(talk.flow), []
    try:
        for side, data in talk.turns:
            if parser.done:
                break
            found += [log.path for log in parser.feed(side, 5, data)]
        found += [log.path for log in parser.close(6)]
    except ALLOWED:
        found += [*(log.path for log in parser.close(6)), "weird"]
    return found


@pytest.mark.parametrize(("name", "talk"), TALKS, ids=[f"{name}-{talk.name}" for name, talk in TALKS])
def test_a_conversation_is_given_to_its_own_parser_and_told_the_same(name: str, talk: Talk) -> None:
    watch = Watch(PROTOCOLS)
    entries = [*watch.take(batch(_frames(talk))), *watch.finish()]
    (service,) = [entry.log.fields.get("service") for entry in entries if entry.log.path == "conn"]
    assert service == MODULES[name].name
    found = [{"_path": entry.log.path, **entry.log.fields} for entry in entries if entry.log.path != "conn"]
    assert [line["_path"] for line in found] == _paths(REGISTERED[MODULES[name].name], talk)
