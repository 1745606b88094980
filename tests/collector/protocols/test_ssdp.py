"""SSDP: what devices announce, and what is searched for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.ssdp import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("ssdp")}
_FLOW = flow_of("udp", 1900, 1900)
_WORDS = st.text("abcdefghijklmnopqrstuvwxyz:-/.0123456789", min_size=1, max_size=100)


def test_a_camera_is_told_once_with_its_parts_and_when_it_leaves() -> None:
    part = "urn:schemas-upnp-org:device:DigitalSecurityCamera:1"
    common = {
        "_path": "ssdp", "method": "NOTIFY", "server": "Linux/4.9 UPnP/1.0 IPC/2.8",
        "location": "192.168.10.77:80",
    }  # fmt: skip
    root = common | {"target": "upnp:rootdevice", "usn": "uuid:7e57-cafe::upnp:rootdevice"}
    assert logs_of(PROTOCOL, _TALKS["camera"]) == [
        root | {"nts": "ssdp:alive"},
        common | {"target": part, "usn": f"uuid:7e57-cafe::{part}", "nts": "ssdp:alive"},
        root | {"nts": "ssdp:byebye"},
    ]


def test_a_search_and_its_answer_are_told() -> None:
    assert logs_of(PROTOCOL, _TALKS["search"]) == [
        {
            "_path": "ssdp",
            "method": "M-SEARCH",
            "target": "urn:dial-multiscreen-org:service:dial:1",
            "user_agent": "Chromium/141.0 Windows",
        }
    ]
    (answer,) = logs_of(PROTOCOL, _TALKS["answer"])
    assert (answer["method"], answer["server"]) == ("RESPONSE", "RouterOS/7.16 UPnP/1.0")


@settings(max_examples=50)
@given(target=_WORDS, server=_WORDS)
def test_what_was_made_is_told(target: str, server: str) -> None:
    data = f"NOTIFY * HTTP/1.1\r\nnt:{target}\r\nSERVER:  {server}\r\n\r\n".encode()
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, data)])
    assert log.fields == {"method": "NOTIFY", "target": target, "server": server}


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://[2001:db8::1]:8080/x.xml", "[2001:db8::1]:8080"), ("http://nas.local", "nas.local"),
        ("http://a:b@nas/x", "nas"), ("ftp://nas/x", None), ("http://a:b", None), ("http://a:123456/", None),
    ],
)  # fmt: skip
def test_of_a_location_its_host_is_told(location: str, told: str | None) -> None:
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, f"NOTIFY * HTTP/1.1\r\nLocation: {location}\r\n\r\n".encode())])
    assert log.fields.get("location") == told


def test_what_a_flow_tells_is_bounded() -> None:
    turns = [(Side.ORIG, f"NOTIFY * HTTP/1.1\r\nNT: {n}\r\n\r\n".encode()) for n in range(200)]
    assert len(run(PROTOCOL, _FLOW, turns)) == 64
    long = b"NOTIFY * HTTP/1.1\r\n" + b"x:y\r\n" * 40 + b"NT: late\r\nSERVER: " + b"s" * 9000
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, long)])
    assert log.fields == {"method": "NOTIFY"}
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, b"NOTIFY * HTTP/1.1\r\nSERVER: " + b"s" * 9000)])
    assert len(str(log.fields["server"])) == 256


@pytest.mark.parametrize("data", [b"", b"NOTIFY sip:x SIP/2.0\r\n", b"\0" * 40, b"HTTP/1.1 404 Not Found\r\n\r\n"])
def test_other_bytes_are_malformed(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, data)
    with pytest.raises(Malformed, match="ssdp"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, data)])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
