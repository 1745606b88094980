"""Commands: what both ends take for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.commands import (
    KINDS,
    LOG_LEVEL,
    LONGEST,
    REFRESH,
    RENEW,
    SLICE,
    UPDATE,
    BadCommand,
    Command,
    is_uid,
    parse,
    signed_bytes,
)

GOOD = Command(7, "00000000-0000-4000-8000-000000000001", SLICE, "CabcDEF0123456789", 1_790_000_000_000_000)


ARGUED = (
    (SLICE, "CabcDEF0123456789"),
    (REFRESH, "inventory"),
    (REFRESH, "posture"),
    (RENEW, ""),
    (LOG_LEVEL, "debug"),
    (UPDATE, "1.20.3"),
    (UPDATE, "2026.11.1rc2"),
)


def test_each_kind_has_its_example() -> None:
    assert {kind for kind, _ in ARGUED} == KINDS


@given(st.integers(1, 1 << 61), st.text(max_size=40), st.sampled_from(ARGUED), st.integers(1, 1 << 61))
def test_a_statement_is_read_as_it_was_written(number: int, agent: str, what: tuple[str, str], until: int) -> None:
    command = Command(number, agent, *what, until)
    assert parse(command.statement()) == command
    assert signed_bytes(command.statement()).startswith(b"czujka command 1\n")


@pytest.mark.parametrize(
    "change",
    [{"kind": "run"}, {"kind": ["slice"]}, {"argument": "../../etc"}, {"argument": None}, {"id": True}, {"id": 0},
     {"id": 1 << 62}, {"until": "now"}, {"agent": 5}, {"shell": "x"}, {"argument": "C" * 33},
     {"kind": "refresh"}, {"kind": "refresh", "argument": "inventory; reboot"}, {"kind": "renew", "argument": "now"},
     {"kind": "log_level", "argument": "DEBUG"}, {"kind": "update", "argument": "../1.2"},
     {"kind": "update", "argument": "1.2\n"}, {"kind": "policy", "argument": ""}],
)  # fmt: skip
def test_what_is_not_a_command_of_the_list_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadCommand):
        parse(json.dumps({**GOOD._asdict(), **change}))


@given(st.one_of(st.none(), st.integers(), st.text(max_size=60), st.binary(max_size=60)))
def test_anything_else_is_refused_without_a_fault(value: object) -> None:
    with pytest.raises(BadCommand):
        parse(value)


def test_depth_and_length_are_bounded() -> None:
    for text in ("[" * LONGEST, " " * (LONGEST + 1), "{}", "[]"):
        with pytest.raises(BadCommand):
            parse(text)


def test_a_uid_is_letters_and_digits() -> None:
    assert is_uid("CHhAvVGS1DHFjwGM9")
    assert not any(is_uid(text) for text in ("", "C", "C/../x12345", "Cabc DEF01234", "Cabcdefgh\n", "-oFILE12345"))
