"""What waits is judged again when another policy holds, and is not sent before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.categories import CATEGORIES
from agent.wire.event import Record
from agent.wire.sending.home import AgentHome
from agent.wire.sending.kept_policy import COPY, FILE
from agent.wire.sending.sensor import Gap
from agent.wire.sending.spool import Spool, Spooled, spooled
from agent.wire.sending.switches import AT_ONCE, Switches
from tests.agent.wire.sending.test_kept_policy import OWN, kept, offer, policy
from tests.agent.wire.sending.test_kept_policy import home as home  # noqa: PLC0414 (a fixture)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db", keep_free=0)
    yield made
    made.close()


def line(program: str, number: int = 0) -> Record:
    return {"event.module": "linux.syslog", "log.syslog.appname": program, "@timestamp": 5, "n": number}


def waiting(*programs: str) -> list[Spooled]:
    return [spooled(line(one, number), 2) for number, one in enumerate(programs)]


def settle(switches: Switches, held: list[Spooled]) -> list[Spooled]:
    while switches.behind:
        held = switches.narrow(held)
    return held


def names(lines: list[bytes]) -> list[str]:
    return [str(json.loads(one)["log.syslog.appname"]) for one in lines]


def test_what_is_switched_off_leaves_the_spool_and_the_memory(home: AgentHome, spool: Spool) -> None:
    one = kept(home)
    switches = Switches(spool, one)
    settle(switches, [])
    assert switches.settled
    spool.add(waiting("sshd", "cron", "sshd"))
    assert one.take(offer(policy(5, OWN, "logons")))
    assert not switches.settled, "before anything else is sent"
    held = settle(switches, waiting("sshd", "useradd"))
    assert switches.settled
    assert names([each.body for each in held]) == ["useradd"]
    batch = spool.batch("boot", 100, 1 << 20)
    assert batch is not None
    assert names(batch.lines) == ["cron"]
    before = (spool.depth, spool.size)
    spool.close()
    again = Spool(home.folder / "spool.db", keep_free=0)
    assert (again.depth, again.size) == before, "what is counted is what is there"
    again.close()


def test_a_part_of_a_record_goes_too(home: AgentHome, spool: Spool) -> None:
    one = kept(home)
    switches = Switches(spool, one)
    spool.add([spooled({"event.module": "linux.audit", "audit.type": "EXECVE", "process.command_line": "ls x"}, 1)])
    assert one.take(offer(policy(5, OWN, "command_lines")))
    settle(switches, [])
    batch = spool.batch("boot", 100, 1 << 20)
    assert batch is not None
    assert json.loads(batch.lines[0]) == {"event.module": "linux.audit", "audit.type": "EXECVE"}
    assert spool.size == len(batch.lines[0]) + 64


def test_a_batch_under_way_stays_as_it_is(home: AgentHome, spool: Spool) -> None:
    """The box may have it: its key must name the same records for ever."""
    one = kept(home)
    switches = Switches(spool, one)
    settle(switches, [])
    spool.add(waiting("sshd", "sshd", "sshd"))
    sent = spool.batch("boot", 2, 1 << 20)
    assert one.take(offer(policy(5, OWN, "logons")))
    settle(switches, [])
    assert spool.batch("boot", 2, 1 << 20) == sent
    assert spool.depth == 2


def test_it_goes_on_after_an_end_and_in_steps(home: AgentHome, spool: Spool) -> None:
    one = kept(home)
    spool.add(waiting(*["sshd", "cron"] * AT_ONCE))
    assert one.take(offer(policy(5, OWN, "logons")))
    first = Switches(spool, one)
    first.narrow([])
    assert not first.settled
    assert spool.depth == 2 * AT_ONCE - AT_ONCE // 2
    second = Switches(spool, one)
    assert not second.settled
    settle(second, [])
    assert spool.depth == AT_ONCE
    assert Switches(spool, one).settled, "no second time under the same policy"


def test_while_the_policy_is_lost_nothing_is_sent_and_nothing_forgotten(home: AgentHome, spool: Spool) -> None:
    spool.add(waiting("sshd", "cron"))
    for name in (FILE, COPY):
        (home.folder / name).write_text("{")
    one = kept(home)
    switches = Switches(spool, one)
    assert (switches.settled, switches.behind, switches.blind_time(9)) == (False, False, [])
    off = switches.off("audit")
    assert off is not None
    assert (off.state, off.reason) == ("off", "sensor.reason.policy_lost")
    assert all(switches.permitted(line(name)) is None for name in ("sshd", "cron"))
    assert one.take(offer(policy(5, OWN, "logons")))
    settle(switches, [])
    assert (spool.depth, switches.off("audit")) == (1, None)
    ((cause, lost, first, last, _),) = switches.blind_time(1 << 60)
    assert (cause, lost, last) == ("policy_lost", 0, 1 << 60)
    assert 0 < first < last
    assert switches.blind_time(1 << 60) == []


def test_a_row_that_cannot_be_judged_goes_as_a_loss(home: AgentHome, spool: Spool) -> None:
    spool.add(waiting("sshd"))
    with sqlite3.connect(home.folder / "spool.db") as other:
        other.execute("UPDATE records SET body = ?", (b'{"@timestamp":7,',))
    other.close()
    settle(Switches(spool, kept(home)), [])
    assert (spool.depth, spool.gaps()) == (0, [Gap("spool_damaged", 1, 7, 7)])


def test_everything_off_leaves_what_tells_that_the_agent_lives(home: AgentHome, spool: Spool) -> None:
    one = kept(home)
    spool.add([spooled({"event.module": "czujka.agent", "event.action": "agent_started"}, 1), *waiting("sshd", "cron")])
    assert one.take(offer(policy(5, OWN, *CATEGORIES)))
    settle(Switches(spool, one), [])
    assert spool.depth == 1
