"""Who reached whom before, and who hands on mail and names."""

from __future__ import annotations

import json
from typing import Any

from collector.acquaintance import MOST_DOORS, WEEK, Acquaintance
from collector.records import wire_record
from tests.collector.analysers.logs import BEGIN, DAY, SECOND, conn, dns, fired

MONITOR, DESK, SERVER, OUTSIDE = "192.168.10.8", "192.168.10.40", "192.168.10.5", "9.9.9.9"


def said(made: Acquaintance, at: int, target: str, port: int, source: str, **fields: Any) -> Any:
    return made.say(conn(at, target, port, source=source, **fields)).log.fields


def failed(made: Acquaintance, at: int, source: str = MONITOR, port: int = 10_050) -> Any:
    fields = said(made, at, DESK, port, source, conn_state="S0", sent=0, got=0)
    return fields.get("reached_before", False)


def test_who_reached_a_port_within_a_week_does_not_search_for_it() -> None:
    made = Acquaintance()
    assert not failed(made, BEGIN)
    said(made, BEGIN + SECOND, DESK, 10_050, MONITOR)
    assert failed(made, BEGIN + DAY)
    assert not failed(made, BEGIN + DAY, port=22)
    assert not failed(made, BEGIN + DAY, source=SERVER)
    assert not failed(made, BEGIN + WEEK + 2 * SECOND)


def test_a_connection_without_a_word_reaches_nothing() -> None:
    made = Acquaintance()
    said(made, BEGIN, DESK, 10_050, MONITOR, sent=0, got=0)
    assert not failed(made, BEGIN + DAY)


def test_who_answers_mail_and_names_hands_them_on() -> None:
    made = Acquaintance()
    for port in (25, 53):
        assert "orig_serves" not in said(made, BEGIN, OUTSIDE, port, SERVER)
        said(made, BEGIN, SERVER, port, DESK)
        assert said(made, BEGIN, OUTSIDE, port, SERVER)["orig_serves"] is True
        assert "orig_serves" not in said(made, BEGIN, OUTSIDE, port, DESK)
    said(made, BEGIN, SERVER, 443, DESK)
    assert "orig_serves" not in said(made, BEGIN, OUTSIDE, 443, SERVER)


def test_rules_go_by_it() -> None:
    made, rules = (
        Acquaintance(),
        {"zeek_conn_refused_inside", "zeek_conn_mail_past_server", "zeek_conn_foreign_resolver"},
    )
    for reached, told in ((True, set()), (False, rules)):
        if reached:
            said(made, BEGIN, DESK, 10_050, MONITOR)
            for port in (25, 53):
                said(made, BEGIN, SERVER, port, DESK)
        seen = made if reached else Acquaintance()
        entries = [
            conn(BEGIN + 1, DESK, 10_050, source=MONITOR, conn_state="S0", sent=0, got=0),
            conn(BEGIN + 1, OUTSIDE, 25, source=SERVER),
            dns(BEGIN + 1, "bip.gmina.example", source=SERVER, server=OUTSIDE, local_orig=True, local_resp=False),
        ]
        assert fired([wire_record(seen.say(one)) for one in entries]) & rules == told


def test_it_outlives_a_restart_and_what_cannot_be_read_is_forgotten() -> None:
    before, after, broken = Acquaintance(), Acquaintance(), Acquaintance()
    said(before, BEGIN, DESK, 10_050, MONITOR)
    said(before, BEGIN, SERVER, 25, DESK)
    after.recall(json.loads(json.dumps(before.memory())))
    assert failed(after, BEGIN + 1)
    assert said(after, BEGIN, OUTSIDE, 25, SERVER)["orig_serves"] is True
    for wrong in (None, {}, {"doors": [["x"]], "servers": []}, {"doors": [["x", "y"]], "servers": []}):
        broken.recall(wrong)
    assert not failed(broken, BEGIN + 1)


def test_what_is_remembered_is_bounded() -> None:
    made = Acquaintance()
    for number in range(MOST_DOORS + 1):
        said(made, BEGIN, DESK, number, MONITOR)
    assert not failed(made, BEGIN + 1, port=0)
    assert failed(made, BEGIN + 1, port=1)
