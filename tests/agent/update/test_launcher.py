"""Lives of versions with the real launcher and real agents: one proves itself, one crashes, one is never heard."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import __version__
from agent.update import files
from agent.update.state import TRIAL, State, offered
from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from appliance.packages.sources import START, agent_files
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.update.offer import Offer, package

NEW = "99.1.0"


class Installed:
    """The installed package and a service manager that starts it again when it ends."""

    def __init__(self, folder: Path, box: FakeBox) -> None:
        self.box, self.log = box, folder / "log"
        self.base = folder / "base"
        for entry in agent_files():
            path = self.base / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.data)
        (self.base / "start.py").write_bytes(START.read_bytes())
        (folder / "logs").mkdir()
        self.home = AgentHome(folder / "home")
        self.environment = {
            **os.environ, "CZUJKA_AGENT_SENSORS": "logfile", "CZUJKA_AGENT_LOG_FOLDER": str(folder / "logs"),
            "CZUJKA_AGENT_KEEP_FREE_BYTES": "0",
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def enrol(self) -> None:
        enrolment.enrol(decode(self.box.token()), self.home)

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", self.base / "start.py", "run", "--home", self.home.folder],
                env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        return self.process

    def unpack(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(files.versions(self.home.folder) / NEW)

    def heard(self) -> str:
        return str(self.box.seen.heartbeats[-1]["version"]) if self.box.seen.heartbeats else ""

    @property
    def state(self) -> State:
        return files.load(self.home.folder)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    box = FakeBox(tmp_path / "box")
    made = Installed(tmp_path, box)
    yield made
    made.close()
    box.down()


def test_a_version_is_fetched_tried_and_stays(installed: Installed) -> None:
    (token := installed.home.folder / "token").parent.mkdir()
    token.write_text(installed.box.token())
    Offer(installed.box, NEW, package(NEW)).command()
    assert installed.start().wait(30) == 0, "it ends in order to be started as the new version"
    assert installed.heard() == __version__
    assert not token.exists()
    assert installed.state == State("", NEW)
    installed.start()
    until(lambda: installed.heard() == NEW, 20, "a heartbeat of the new version")
    until(lambda: installed.state == State(NEW), 10, "the guard's word that it stays")


def test_a_version_that_crashes_goes_back_and_the_box_hears_of_it(installed: Installed) -> None:
    installed.enrol()
    installed.unpack(package(NEW, __main__=b"import sys\nsys.exit(7)\n"))
    files.save(installed.home.folder, offered(State(), NEW))
    assert [installed.start().wait(20) for _ in range(3)] == [7, 7, 7]
    installed.start()
    until(lambda: installed.heard() == __version__, 20, "a heartbeat of the former version")
    assert installed.box.seen.heartbeats[-1]["update_failed"] == {"version": NEW, "reason": "crashed"}
    until(lambda: any(one["event.action"] == "agent_started" for one in installed.box.seen.records))
    told = [one for one in installed.box.seen.records if one["event.action"] == "update_failed"]
    assert [(one["agent.update.version"], one["agent.update.reason"]) for one in told] == [(NEW, "crashed")]
    assert installed.state == State(failed=NEW, reason="crashed")


def test_a_version_that_is_never_heard_is_ended_by_its_guard(installed: Installed) -> None:
    installed.enrol()
    installed.unpack(package(NEW, __main__=b"import time\ntime.sleep(60)\n"))
    files.save(installed.home.folder, State("", NEW, spent=TRIAL - 1))
    assert installed.start().wait(20) == -signal.SIGKILL
    assert installed.state == State(failed=NEW, reason="silent")


def test_a_version_whose_folder_is_gone_is_not_run(installed: Installed) -> None:
    installed.enrol()
    files.save(installed.home.folder, State(current=NEW))
    installed.start()
    until(lambda: installed.heard() == __version__, 20, "a heartbeat of the installed version")
    assert installed.state == State(failed=NEW, reason="crashed")
