"""Servers inside that encrypt badly: those that were always there, and one that is new."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from collector.analysers.ssl_inside import LEARNING, MOST_KNOWN, MOST_WAITING, SslInside
from collector.heads.head import Entry
from collector.protocols.model import Log, Value
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.analysers.logs import BEGIN, DAY, HOUR, SECOND, again, conn, notices, rules
from tests.collector.packets import batch
from tests.collector.protocols.talk import talks

PRINTER, NEW = "192.168.10.77", "192.168.10.66"
SELF_SIGNED: dict[str, Value] = {"validation_status": "self-signed certificate", "version": "TLSv12"}
LATER = BEGIN + LEARNING + DAY


def handshake(
    at: int, target: str, fields: Mapping[str, Value], mark: str = "aa", port: int = 443, path: str = "conn"
) -> list[Entry]:
    one = conn(at, target, port, path=path, uid=f"S{at}{target}{port}")
    said: dict[str, Value] = {"established": True, "cert_chain_fps": [mark], "subject": "CN=localhost", **fields}
    return [Entry(Log("ssl", at, said), one.uid, one.flow), one]


def learnt() -> SslInside:
    """One that has watched for long enough, and knows the printer."""
    analyser = SslInside()
    for hour in range(LEARNING // HOUR + 2):
        assert notices(analyser, handshake(BEGIN + hour * HOUR, PRINTER, SELF_SIGNED)) == []
        assert list(analyser.tick(BEGIN + hour * HOUR)) == []
    return analyser


def test_a_new_server_with_a_certificate_of_its_own_is_noticed_once() -> None:
    analyser = again(learnt(), SslInside())
    noticed = notices(analyser, handshake(LATER, NEW, SELF_SIGNED, "bb", 8443))
    assert [log.fields["note"] for log in noticed] == ["SSL::Unusual_Inside"]
    fields = noticed[0].fields
    assert (fields["dst"], fields["p"], fields["sub"]) == (NEW, 8443, "self-signed certificate")
    assert rules(noticed) == {"zeek_notice_ssl_unusual_inside"}
    assert notices(analyser, handshake(LATER + HOUR, NEW, SELF_SIGNED, "bb", 8443)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"validation_status": "certificate has expired"},
        {"version": "TLSv10"},
        {"version": "SSLv3"},
        {"version": "TLSv12", "cipher": "TLS_RSA_WITH_RC4_128_SHA"},
        {"version": "TLSv12", "cipher": "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
        {"version": "TLSv12", "cipher": "TLS_DH_anon_WITH_AES_128_CBC_SHA"},
    ],
)
def test_what_is_expired_old_or_weak_is_noticed(fields: dict[str, Value]) -> None:
    assert len(notices(learnt(), handshake(LATER, NEW, fields, "bb"))) == 1


def test_one_that_goes_on_is_noticed_while_it_lasts() -> None:
    assert len(notices(learnt(), handshake(LATER, NEW, SELF_SIGNED, "bb", path="conn_long"))) == 1


def test_good_servers_and_those_outside_are_harmless() -> None:
    good = handshake(LATER, NEW, {"version": "TLSv13", "cipher": "TLS_AES_256_GCM_SHA384"}, "bb")
    usual = handshake(LATER, NEW, {"version": "TLSv12", "cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}, "cc")
    outside = handshake(LATER, "185.1.1.1", SELF_SIGNED, "dd")
    failed = handshake(LATER + 1, NEW, {**SELF_SIGNED, "established": False}, "ee")
    remote_desktop = handshake(LATER, NEW, SELF_SIGNED, "ff", 3389)
    assert notices(learnt(), [*good, *usual, *outside, *failed, *remote_desktop]) == []


def test_a_known_server_is_known_by_its_certificate_and_by_its_address() -> None:
    analyser = learnt()
    moved = handshake(LATER, "192.168.10.99", SELF_SIGNED)
    renewed = handshake(LATER, PRINTER, SELF_SIGNED, "cc")
    assert notices(analyser, [*moved, *renewed]) == []
    assert len(notices(analyser, handshake(LATER, PRINTER, SELF_SIGNED, "dd", 8443))) == 1


def test_while_it_learns_nothing_is_said() -> None:
    analyser = SslInside()
    notices(analyser, [conn(BEGIN)])
    analyser.tick(BEGIN)
    analyser.tick(BEGIN + 30 * DAY)
    assert notices(analyser, handshake(BEGIN + 30 * DAY, NEW, SELF_SIGNED, "bb")) == []


def test_memory_is_bounded() -> None:
    analyser = SslInside()
    for number in range(MOST_KNOWN + 50):
        target = f"192.168.{number >> 8}.{number & 255}"
        notices(analyser, handshake(BEGIN + number * SECOND, target, SELF_SIGNED, f"{number:040x}"[::-1]))
    for number in range(MOST_WAITING + 50):
        notices(analyser, handshake(BEGIN + number, NEW, SELF_SIGNED, f"{number:040x}"[::-1])[:1])
    assert len(analyser._known) == MOST_KNOWN
    assert len(analyser._waiting) == MOST_WAITING
    assert len(str(analyser.memory())) < 400_000


@pytest.mark.parametrize("memory", [[], {"watched": "x"}, {"watched": None}, {"known": 1}])
def test_memory_that_is_none_is_refused(memory: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        SslInside().recall(memory)  # type: ignore[arg-type]  # it is what must be refused


def test_a_new_server_in_packets_is_noticed() -> None:
    (talk,) = (one for one in talks("tls") if one.name == "tls10")
    there = Ether() / IP(src=talk.flow.orig_h, dst=NEW) / TCP(sport=40_000, dport=8443)
    back = Ether() / IP(src=NEW, dst=talk.flow.orig_h) / TCP(sport=8443, dport=40_000)
    packets = [there.copy(), back.copy()]
    packets[0][TCP].flags, packets[1][TCP].flags = "S", "SA"
    said = [1, 1]
    for side, data in talk.turns:
        packet = (there, back)[side].copy()
        packet[TCP].flags, packet[TCP].seq, packet[TCP].ack = "PA", said[side], said[1 - side]
        packets.append(packet / data)
        said[side] += len(data)
    begin = LATER * 1000
    watch = Watch(PROTOCOLS, analysers=[learnt()])
    times = [begin + place * 1_000_000 for place in range(len(packets))]
    logs = [*watch.take(batch(packets, times)), *watch.finish()]
    found = [one.log.fields for one in logs if one.log.path == "notice"]
    assert [(fields["note"], fields["dst"], fields["version"]) for fields in found] == [
        ("SSL::Unusual_Inside", NEW, "TLSv10")
    ]
