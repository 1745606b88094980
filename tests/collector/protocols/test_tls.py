"""TLS: handshakes of a real library, whole and damaged; hellos that scapy makes; fingerprints worked out by hand."""

from __future__ import annotations

import contextlib
import hashlib
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.tls import extensions, handshake, record

from collector.protocols.model import Log, Malformed, Side
from collector.protocols.tls import PROTOCOL
from collector.protocols.tls.conversation import MAX_UNANSWERED
from collector.protocols.tls.fingerprints import ja4_raw
from collector.protocols.tls.handshake import MAX_MESSAGE, MAX_MESSAGES
from collector.protocols.tls.hello import client_hello, old_hello
from collector.protocols.tls.report import matches
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("tls")}
FLOW = flow_of("tcp", 50123, 443)
#: scapy's layers, which have no types.
LAYERS: Any = SimpleNamespace(**{**vars(extensions), **vars(handshake), **vars(record)})
NOW = 1_780_000_000_000_000  # June 2026


def _told(name: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    ssl, *others = logs_of(PROTOCOL, TALKS[name])
    assert ssl["_path"] == "ssl"
    return ssl, others


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_a_handshake_is_read_in_any_pieces(talk: Talk) -> None:
    assert PROTOCOL.recognises(*talk.turns[0])
    whole = logs_of(PROTOCOL, talk)
    for size in (1, 7, 100):
        assert in_pieces(PROTOCOL, talk, size) == whole


def test_a_whole_handshake_with_certificates_of_both_sides() -> None:
    ssl, certificates = _told("tls12")
    assert (ssl["version"], ssl["cipher"], ssl["curve"]) == (
        "TLSv12",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "x25519",
    )
    assert (ssl["server_name"], ssl["next_protocol"]) == ("gmina.example", "http/1.1")
    assert (ssl["established"], ssl["resumed"], ssl["sni_matches_cert"]) == (True, False, True)
    assert ssl["subject"] == "CN=gmina.example,O=Urząd Gminy\\, Przykładowo,C=PL"
    assert ssl["issuer"] == "CN=CA Gminy,O=Urząd Gminy\\, Przykładowo,C=PL"
    assert ssl["client_subject"] == ssl["subject"]
    chains = (ssl["cert_chain_fps"], ssl["client_cert_chain_fps"])
    assert ([log["fingerprint"] for log in certificates[:2]], [certificates[2]["fingerprint"]]) == chains
    assert [(log["_path"], log.get("host_cert"), log.get("client_cert")) for log in certificates] == [
        ("x509", True, None),
        ("x509", False, None),
        ("x509", None, True),
    ]


def test_a_modern_handshake_hides_its_certificates() -> None:
    ssl, certificates = _told("tls13")
    assert (ssl["version"], ssl["cipher"], ssl["curve"]) == ("TLSv13", "TLS_AES_256_GCM_SHA384", "x25519")
    assert (ssl["established"], ssl["resumed"], certificates) == (True, False, [])


@pytest.mark.parametrize("name", ["resumed", "resumed13"])
def test_a_resumed_session_is_told_from_a_new_one(name: str) -> None:
    ssl, certificates = _told(name)
    assert (ssl["established"], ssl["resumed"], certificates) == (True, True, [])


def test_an_old_version_and_a_home_made_certificate() -> None:
    ssl, _ = _told("tls10")
    assert (ssl["version"], ssl["validation_status"]) == ("TLSv10", "self-signed certificate")
    assert "server_name" not in ssl


def test_a_refusal_says_why() -> None:
    ssl, _ = _told("refused")
    assert (ssl["established"], ssl["last_alert"], "version" in ssl) == (False, "protocol_version", False)


def _at(when: int) -> list[Log]:
    parser = PROTOCOL.open(FLOW)
    return [log for side, data in TALKS["tls12"].turns for log in parser.feed(side, when, data)]


@pytest.mark.parametrize(
    ("when", "status"),
    [
        (NOW, None),
        (NOW + 31_536_000_000_000, "certificate has expired"),
        (NOW - 31_536_000_000_000, "certificate is not yet valid"),
    ],
)
def test_a_certificate_is_judged_by_the_time_of_the_packet(when: int, status: str | None) -> None:
    assert _at(when)[0].fields.get("validation_status") == status


def test_the_flow_is_done_when_both_sides_encrypt() -> None:
    parser = PROTOCOL.open(FLOW)
    logs = [log for side, data in TALKS["tls13"].turns for log in parser.feed(side, NOW, data)]
    assert parser.done
    assert [log.path for log in logs] == ["ssl"]
    assert list(parser.close(NOW)) == []


def test_one_side_alone_is_told_at_the_end() -> None:
    for name in ("tls12", "tls13", "resumed"):
        for side, field in ((Side.ORIG, "ja4"), (Side.RESP, "ja3s")):
            turns = [turn for turn in TALKS[name].turns if turn[0] == side]
            ssl = run(PROTOCOL, FLOW, turns)[0]
            assert (ssl.path, ssl.fields["established"], field in ssl.fields) == ("ssl", False, True)


def test_a_side_that_goes_on_alone_is_not_followed_for_ever() -> None:
    parser = PROTOCOL.open(FLOW)
    for side, data in TALKS["tls13"].turns:
        if side == Side.RESP:
            assert not list(parser.feed(side, NOW, data))
    logs: list[Log] = []
    for _ in range(MAX_UNANSWERED // 1000):
        logs += parser.feed(Side.RESP, NOW, bytes(1000))
    assert (parser.done, [log.path for log in logs]) == (True, ["ssl"])


def test_holes_in_both_sides_end_the_reading() -> None:
    parser = PROTOCOL.open(FLOW)
    assert not list(parser.feed(*TALKS["tls12"].turns[0][:1], NOW, TALKS["tls12"].turns[0][1]))
    assert not list(parser.lost(Side.RESP, NOW))
    (ssl,) = parser.lost(Side.ORIG, NOW)
    assert (parser.done, ssl.fields["server_name"]) == (True, "gmina.example")


def test_what_was_read_before_the_damage_is_told() -> None:
    turns = [TALKS["tls12"].turns[0], (Side.RESP, b"\x99" * 20)]
    ssl, weird = run(PROTOCOL, FLOW, turns)
    assert ssl.fields["server_name"] == "gmina.example"
    assert (weird.path, weird.fields) == ("weird", {"name": "ssl_invalid_record"})


def test_a_certificate_that_is_none_spoils_itself_alone() -> None:
    body = pack("!I", 8)[1:] + pack("!I", 5)[1:] + b"\x30\x80abc"
    message = b"\x0b" + pack("!I", len(body))[1:] + body
    record = b"\x16\x03\x03" + pack("!H", len(message)) + message
    ssl, weird = run(PROTOCOL, FLOW, [TALKS["tls12"].turns[0], (Side.RESP, record)])
    assert ssl.fields["cert_chain_fps"] == [hashlib.sha256(b"\x30\x80abc").hexdigest()]
    assert weird.fields == {"name": "x509_unreadable"}


def _record(handshake: bytes) -> bytes:
    return b"\x16\x03\x01" + pack("!H", len(handshake)) + handshake


@pytest.mark.parametrize(
    ("data", "weird"),
    [
        (b"\x16\x03\x01\xff\xff", "ssl_record_too_long"),
        (b"\x16\x02\x01\x00\x01", "ssl_invalid_record"),
        (_record(b"\x01" + pack("!I", MAX_MESSAGE + 1)[1:]), "ssl_handshake_message_too_long"),
        (_record(b"\x00\x00\x00\x00" * (MAX_MESSAGES + 1)), "ssl_handshake_endless"),
        (_record(b"\x01\x00\x00\x29" + b"\x03\x03" + bytes(33) + b"\x00\xff" + bytes(4)), "ssl_length_past_end"),
    ],
)
def test_lengths_that_lie_and_handshakes_without_end(data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        run(PROTOCOL, FLOW, [(Side.ORIG, data)])


_CODES = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20)


@given(
    ciphers=_CODES,
    groups=_CODES,
    algorithms=_CODES,
    name=st.from_regex(r"[a-z]{1,20}\.[a-z]{2,5}", fullmatch=True),
    versions=st.lists(st.sampled_from([0x0301, 0x0302, 0x0303, 0x0304, 0x0A0A]), min_size=1, max_size=4),
)
@settings(max_examples=20)
def test_hellos_are_read_as_they_were_made(
    ciphers: list[int], groups: list[int], algorithms: list[int], name: str, versions: list[int]
) -> None:
    made = LAYERS.TLSClientHello(
        version=0x0303,
        ciphers=ciphers,
        ext=[
            LAYERS.TLS_Ext_ServerName(servernames=[LAYERS.ServerName(servername=name.encode())]),
            LAYERS.TLS_Ext_SupportedGroups(groups=groups),
            LAYERS.TLS_Ext_SupportedPointFormat(ecpl=[0, 1]),
            LAYERS.TLS_Ext_SignatureAlgorithms(sig_algs=algorithms),
            LAYERS.TLS_Ext_SupportedVersion_CH(versions=versions),
        ],
    )
    data = bytes(LAYERS.TLS(msg=[made]))
    assert PROTOCOL.recognises(Side.ORIG, data)
    hello = client_hello(data[9:])
    assert (hello.version, hello.server_name) == (0x0303, name.encode())
    assert hello.ciphers == tuple(ciphers)
    assert hello.groups == tuple(groups)
    assert hello.formats == b"\x00\x01"
    assert hello.signatures == tuple(algorithms)
    assert hello.versions == tuple(versions)
    assert hello.newest == max([v for v in versions if v != 0x0A0A], default=0x0303)


def _hello(ciphers: bytes, extensions: bytes) -> bytes:
    body = b"\x03\x03" + bytes(32) + b"\x00" + pack("!H", len(ciphers)) + ciphers + b"\x01\x00"
    return body + (pack("!H", len(extensions)) + extensions if extensions else b"")


def _alpn(name: bytes) -> bytes:
    return pack("!HHHB", 16, len(name) + 3, len(name) + 1, len(name)) + name


def test_fingerprints_leave_grease_out() -> None:
    extensions = (
        bytes.fromhex("0a0a0000")
        + pack("!HH", 10, 6)
        + bytes.fromhex("00041a1a001d")
        + pack("!HH", 13, 4)
        + bytes.fromhex("00020403")
    )
    hello = client_hello(_hello(bytes.fromhex("2a2a1302c02b"), extensions))
    assert ja4_raw(hello, "t") == "t12i020200_1302,c02b_000a,000d_0403"
    message = _hello(bytes.fromhex("2a2a1302c02b"), extensions)
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, _record(b"\x01" + pack("!I", len(message))[1:] + message))])
    tail = hashlib.sha256(b"000a,000d_0403").hexdigest()[:12]
    assert log.fields["ja4"] == f"t12i020200_{hashlib.sha256(b'1302,c02b').hexdigest()[:12]}_{tail}"
    assert log.fields["ja3"] == hashlib.md5(b"771,4866-49195,10-13,29,", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"x", "xx"),
        (b"-a", "21"),
        (b"\xab\xcd", "99"),
        (b"a\xff", "a9"),
        (b"", "00"),
    ],
)
def test_the_ends_of_the_first_protocol(alpn: bytes, ends: str) -> None:
    hello = client_hello(_hello(b"\x13\x01", _alpn(alpn)))
    assert ja4_raw(hello, "q") == f"q12i0101{ends}_1301_"
    assert ja4_raw(hello, "q", ordered=True) == f"q12i0101{ends}_1301_0010"


