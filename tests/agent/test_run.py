"""A whole agent as a process of its own: its sign of life, and what it obeys."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.commands import RENEW, Command, signed_bytes
from agent.wire.envelope import BATCH_PATH, HEARTBEAT_PATH
from agent.wire.policy import AT_FIRST, Off, Policy, digest
from agent.wire.policy import signed_bytes as policy_bytes
from tests.agent.box import FakeBox, Handler
from tests.agent.conditions import until
from tests.agent.real import RealAgent


@contextmanager
def running(agent: RealAgent) -> Iterator[RealAgent]:
    """Start an agent and leave none behind."""
    try:
        agent.start()
        yield agent
    finally:
        if agent.process is not None:
            agent.process.kill()
            agent.process.wait()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")
    yield made
    made.down()


class Orders:
    """Answers heartbeats as a box does: with a signed policy, and with a signed command until it is told of."""

    def __init__(self, box: FakeBox, policy: Policy, command: Command) -> None:
        self._key = box.ca[1]
        self._policy = {"statement": policy.statement(), "signature": self._sign(policy_bytes(policy.statement()))}
        self._command = {"statement": command.statement(), "signature": self._sign(signed_bytes(command.statement()))}
        self.beats: list[dict[str, Any]] = []

    def _sign(self, data: bytes) -> str:
        return self._key.sign(data, ec.ECDSA(hashes.SHA256())).hex()

    def __call__(self, handler: Handler, path: str) -> bool:
        if path != HEARTBEAT_PATH:
            return False
        self.beats.append(json.loads(handler.body))
        handler.box.seen.heartbeats.append(self.beats[-1])
        handler.reply(200, json.dumps({"policy": self._policy, "commands": [self._command]}).encode())
        return True


def test_a_running_agent_obeys_its_box(tmp_path: Path, box: FakeBox) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "auth.log").write_text("")
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(logs))
    now = time.time_ns() // 1000
    orders = Orders(box, Policy("7e57", now, (Off("logons", "Anna", now),)), Command(1, "7e57", RENEW, "", now + 10**9))
    box.fault = orders
    with running(agent):
        until((agent.home.folder / "policy.json").exists, 20)
        stamp = time.strftime("%b %e %H:%M:%S")
        with (logs / "auth.log").open("a") as log:
            log.write(f"{stamp} pc sshd[7]: Failed password for root from 10.0.0.1 port 22 ssh2\n")
            log.write(f"{stamp} pc useradd[8]: new user: name=eve, UID=1001\n")
        until(lambda: [one for one in box.seen.records if one.get("log.syslog.appname") == "useradd"], 20)
        assert not [one for one in box.seen.records if one.get("log.syslog.appname") == "sshd"]
        until(lambda: box.seen.renewals == 1, 20)
        assert orders.beats[0]["policy"] == digest(AT_FIRST.off)
        assert agent.stop() == 0
        assert box.seen.renewals == 1


def test_what_waits_is_not_sent_when_it_has_been_switched_off(tmp_path: Path, box: FakeBox) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "auth.log").write_text("")
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(logs))
    now, decided = time.time_ns() // 1000, threading.Event()

    def fault(handler: Handler, path: str) -> bool:
        if path == BATCH_PATH and not orders.beats:
            handler.reply(503, b"{}", Retry_After="11")  # a heartbeat is due before it is tried again
            return True
        return decided.is_set() and orders(handler, path)

    orders = Orders(box, Policy("7e57", now, (Off("logons", "Anna", now),)), Command(1, "7e57", RENEW, "", now + 10**9))
    box.fault = fault
    with running(agent), closing(sqlite3.connect(f"file:{agent.home.spool}?mode=ro", uri=True)) as spool:
        until(lambda: spool.execute("SELECT count(*) FROM batch").fetchone() == (1,), 20, "a batch under way")
        stamp = time.strftime("%b %e %H:%M:%S")
        with (logs / "auth.log").open("a") as log:
            log.write(f"{stamp} pc sshd[7]: Failed password for root from 10.0.0.1 port 22 ssh2\n")
            log.write(f"{stamp} pc useradd[8]: new user: name=eve, UID=1001\n")
        query = "SELECT count(*) FROM records WHERE instr(CAST(body AS TEXT), 'useradd')"
        until(lambda: spool.execute(query).fetchone() == (1,), 20, "the lines to wait")
        decided.set()
        until(lambda: [one for one in box.seen.records if one.get("log.syslog.appname") == "useradd"], 40)
        assert not [one for one in box.seen.records if one.get("log.syslog.appname") == "sshd"]


def test_an_agent_that_lost_its_policy_collects_nothing_until_the_box_answers(tmp_path: Path, box: FakeBox) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "auth.log").write_text("")
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(logs))
    for name in ("policy.json", "policy-copy.json"):
        (agent.home.folder / name).write_text("{")
    now = time.time_ns() // 1000
    with running(agent):
        assert box.seen.heartbeats[0]["sensors"][0]["reason"] == "sensor.reason.policy_lost"
        assert not box.seen.records
        box.fault = Orders(box, Policy("7e57", now, ()), Command(1, "7e57", RENEW, "", now + 10**9))
        until(lambda: agent.own_events("telemetry_gap"), 30, "the loss to be told")
        assert [one["gap.cause"] for one in agent.own_events("telemetry_gap")] == ["policy_lost"]
        assert agent.own_events("agent_started")


def test_a_running_agent_shows_that_it_lives(tmp_path: Path, box: FakeBox) -> None:
    (tmp_path / "logs").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10.0)
        agent = RealAgent(
            tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / "logs"),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
        )  # fmt: skip
        with running(agent):
            assert [systemd.recv(64), systemd.recv(64)] == [b"READY=1", b"WATCHDOG=1"]
            until((agent.home.folder / "alive").exists)
            beat = box.seen.heartbeats[-1]
            assert 1 << 20 < beat["memory"] < 64 << 20
            assert beat["reads"] == 3
            assert agent.stop() == 0
            assert systemd.recv(64) == b"STOPPING=1"


@pytest.mark.parametrize(
    ("sent", "reason"), [((signal.SIGTERM,), "SIGTERM"), ((signal.SIGUSR1, signal.SIGTERM), "uninstall")]
)
def test_the_last_event_says_why_it_was_asked_to_end(
    tmp_path: Path, box: FakeBox, sent: Sequence[signal.Signals], reason: str
) -> None:
    (tmp_path / "logs").mkdir()
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / "logs"))
    with running(agent):
        for one in sent[:-1]:
            os.kill(agent.pid, one)
        assert agent.stop(sent[-1]) == 0
    assert [one["agent.stop_reason"] for one in agent.own_events("agent_stopping")] == [reason]


def test_a_removal_waits_a_moment_only_for_a_box_that_does_not_answer(tmp_path: Path, box: FakeBox) -> None:
    (tmp_path / "logs").mkdir()
    agent = RealAgent(tmp_path, box, CZUJKA_AGENT_SENSORS="logfile", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / "logs"))
    answers = threading.Event()
    with running(agent):
        box.fault = lambda _handler, _path: not answers.wait(30)
        try:
            began = time.monotonic()
            assert agent.stop(signal.SIGUSR1) == 0
            assert time.monotonic() - began < 5
        finally:
            answers.set()


def test_a_source_that_cannot_be_looked_at_does_not_end_the_agent(tmp_path: Path, box: FakeBox) -> None:
    """Rights of a folder that are taken away give an error, too, where one only asks whether there is a file."""
    agent = RealAgent(
        tmp_path, box, CZUJKA_AGENT_SENSORS="logfile,inventory", CZUJKA_AGENT_LOG_FOLDER=str(tmp_path / ("x" * 300))
    )
    with running(agent):
        until(lambda: box.seen.heartbeats or agent.process is None or agent.process.poll() is not None, 20)
        states = {one["name"]: one["state"] for one in box.seen.heartbeats[-1]["sensors"]}
        assert states["logfile"] == "off"
        assert states["inventory"] != "off"
        assert agent.stop() == 0
