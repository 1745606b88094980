"""Zeek's JSON logs."""

from __future__ import annotations

import pytest

from collector.foreign.entries import Raw
from collector.foreign.zeek import Zeek
from collector.logs import record

LINE = {
    "ts": 1_790_000_000.25, "uid": "CabcDEF", "id.orig_h": "fd00::1", "id.orig_p": 5000, "id.resp_h": "fd00::2",
    "id.resp_p": 53, "proto": "udp", "query": "urzad.example", "answers": ["fd00::9"], "rejected": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "more"), [("dns.log", {}), ("dns.2026-11-22.log", {}), ("all.json", {"_path": "dns"})]
)
def test_a_line_is_the_log_that_it_is(file: str, more: Raw) -> None:
    (entry,) = Zeek(file).read(LINE | dict(more))
    assert record(entry) == {"_path": "dns", **LINE}


def test_a_log_without_a_flow_has_none() -> None:
    (entry,) = Zeek("x509.log").read({"ts": 1.5, "certificate.serial": "8BB00EE", "none": None, "nested": {"a": 1}})
    assert record(entry) == {"_path": "x509", "ts": 1.5, "certificate.serial": "8BB00EE"}


@pytest.mark.parametrize(
    "raw", [{}, {"ts": "wczoraj"}, {"ts": True}, {"ts": 1, "_path": "../etc"}, {"ts": 1, "_path": 5}]
)
def test_what_is_no_log_is_an_error(raw: Raw) -> None:
    with pytest.raises(ValueError):
        Zeek("conn.log").read(raw)


@pytest.mark.parametrize(
    ("log", "fields", "kept"),
    [
        ("http", {"uri": "/a?psw=Zima1", "password": "Zima1", "username": "jan"},
         {"uri": "/a?psw=***", "username": "jan", "cleartext_password": True}),
        ("http", {"uri": "/a?id=1"}, {"uri": "/a?id=1"}),
        ("ftp", {"command": "PASS", "arg": "Zima1", "user": "bip"},
         {"command": "PASS", "user": "bip", "cleartext_password": True}),
        ("ftp", {"command": "SITE", "arg": "PSWD Zima1 Zima2"},
         {"command": "SITE", "arg": "PSWD", "cleartext_password": True}),
        ("ftp", {"command": "RETR", "arg": "a.txt", "password": "<hidden>"}, {"command": "RETR", "arg": "a.txt"}),
    ],
)  # fmt: skip
def test_secrets_are_left_out(log: str, fields: Raw, kept: Raw) -> None:
    (entry,) = Zeek(f"{log}.log").read({"ts": 1.5, **fields})
    assert record(entry) == {"_path": log, "ts": 1.5, **kept}
