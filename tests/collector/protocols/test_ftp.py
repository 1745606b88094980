"""FTP: sign-ins and what is moved; passwords are passed over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.frames import LINE
from collector.protocols.ftp import PROTOCOL
from collector.protocols.model import Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("ftp")}
_FLOW = flow_of("tcp", 50123, 21)


def test_a_page_is_replaced() -> None:
    common = {"_path": "ftp", "user": "bip"}
    channel = {
        "data_channel.passive": True, "data_channel.orig_h": "192.168.10.31", "data_channel.resp_h": "192.168.10.5",
        "data_channel.resp_p": 51210,
    }  # fmt: skip
    assert logs_of(PROTOCOL, _TALKS["upload"]) == [
        common | {"command": "USER", "arg": "bip", "reply_code": 331},
        common | {"command": "PASS", "cleartext_password": True, "reply_code": 530, "success": False},
        common | {"command": "USER", "arg": "bip", "reply_code": 331},
        common | {"command": "PASS", "cleartext_password": True, "reply_code": 230, "success": True},
        common | channel | {"command": "PASV", "reply_code": 227},
        common | channel | {"command": "STOR", "arg": "index.html", "reply_code": 226},
    ]


def test_the_data_connections_of_active_and_extended_commands_are_told() -> None:
    told = [
        (
            log["command"],
            log.get("data_channel.passive"),
            log.get("data_channel.resp_h"),
            log.get("data_channel.resp_p"),
        )
        for log in logs_of(PROTOCOL, _TALKS["active"])
        if log["command"] != "USER"
    ]
    assert told == [
        ("PORT", False, "192.168.10.31", 51210), ("LIST", False, "192.168.10.31", 51210),
        ("EPRT", False, "192.168.10.31", 51212), ("RETR", False, "192.168.10.31", 51212),
        ("EPSV", True, "192.168.10.5", 51301), ("APPE", True, "192.168.10.5", 51301),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("SITE PSWD Stare1 Nowe2", {"arg": "PSWD", "cleartext_password": True}),
        ("SITE CHPASS Nowe2", {"arg": "CHPASS", "cleartext_password": True}),
        ("site chmod 644 index.html", {"arg": "chmod"}),
        ("SITE HELP", {"arg": "HELP"}),
        ("SITE", {}),
    ],
)
def test_of_a_servers_own_command_the_first_word_is_told(line: str, told: dict[str, object]) -> None:
    turns = [(Side.ORIG, f"{line}\r\n".encode()), (Side.RESP, b"200 done\r\n")]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert log.fields == {"user": "<unknown>", "command": "SITE", "reply_code": 200} | told


def test_nothing_is_read_after_tls_has_begun() -> None:
    assert logs_of(PROTOCOL, _TALKS["tls"]) == [
        {"_path": "ftp", "user": "<unknown>", "command": "AUTH", "arg": "TLS", "reply_code": 234}
    ]


@settings(max_examples=50)
@given(name=st.text("abcdefghijklmnopqrstuvwxyz./ -", min_size=1, max_size=60).map(str.strip).filter(bool))
def test_a_file_is_told_as_named(name: str) -> None:
    turns = [(Side.ORIG, f"RETR {name}\r\n".encode()), (Side.RESP, b"226 done\r\n")]
    (log,) = run(PROTOCOL, _FLOW, turns)
    assert (log.fields["command"], log.fields["arg"], log.fields["reply_code"]) == ("RETR", name, 226)


def test_a_line_without_end_and_commands_without_answers_are_bounded() -> None:
    parser = PROTOCOL.open(_FLOW)
    for _ in range(100):
        parser.feed(Side.ORIG, 1, b"x" * 1000)
    assert len(parser._sides[0]._held) <= LINE + 1000  # type: ignore[attr-defined]
    parser.feed(Side.ORIG, 1, b"\r\n" + b"STOR a\r\n" * 500)
    assert len(list(parser.close(2))) == 32


def test_it_is_told_from_mail() -> None:
    assert PROTOCOL.recognises(Side.RESP, b"220 ProFTPD ready\r\n")
    assert not PROTOCOL.recognises(Side.RESP, b"220 mx ESMTP\r\n")


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
