"""Log lines and journal entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sensors.sysloglines import MAX_LINE, parse_entry, parse_line

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=1)))


def micros(*parts: int) -> int:
    return int((datetime(*parts, tzinfo=UTC)).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]


def test_the_traditional_form() -> None:
    record = parse_line(b"Nov 22 11:59:01 urzad sshd[123]: Failed password for root from 10.0.0.1 port 22 ssh2", NOW)
    assert record == {
        "event.module": "linux.syslog",
        "message": "Failed password for root from 10.0.0.1 port 22 ssh2",
        "log.syslog.appname": "sshd",
        "host.name": "urzad",
        "@timestamp": micros(2026, 11, 22, 10, 59, 1),
        "process.pid": 123,
    }


def test_rsyslogs_default_form() -> None:
    record = parse_line(b"2026-11-22T11:59:01.250000+01:00 urzad sudo: jan : TTY=pts/0 ; COMMAND=/bin/ls", NOW)
    assert record is not None
    assert record["@timestamp"] == micros(2026, 11, 22, 10, 59, 1) + 250_000
    assert "process.pid" not in record


@pytest.mark.parametrize(
    ("text", "year"),
    [("Dec 31 23:00:00", 2025), ("Nov 22 11:00:00", 2026), ("Nov 23 11:00:00", 2026), ("Jan  2 01:00:00", 2026)],
)
def test_the_missing_year(text: str, year: int) -> None:
    record = parse_line(f"{text} h CRON[1]: (root) CMD (x)".encode(), NOW)
    assert record is not None
    at = record["@timestamp"]
    assert isinstance(at, int)
    assert datetime.fromtimestamp(at / 1e6, tz=NOW.tzinfo).year == year


def test_the_turn_of_the_year() -> None:
    record = parse_line(b"Jan  1 00:00:01 h su: x", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert record is not None
    assert record["@timestamp"] == micros(2027, 1, 1, 0, 0, 1)


@pytest.mark.parametrize(
    "line", [b"", b"Nov 22 11:59:01 h kernel: x", b"sshd: x", b"Feb 31 11:59:01 h dhclient: x", b"\xff\xfe"]
)
def test_others_are_left_out(line: bytes) -> None:
    assert parse_line(line, NOW) is None


def test_an_impossible_day_has_no_time() -> None:
    record = parse_line(b"Feb 31 11:59:01 h sshd: x", NOW)
    assert record is not None
    assert "@timestamp" not in record


def test_a_secret_in_a_sudo_line_is_replaced() -> None:
    record = parse_line(b"Nov 22 11:59:01 h sudo: jan : COMMAND=/usr/bin/mysql --password=Tajne1", NOW)
    assert record is not None
    assert "Tajne1" not in str(record)


@given(st.binary(max_size=300))
def test_any_line_gives_a_record_or_nothing(line: bytes) -> None:
    record = parse_line(line, NOW)
    assert record is None or record["event.module"] == "linux.syslog"


@given(st.binary(max_size=300))
def test_any_text_after_the_head_is_kept(text: bytes) -> None:
    record = parse_line(b"Nov 22 11:59:01 h sshd[1]: " + text.replace(b"\n", b""), NOW)
    assert record is not None


ENTRY = {
    "__CURSOR": "s=1;i=2",
    "__REALTIME_TIMESTAMP": "1795306202426000",
    "SYSLOG_IDENTIFIER": "sshd",
    "MESSAGE": "Accepted publickey for jan",
    "_PID": "77",
    "_UID": "0",
    "_HOSTNAME": "<b>h</b>",
}


def entry(**changes: object) -> bytes:
    return json.dumps({**ENTRY, **changes}).encode()


def test_an_entry() -> None:
    record, cursor = parse_entry(entry())
    assert cursor == "s=1;i=2"
    assert record == {
        "event.module": "linux.syslog",
        "message": "Accepted publickey for jan",
        "log.syslog.appname": "sshd",
        "journald.cursor": "s=1;i=2",
        "@timestamp": 1795306202426000,
        "process.pid": 77,
        "user.id": "0",
        "host.name": "<b>h</b>",
    }


@pytest.mark.parametrize(
    ("message", "text"),
    [([104, 105, 255], "hi\\xff"), (["a", "b"], "a"), (None, ""), (5, ""), ("x" * 99999, "x" * MAX_LINE)],
)
def test_forms_of_a_message(message: object, text: str) -> None:
    record, _ = parse_entry(entry(MESSAGE=message))
    assert record is not None
    assert record["message"] == text


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"null", b"[" * 100_000, entry(__CURSOR=None), entry(__CURSOR="x" * 2000)]
)
def test_what_is_no_entry(data: bytes) -> None:
    assert parse_entry(data) == (None, None)


def test_other_programs_only_move_the_cursor() -> None:
    assert parse_entry(entry(SYSLOG_IDENTIFIER="kernel")) == (None, "s=1;i=2")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(ENTRY)), JSONS))
def test_any_entry(values: dict[str, object]) -> None:
    record, cursor = parse_entry(entry(**values))
    assert record is None or cursor is not None
