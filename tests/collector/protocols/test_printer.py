"""Printers: in which language a job comes, and who reads a printer's disk instead."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.model import Side
from collector.protocols.printer import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("printer")}


def test_a_page_is_no_reading_of_the_disk() -> None:
    assert logs_of(PROTOCOL, _TALKS["job"]) == [
        {"_path": "printer", "language": "PCLXL", "pjl": ["ENTER", "JOB", "SET"], "unusual": False}
    ]
    assert logs_of(PROTOCOL, _TALKS["disk"]) == [
        {"_path": "printer", "pjl": ["FSDIRLIST", "FSUPLOAD"], "unusual": True}
    ]
    assert logs_of(PROTOCOL, _TALKS["queue"]) == [{"_path": "printer", "command": "receive job", "queue": "biuro"}]


@settings(max_examples=50)
@given(language=st.sampled_from(["PCL", "PCLXL", "POSTSCRIPT", "PDF", "ESCPR"]), page=st.binary(max_size=200))
def test_the_language_is_told_whatever_is_printed(language: str, page: bytes) -> None:
    data = b"\x1b%-12345X@PJL ENTER LANGUAGE = " + language.lower().encode() + b"\r\n" + page
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, flow_of("tcp", 5, 9100), [(Side.ORIG, data)])
    assert log.fields["language"] == language


def test_only_the_beginning_of_a_job_is_looked_at() -> None:
    parser = PROTOCOL.open(flow_of("tcp", 5, 9100))
    told = [log for _ in range(100) for log in parser.feed(Side.ORIG, 1, b"%!PS-Adobe-3.0 " + bytes(1000))]
    assert [dict(log.fields) for log in told] == [{"language": "POSTSCRIPT"}]
    assert parser.done
    assert list(parser.close(2)) == []


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
