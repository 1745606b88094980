"""NTP: who gives the time, and who asks for more than the time."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.ntp import NTPHeader

from collector.protocols.model import Malformed, Side
from collector.protocols.ntp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("ntp")}


def test_time_and_questions_that_are_no_time_are_told() -> None:
    client, second, first, monlist, control = logs_of(PROTOCOL, _TALKS["time"])
    assert client == {"_path": "ntp", "version": 4, "mode": 3, "mode_name": "client"}
    assert second == {
        "_path": "ntp",
        "version": 4,
        "mode": 4,
        "mode_name": "server",
        "stratum": 2,
        "poll": 64.0,
        "precision": 2.0**-23,
        "root_delay": 0.5,
        "root_disp": 0.25,
        "ref_id": "192.168.10.1",
        "org_time": 1781011200.5,
        "rec_time": 1781011200.75,
        "xmt_time": 1781011201.0,
    }
    assert (first["stratum"], first["ref_id"]) == (1, "GPS")
    assert (monlist["mode_name"], monlist["code"], monlist["response"]) == ("private", 42, False)
    assert (control["mode_name"], control["code"]) == ("control", 2)


@settings(max_examples=50)
@given(stratum=st.integers(2, 16), poll=st.integers(0, 17), version=st.integers(1, 4), reference=st.ip_addresses(v=4))
def test_what_was_made_is_told(stratum: int, poll: int, version: int, reference: IPv4Address) -> None:
    data = bytes(NTPHeader(version=version, mode=4, stratum=stratum, poll=poll, id=str(reference)))
    (log,) = run(PROTOCOL, flow_of("udp", 5, 123), [(Side.RESP, data)])
    assert (log.fields["stratum"], log.fields["poll"], log.fields["version"]) == (stratum, 2.0**poll, version)
    assert log.fields["ref_id"] == str(reference)


def test_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed, match="ntp_header"):
        run(PROTOCOL, flow_of("udp", 5, 123), [(Side.ORIG, b"\xff" * 48)])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
