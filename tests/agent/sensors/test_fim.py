"""The file monitor as a sensor: by rounds everywhere, live where the kernel tells."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from agent.fim.dpkglog import DpkgLog
from agent.fim.owners import Owners
from agent.fim.places import Place, Places
from agent.fim.watch import Who
from agent.sensors.fim import FileSensor
from agent.sensors.processes import Process, Processes
from agent.wire.envelope import encode_record
from agent.wire.event import Record
from agent.wire.sending.sensor import Gap, Reading
from appliance.detect import Engine, load_rules
from appliance.detect.selftest import SIGMA
from appliance.normalise import Source, normalise
from tests.agent.conditions import until

KEYS = ".ssh/authorized_keys"


class Bench:
    """A sensor on a folder of its own, driven as the agent's loop drives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "watched"
        self.folder.mkdir()
        (self.folder / "old").write_text("old")
        (folder / "home").mkdir()
        places = Places([Place(str(self.folder), "test")])
        self.sensor = FileSensor(folder / "home", Processes(), places)
        self.seen: list[Record] = []

    def start(self) -> None:
        self.sensor.open({})
        until(lambda: self.turn() or self.sensor.wait() in {None, 1.0}, 10, "the end of the round")

    def turn(self) -> bool:
        """Drive one turn; False, so that a condition may begin with it."""
        ready, _, _ = select.select([self.sensor.fileno()], [], [], 0.01)
        for item in [*(self.sensor.read() if ready else []), *self.sensor.tick()]:
            assert not isinstance(item, Gap)
            assert isinstance(item, Reading)
            if item.record is not None:
                self.seen.append(item.record)
        return False

    def actions(self) -> list[tuple[str, str]]:
        return [
            (str(one["event.action"]), str(one.get("file.path", "")).removeprefix(f"{self.folder}/"))
            for one in self.seen
        ]

    def await_actions(self, *wanted: tuple[str, str]) -> None:
        self.wait_for(lambda: set(wanted) <= set(self.actions()), str(wanted))

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        until(lambda: self.turn() or condition(), 10, what)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sensors.filerounds.PAUSE", 0.01)
    monkeypatch.setattr("agent.fim.watch.SETTLE", 0.05)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.sensor.close()


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without fanotify, or an agent without the right to it."""

    def refused(_wanted: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("agent.sensors.fim.Fanotify", refused)


@pytest.mark.usefixtures("deaf")
def test_what_happened_while_it_was_off_is_found_at_the_next_start(bench: Bench) -> None:
    bench.start()
    assert bench.actions() == [("fim_baseline", "")]
    assert bench.seen[0]["fim.count"] == 2
    bench.sensor.close()
    (bench.folder / "new").write_text("x")
    (bench.folder / "old").unlink()
    bench.start()
    bench.await_actions(("file_created", "new"), ("file_deleted", "old"))
    assert not any(record.get("fim.live") for record in bench.seen)


@pytest.mark.usefixtures("deaf")
def test_a_kill_before_the_baseline_was_kept_finds_the_change_again_with_the_same_id(bench: Bench) -> None:
    bench.start()
    bench.sensor.close()
    (bench.folder / "new").write_text("x")
    bench.start()
    assert bench.sensor._baseline is not None
    bench.sensor._baseline.close()  # as the kernel does it: nothing is committed
    bench.sensor._baseline = None
    bench.sensor.close()
    bench.start()
    first, second = (record for record in bench.seen if record["event.action"] == "file_created")
    assert first["event.id"] == second["event.id"]


@pytest.mark.usefixtures("deaf")
def test_a_process_that_ended_before_it_could_be_asked_is_named_by_what_the_audit_saw_start(bench: Bench) -> None:
    bench.start()
    gone = 1 << 29
    assert bench.sensor._watch is not None
    (bench.folder / "new").write_text("x")
    bench.sensor._watch.report(f"{bench.folder}/new", Who(gone))
    bench.sensor._processes.add(gone, Process("/usr/bin/cp", "cp a new", 1, "0"))
    bench.await_actions(("file_created", "new"))
    (record,) = (one for one in bench.seen if one["event.action"] == "file_created")
    assert (record["process.executable"], record["user.name"]) == ("/usr/bin/cp", "root")


@pytest.mark.usefixtures("deaf")
def test_beside_an_installation_only_what_the_package_owns_is_its_work(bench: Bench, tmp_path: Path) -> None:
    log, info = tmp_path / "dpkg.log", tmp_path / "info"
    info.mkdir()
    (info / "cron.list").write_text(f"{bench.folder}/owned\n")
    bench.start()
    bench.sensor.close()
    for name in ("owned", "other"):
        (bench.folder / name).write_text("x")
    log.write_text(f"{datetime.now():%Y-%m-%d %H:%M:%S} upgrade cron:amd64 1 2\n")  # noqa: DTZ005 (the log has local time)
    bench.sensor._dpkg_log, bench.sensor._owners = DpkgLog(log), Owners(info)
    bench.start()
    bench.await_actions(("file_created", "owned"), ("file_created", "other"))
    found = {
        str(one["file.path"]).rpartition("/")[2]: (one["fim.by_package_manager"], one.get("package.name"))
        for one in bench.seen
        if "file.path" in one
    }
    assert found == {"owned": (True, "cron"), "other": (False, None)}


@pytest.mark.usefixtures("deaf")
def test_a_damaged_baseline_is_told_as_a_loss_with_its_span(bench: Bench, tmp_path: Path) -> None:
    bench.start()
    bench.sensor.close()
    (tmp_path / "home" / "fim.db").write_bytes(b"no database" * 1000)
    written = (tmp_path / "home" / "fim.db").stat().st_mtime_ns // 1000
    before = time.time_ns() // 1000
    assert bench.sensor.open({}) == []
    (gap,) = (item for item in bench.sensor.tick() if isinstance(item, Gap))
    assert (gap.cause, gap.lost, gap.first) == ("fim_baseline_damaged", 0, written)
    assert gap.last >= before
    assert not any(isinstance(item, Gap) for item in bench.sensor.tick())


@pytest.mark.usefixtures("deaf")
def test_without_fanotify_it_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    bench.start()
    assert bench.sensor.availability() == ("limited", "sensor.reason.rounds_only")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert bench.sensor.availability() == ("off", "sensor.reason.needs_root")


@pytest.mark.root
def test_changes_are_told_as_they_happen_with_who_made_them(bench: Bench, tmp_path: Path) -> None:
    bench.start()
    assert bench.sensor.availability() == ("on", "")
    program = f"cd {bench.folder}; echo x > new; echo y >> old; chmod 4755 old; mkdir .ssh; echo z > {KEYS}; read _"
    with subprocess.Popen(["/bin/sh", "-c", program], stdin=subprocess.PIPE) as process:
        bench.await_actions(("file_created", "new"), ("file_modified", "old"), ("file_created", KEYS))
        process.communicate(b"\n")
    mine = [record for record in bench.seen if record.get("process.pid") == process.pid]
    assert {record["file.path"] for record in mine} >= {f"{bench.folder}/new", f"{bench.folder}/{KEYS}"}
    assert all("sh" in str(record["process.command_line"]) and record["user.name"] == "root" for record in mine)
    engine = Engine(load_rules([SIGMA / "linux" / "file_event"]))
    events = [normalise(encode_record(record), Source("00000000-0000-4000-8000-000000000000", 1)) for record in mine]
    assert {rule.title for event in events for rule in engine.match(event)} == {"List of SSH Keys Changed"}
    bench.seen.clear()
    (bench.folder / "new").rename(tmp_path / "away")
    (bench.folder / "old").rename(bench.folder / "moved")
    time_before = time.time_ns() // 1000
    subprocess.run(
        ["/bin/sh", "-c", f"rm {bench.folder}/{KEYS}; mv {bench.folder}/moved {bench.folder}/again"], check=True
    )
    bench.await_actions(("file_deleted", KEYS), ("file_created", "again"))
    assert all(int(str(record["@timestamp"])) >= time_before for record in bench.seen if record["fim.live"])
