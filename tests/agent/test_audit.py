"""The kernel's audit, for real: every process, beside an audit daemon too, and the host left as it was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sensors import auditnetlink as netlink
from agent.sensors.audit import AuditSensor
from agent.sensors.auditrules import is_ours, rules
from agent.sensors.auditstate import alive
from agent.wire.envelope import encode_record
from agent.wire.sending.sensor import Reading
from appliance.detect import Engine, load_rules
from appliance.detect.selftest import SIGMA
from appliance.normalise import Event, Source, normalise
from tests.agent.auditd import program as auditd_program
from tests.agent.auditd import running
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import RealAgent

pytestmark = pytest.mark.root


def state() -> tuple[netlink.Status, list[bytes]]:
    control = netlink.Control()
    try:
        return control.status(), [rule for rule in control.rules() if is_ours(rule)]
    finally:
        control.close()


def settings() -> tuple[int, ...]:
    now, _ = state()
    return now.enabled, now.failure, now.pid, now.backlog_limit, now.backlog_wait_time


@pytest.fixture
def audit_is_free() -> None:
    """Another agent or daemon on this machine holds the audit: this test cannot be alone with it."""
    now, _ = state()
    if now.pid and alive(now.pid):
        pytest.skip(f"the audit of this kernel belongs to process {now.pid}")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    box = FakeBox(tmp_path / "box")
    made = RealAgent(tmp_path, box)
    yield made
    made.stop()
    box.down()


@pytest.fixture
def auditd(tmp_path: Path) -> Iterator[int]:
    """A real audit daemon in the foreground; its settings end with it."""
    if auditd_program() is None:
        pytest.skip("auditd is not installed")
    with running(tmp_path / "auditd", flush="none", freq=0) as pid:
        yield pid


def run_many(name: str, count: int) -> None:
    for number in range(count):
        subprocess.run(["/bin/true", f"{name}-{number}"], check=True)


def check_all_seen(agent: RealAgent, name: str, count: int) -> None:
    until(lambda: len(agent.commands(f"{name}-")) >= count, 15, f"{count} commands")
    seen = agent.commands(f"{name}-")
    assert sorted(int(record["process.args"][1].split("-")[1]) for record in seen) == list(range(count))
    assert len({record["event.id"] for record in agent.box.seen.records}) == len(agent.box.seen.records)
    for record in seen:
        assert record["process.executable"] == "/usr/bin/true"
        assert record["process.parent.pid"] == os.getpid()
        assert record["process.working_directory"] == str(Path.cwd())
        assert "python" in record["process.parent.executable"]
        assert record["user.name"] == "root"
        assert record["host.name"]


@pytest.mark.usefixtures("audit_is_free")
def test_1000_of_1000_and_the_host_as_before(agent: RealAgent) -> None:
    before = settings()
    agent.start()
    run_many("bench", 1000)
    check_all_seen(agent, "bench", 1000)
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < 3.0
    assert settings() == before
    assert state()[1] == []
    assert [event["agent.stop_reason"] for event in agent.own_events("agent_stopping")] == ["SIGTERM"]
    assert not agent.own_events("telemetry_gap")


@pytest.mark.usefixtures("audit_is_free")
def test_beside_an_audit_daemon(agent: RealAgent, auditd: int, tmp_path: Path) -> None:
    before = settings()
    agent.start()
    assert state()[0].pid == auditd
    run_many("beside", 300)
    check_all_seen(agent, "beside", 300)
    assert agent.stop() == 0
    assert settings() == before
    assert state()[1] == []
    log = (tmp_path / "auditd" / "audit.log").read_text()
    assert log.count("beside-") >= 300


@pytest.mark.usefixtures("audit_is_free")
def test_killed_and_started_again_restores_what_was_first(agent: RealAgent) -> None:
    before = settings()
    agent.start()
    agent.stop(signal.SIGKILL)
    assert set(state()[1]) == set(rules())
    agent.start()
    run_many("again", 20)
    check_all_seen(agent, "again", 20)
    until(lambda: agent.own_events("telemetry_gap"), 15, "the event of the loss")
    assert agent.own_events("telemetry_gap")[0]["gap.cause"] == "agent_killed"
    assert agent.own_events("agent_started")[-1]["agent.previous_stop"] == "killed"
    agent.stop()
    assert settings() == before
    assert state()[1] == []


@pytest.mark.usefixtures("audit_is_free")
def test_kills_under_load_lose_and_double_nothing_that_was_spooled(agent: RealAgent) -> None:
    """What reached the spool reaches the box once, whatever kills the agent and whenever."""
    ends = threading.Event()

    def load() -> None:
        number = 0
        while not ends.is_set():
            subprocess.run(["/bin/true", f"load-{number}"], check=True)
            number += 1

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(6):
            agent.start()
            seen = len(agent.box.seen.records)
            until(lambda seen=seen: len(agent.box.seen.records) > seen + 30, 15, "records")  # type: ignore[misc]
            agent.stop(signal.SIGKILL)
    finally:
        ends.set()
        thread.join()
    agent.start()
    agent.stop()
    ids = [record["event.id"] for record in agent.box.seen.records]
    assert len(ids) == len(set(ids))
    assert agent.box.seen.conflicts == 0


@pytest.mark.usefixtures("audit_is_free")
def test_an_outage_is_bridged_by_the_spool(agent: RealAgent) -> None:
    agent.start()
    agent.box.down()
    run_many("outage", 50)
    agent.stop()
    agent.box.up()
    agent.start()
    check_all_seen(agent, "outage", 50)


@pytest.mark.usefixtures("audit_is_free")
def test_rules_that_somebody_removes_come_back_and_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sensors.audit.CHECK_EVERY", 0.0)
    sensor = AuditSensor(tmp_path, "boot")
    sensor.open({})
    try:
        control = netlink.Control()
        for rule in state()[1]:
            control.delete_rule(rule)
        control.close()
        items = sensor.tick()
        assert [getattr(item, "cause", "") for item in items] == ["audit_rules_removed"]
        assert set(state()[1]) == set(rules())
    finally:
        sensor.close()
    assert state()[1] == []


DOINGS = """
import os, socket
open("elsewhere", "w").close()
os.rename({made!r}, {made!r} + b"2")
with open({made!r} + b"2", "a") as file:
    file.write("x")
