"""Syslog: who reports, once a kind; never the message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Malformed, Side
from collector.protocols.syslog import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("syslog")}


def test_each_kind_is_told_once() -> None:
    assert logs_of(PROTOCOL, _TALKS["switch"]) == [
        {"_path": "syslog", "facility": "LOCAL7", "severity": "NOTICE"},
        {"_path": "syslog", "facility": "AUTH", "severity": "CRIT"},
    ]


@settings(max_examples=50)
@given(number=st.integers(0, 999))
def test_priorities_are_read_as_the_standard_says(number: int) -> None:
    turns = [(Side.ORIG, f"<{number}>Nov 22 12:00:00 brama Tajne".encode())]
    if number > 191:
        with pytest.raises(Malformed, match="priority"):
            run(PROTOCOL, flow_of("udp", 5, 514), turns)
        return
    (log,) = run(PROTOCOL, flow_of("udp", 5, 514), turns)
    severities = ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
    assert log.fields["severity"] == severities[number % 8]
    assert str(log.fields["facility"]).startswith("LOCAL") == (number >= 128)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
