"""SSH: banners and offers of a real client, offers that scapy makes, signing in by sizes, damage of every kind."""

from __future__ import annotations

import hashlib
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.ssh import SSH, NameList, SSHKexInit

from collector.protocols.model import Malformed, Side
from collector.protocols.ssh import PROTOCOL, kexinit
from collector.protocols.ssh.attempts import MAX_SEGMENTS, Attempts
from collector.protocols.ssh.conversation import MAX_BEFORE_BANNER, MAX_PACKETS
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("ssh")}
FLOW = flow_of("tcp", 50123, 22)
BANNER = b"SSH-2.0-OpenSSH_9.9\r\n"


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_what_comes_before_encryption_is_read_in_any_pieces(talk: Talk) -> None:
    (whole,) = logs_of(PROTOCOL, talk)
    for size in (1, 9, 200):
        (found,) = in_pieces(PROTOCOL, talk, size)
        assert {**found, "auth_success": 0, "auth_attempts": 0} == {**whole, "auth_success": 0, "auth_attempts": 0}


def test_a_connection_with_its_programs_and_algorithms() -> None:
    (log,) = logs_of(PROTOCOL, TALKS["success"])
    assert (log["version"], log["server"]) == (2, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")
    assert log["client"] == "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6"
    assert (log["kex_alg"], log["host_key_alg"]) == ("curve25519-sha256", "ssh-ed25519")
    assert (log["cipher_alg"], log["compression_alg"]) == ("chacha20-poly1305@openssh.com", "none")
    key = b"".join(pack("!I", len(part)) + part for part in (b"ssh-ed25519", bytes(range(32))))
    assert str(log["host_key"]).replace(":", "") == hashlib.md5(key, usedforsecurity=False).hexdigest()


def test_fingerprints_are_made_of_four_lists() -> None:
    (log,) = logs_of(PROTOCOL, TALKS["success"])
    server = "curve25519-sha256,diffie-hellman-group-exchange-sha256;chacha20-poly1305@openssh.com;"
    server += "hmac-sha2-512;none,zlib@openssh.com"
    assert log["hasshServerAlgorithms"] == server
    assert log["hasshServer"] == hashlib.md5(server.encode(), usedforsecurity=False).hexdigest()
    client = str(log["hasshAlgorithms"])
    assert client.startswith("sntrup761x25519-sha512,")
    assert log["hassh"] == hashlib.md5(client.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(("name", "success", "attempts"), [("success", True, 2), ("guessing", False, 3)])
def test_signing_in_is_seen_by_sizes(name: str, success: bool, attempts: int) -> None:
    (log,) = logs_of(PROTOCOL, TALKS[name])
    assert (log["auth_success"], log["auth_attempts"]) == (success, attempts)


def test_the_flow_is_done_when_somebody_is_in() -> None:
    parser = PROTOCOL.open(FLOW)
    logs = [log for side, data in TALKS["success"].turns if not parser.done for log in parser.feed(side, 5, data)]
    assert (parser.done, len(logs), list(parser.close(6))) == (True, 1, [])


def test_the_first_version_is_named() -> None:
    (log,) = logs_of(PROTOCOL, TALKS["old"])
    assert (log["version"], log["client"]) == (1, "SSH-1.5-1.2.26")


def test_a_server_may_say_something_before() -> None:
    talk = TALKS["greeting"]
    assert not PROTOCOL.recognises(*talk.turns[0])
    assert talk.flow.resp_p in PROTOCOL.ports
    (log,) = logs_of(PROTOCOL, talk)
    assert (log["server"], "auth_success" in log) == ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", False)


def test_a_hole_ends_the_reading() -> None:
    parser = PROTOCOL.open(FLOW)
    assert not list(parser.feed(Side.ORIG, 3, BANNER))
    (log,) = parser.lost(Side.RESP, 4)
    assert (log.at, log.fields["client"], parser.done) == (3, "SSH-2.0-OpenSSH_9.9", True)


def test_one_side_alone_is_told() -> None:
    for side, field in ((Side.ORIG, "hassh"), (Side.RESP, "hasshServer")):
        turns = [turn for turn in TALKS["success"].turns if turn[0] == side]
        (log,) = run(PROTOCOL, FLOW, turns)
        assert field in log.fields
        assert "auth_success" not in log.fields


def test_the_first_refusal_gives_the_size_and_counts_not() -> None:
    seen = Attempts()
    seen.server(300)  # before the client asked: extensions
    seen.client()
    for size in (44, 700, 76):
        seen.server(size)
    assert (seen.success, seen.count) == (None, 0)
    seen.server(76)
    assert (seen.success, seen.count, seen.over) == (False, 1, False)
    seen.server(28)
    assert (seen.success, seen.count, seen.over) == (True, 2, True)


def test_a_session_is_not_watched_for_ever() -> None:
    seen = Attempts()
    seen.client()
    for _ in range(MAX_SEGMENTS):
        assert not seen.over
        seen.server(100)
    assert seen.over


_NAMES = st.lists(st.text("abcxyz0189-@.", min_size=1, max_size=20), min_size=1, max_size=5)


@given(lists=st.lists(_NAMES, min_size=8, max_size=8), padding=st.binary(min_size=4, max_size=30))
@settings(max_examples=50)
def test_offers_are_read_as_they_were_made(lists: list[list[str]], padding: bytes) -> None:
    fields = [field.name for field in SSHKexInit.fields_desc[2:10]]
    values: dict[str, Any] = {
        name: NameList(names=[item.encode() for item in items]) for name, items in zip(fields, lists, strict=True)
    }
    made = SSHKexInit(cookie=bytes(16), **values)
    payload = bytes(made)
    packet = bytes(
        SSH(
            packet_length=len(payload) + len(padding) + 1, padding_length=len(padding), pay=made, random_padding=padding
        )
    )
    (log,) = run(PROTOCOL, FLOW, [(Side.ORIG, BANNER + packet)])
    assert log.fields["hasshAlgorithms"] == ";".join(",".join(lists[place]) for place in (0, 2, 4, 6))
    offer = kexinit.read(payload)
    assert kexinit.agreed(offer, offer, 0) == lists[0][0]
    assert kexinit.agreed(offer, kexinit.KexInit(("",) * 8), 0) is None


def _packet(payload: bytes) -> bytes:
    return pack("!IB", len(payload) + 5, 4) + payload + bytes(4)


@pytest.mark.parametrize(
    ("data", "weird"),
    [
        (b"x" * (MAX_BEFORE_BANNER + 1), "malformed_ssh_identification"),
        (b"\n" * (MAX_PACKETS + 1), "malformed_ssh_identification"),
        (BANNER + b"\xff\xff\xff\xff\x04\x14", "ssh_packet_too_long"),
        (BANNER + _packet(b"\x02") * (MAX_PACKETS + 1), "ssh_too_many_packets"),
        (BANNER + _packet(b"\x14" + bytes(16) + b"\x00\x00\xff\xff"), "ssh_list_too_long"),
        (BANNER + _packet(b"\x14" + bytes(16) + pack("!I", 1) + b"\x07"), "ssh_bad_algorithm_name"),
    ],
)
def test_packets_that_lie(data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        run(PROTOCOL, FLOW, [(Side.RESP, data)])


def test_a_banner_is_cut_and_escaped() -> None:
    (log,) = run(PROTOCOL, FLOW, [(Side.RESP, b"SSH-2.0-\x1b[31m\xff" + b"a" * 900 + b"\r\n")])
    assert str(log.fields["server"]).startswith("SSH-2.0-\\x1b[31m\\xffaaa")
    assert len(str(log.fields["server"])) < 300


@given(st.binary(max_size=60))
@settings(max_examples=50)
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, b"SSH" + data.replace(b"-", b"+"))