os.chmod({made!r} + b"2", 0o600)
os.unlink({made!r} + b"2")
for address in (("127.0.0.1", 9), ("192.0.2.1", 4444), ("192.0.2.1", 4444)):
    outgoing = socket.socket()
    outgoing.setblocking(False)
    outgoing.connect_ex(address)
os.memfd_create("x")
libc = __import__("ctypes").CDLL(None, use_errno=True)
libc.syscall(101 if os.uname().machine == "x86_64" else 117, 16, {pid}, 0, 0)
os.execv("/bin/true", ["true", "the last"])
"""
DONE = [
    ("file", "file_renamed"), ("file", "file_modified"), ("file", "file_attributes_changed"), ("file", "file_deleted"),
    ("network", "network_connection"), ("process", "system_call"), ("process", "process_controlled"),
    ("process", "process_created"),
]  # fmt: skip


@pytest.mark.usefixtures("audit_is_free")
def test_files_connections_and_rare_calls_in_order_as_the_box_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file name of invalid UTF-8 is one of the files."""
    folder = tmp_path / "watched"
    folder.mkdir()
    made = os.fsencode(folder) + b"/caf\xe9"
    Path(os.fsdecode(made)).touch()
    monkeypatch.setattr("agent.sensors.auditrules.FOLDERS", {str(folder): "test"})
    monkeypatch.setattr("agent.sensors.auditrules.TREES", (str(tmp_path),))
    sensor = AuditSensor(tmp_path, "boot")
    events: list[Event] = []

    def seen() -> bool:
        for item in [*sensor.read(), *sensor.tick()]:
            if isinstance(item, Reading) and item.record is not None:
                line = encode_record(item.record)
                events.append(normalise(line, Source("00000000-0000-0000-0000-000000000001", 1)))
        return any(event.get("process.args") == ("true", "the last") for event in events)

    victim = subprocess.Popen(["/bin/sleep", "60"])
    sensor.open({})
    try:
        doings = DOINGS.format(made=made, pid=victim.pid)
        subprocess.run(["setsid", "--fork", sys.executable, "-c", doings], check=True, cwd=tmp_path)
        until(seen, 10, "the last program")
    finally:
        victim.kill()
        victim.wait(10)
        sensor.close()
    last = next(event["process.pid"] for event in events if event.get("process.args") == ("true", "the last"))
    mine = [event for event in events if event.get("process.pid") == last][1:]
    assert [(event["event.category"], event["event.action"]) for event in mine] == DONE
    assert f"{folder}/caf\\xe9" in mine[0]["file.path"]  # type: ignore[operator]
    assert (mine[4]["destination.ip"], mine[4]["destination.port"]) == ("192.0.2.1", 4444)
    assert mine[6]["audit.a1"] == f"{victim.pid:x}"
    engine = Engine(load_rules([SIGMA / "linux" / "auditd"]))
    assert [rule.title for event in mine for rule in engine.match(event)] == ["Running Process Taken Control of"]
    assert all("python" in str(event["process.executable"]) for event in mine[:-1])


def test_without_root_it_runs_and_says_what_is_missing(agent: RealAgent) -> None:
    nobody = shutil.which("setpriv")
    assert nobody is not None
    for path in (agent.home.folder, *agent.home.folder.iterdir()):
        os.chown(path, 65534, 65534)
    for folder in agent.home.folder.parents:
        if folder.owner() == "root" and folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    identity = (nobody, "--reuid=65534", "--regid=65534", "--clear-groups")
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    pythons = [sys.executable, "/usr/bin/python3"]
    agent.python = next(p for p in pythons if subprocess.run([*identity, p, "-c", check], check=False).returncode == 0)
    agent.start(*identity)
    states = {sensor["name"]: sensor for sensor in agent.box.seen.heartbeats[-1]["sensors"]}
    assert states["audit"] == {"name": "audit", "state": "off", "reason": "sensor.reason.needs_root"}
    until(lambda: agent.own_events("agent_started"))
    told = [sys.executable, "-m", "agent", "co-zbieram", "--home", str(agent.home.folder)]
    needs_root = "[nie działa – wymaga uprawnień administratora (root)] Uruchamiane programy"
    assert needs_root in subprocess.run(told, check=True, capture_output=True, text=True).stdout
    assert agent.stop() == 0
    assert needs_root not in subprocess.run(told, check=True, capture_output=True, text=True).stdout
