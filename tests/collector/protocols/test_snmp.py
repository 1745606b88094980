"""SNMP: community names in clear; told are those that everybody knows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.asn1.asn1 import ASN1_OID
from scapy.layers.snmp import SNMP, SNMPget, SNMPvarbind

from collector.protocols.model import Malformed, Side
from collector.protocols.snmp import KNOWN, PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("snmp")}


def test_only_names_that_everybody_knows_are_told() -> None:
    told = logs_of(PROTOCOL, _TALKS["search"])
    assert [(log["version"], log.get("community"), log["pdu"]) for log in told] == [
        ("2c", "public", "get"),
        ("2c", "public", "response"),
        ("1", None, "set"),
        ("2c", "public", "get-bulk"),
    ]
    assert all(log["cleartext_community"] is True for log in told)
    assert told[0] == {
        "_path": "snmp",
        "version": "2c",
        "cleartext_community": True,
        "community": "public",
        "pdu": "get",
        "get_requests": 1,
        "variables": 1,
        "oid": "1.3.6.1.2.1.1.1.0",
    }


def test_the_third_version_tells_its_protection() -> None:
    assert logs_of(PROTOCOL, _TALKS["third"]) == [
        {
            "_path": "snmp",
            "version": "3",
            "security": "noAuthNoPriv",
            "pdu": "get",
            "get_requests": 1,
            "variables": 0,
        },
        {"_path": "snmp", "version": "3", "security": "authPriv", "user": "nadzor"},
    ]


@settings(max_examples=50)
@given(
    community=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=40),
    oid=st.lists(st.integers(0, 2**28), min_size=1, max_size=12),
)
def test_what_was_made_is_told(community: str, oid: list[int]) -> None:
    name = ".".join(map(str, [1, 3, *oid]))
    data = bytes(SNMP(community=community, PDU=SNMPget(varbindlist=[SNMPvarbind(oid=ASN1_OID(name))])))
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, flow_of("udp", 5, 161), [(Side.ORIG, data)])
    assert (log.fields["oid"], log.fields.get("community")) == (name, community if community in KNOWN else None)


def test_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed):
        run(PROTOCOL, flow_of("udp", 5, 161), [(Side.ORIG, b"GET / HTTP/1.1")])
    with pytest.raises(Malformed, match="version"):
        run(PROTOCOL, flow_of("udp", 5, 161), [(Side.ORIG, bytes.fromhex("300902010704017804017a"))])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