def test_an_encrypted_hello_is_seen() -> None:
    message = _hello(b"\x13\x01", pack("!HH", 0xFE0D, 2) + b"\0\0")
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, _record(b"\x01" + pack("!I", len(message))[1:] + message))])
    assert log.fields["ech"] is True


def test_a_hello_of_two_segments_is_joined() -> None:
    """Hellos with a key share of 1,216 bytes (X25519MLKEM768) do not fit one segment."""
    share = pack("!HHHHH", 51, 1222, 1220, 4588, 1216) + bytes(1216)
    message = _hello(b"\x13\x01", share + pack("!HHHBH", 0, 9, 7, 0, 4) + b"host")
    data = _record(b"\x01" + pack("!I", len(message))[1:] + message)
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, data[:700]), (Side.ORIG, data[700:])])
    assert log.fields["server_name"] == "host"


def test_the_first_hello_counts_after_a_request_to_retry() -> None:
    retry = b"\x03\x03" + bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c") + b"\x00"
    retry += b"\x13\x01\x00" + pack("!H", 12) + bytes.fromhex("002b00020304") + bytes.fromhex("003300020017")
    first, second = _hello(b"\x13\x01", _alpn(b"h2")), _hello(b"\x13\x01\x13\x02", b"")
    wrap = [_record(kind + pack("!I", len(body))[1:] + body) for kind, body in ((b"\1", first), (b"\2", retry))]
    turns = [(Side.ORIG, wrap[0]), (Side.RESP, wrap[1] + b"\x14\x03\x03\0\1\1"), (Side.ORIG, b"\x14\x03\x03\0\1\1")]
    turns.append((Side.ORIG, _record(b"\1" + pack("!I", len(second))[1:] + second)))
    (log,) = run(PROTOCOL, FLOW, turns)
    assert str(log.fields["ja4"]).startswith("t12i0101h2_")
    assert (log.fields["version"], log.fields["curve"], log.fields["established"]) == ("TLSv13", "secp256r1", False)


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("www.a.pl", "*.a.pl", True),
        ("a.pl", "*.a.pl", False),
        ("x.www.a.pl", "*.a.pl", False),
        ("a.pl", "a.pl", True),
        ("a.pl", "b.pl", False),
    ],
)
def test_names_of_certificates(name: str, pattern: str, fits: bool) -> None:
    assert matches(name, pattern) is fits


@given(st.binary(max_size=40))
@settings(max_examples=50)
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, b"G" + data)
    assert not PROTOCOL.recognises(Side.ORIG, b"\x16\x03\x01\x00\x20\x0e" + data)


def _old(version: int = 0x0301, *, ciphers: bytes = b"\x00\x00\x2f\x07\x00\xc0", challenge: int = 16) -> bytes:
    body = b"\x01" + pack("!4H", version, len(ciphers), 0, challenge) + ciphers + b"c" * challenge
    return pack("!H", 0x8000 | len(body)) + body


def test_a_hello_in_the_form_of_ssl_2_hides_nothing() -> None:
    new, *certificates = logs_of(PROTOCOL, TALKS["tls10"])
    turns = [(Side.ORIG, _old()), *TALKS["tls10"].turns[1:]]
    assert PROTOCOL.recognises(*turns[0])
    old, *others = run(PROTOCOL, FLOW, turns)
    fingerprints = {"ja3", "ja4", "_path"}
    assert old.fields == {name: value for name, value in new.items() if name not in fingerprints}
    assert [log.path for log in others] == [one["_path"] for one in certificates]
    found = old_hello(_old())
    assert found is not None
    assert (found.version, found.ciphers, found.old) == (0x0301, (0x2F,), True)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80", _old()[:-1], _old(0x0304), _old(0x0100), _old(ciphers=b""), _old(ciphers=b"\0\0"),
        _old(challenge=15), _old(challenge=33), _old(ciphers=bytes(600)), b"\x00" + _old()[1:],
    ],
)  # fmt: skip
def test_other_bytes_are_no_hello_of_ssl_2(data: bytes) -> None:
    assert old_hello(data) is None
    assert not PROTOCOL.recognises(Side.ORIG, data)
    parser = PROTOCOL.open(FLOW)
    with contextlib.suppress(Malformed):
        assert not list(parser.feed(Side.ORIG, 1, data))
    assert not list(parser.close(2))
