"""The agent as a Windows program: it enrols, runs, says what it does, and ends in order when its input ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.stations.silence import Silence, Stop, stop_of
from tests.agent.box import FakeBox
from tests.e2e.box import wait_for
from tests.wine.bed import Windows

pytestmark = pytest.mark.wine


def test_it_enrols_runs_and_ends_when_its_input_ends(windows: Windows, tmp_path: Path) -> None:
    box = FakeBox(tmp_path / "box")
    home = windows.drive / "agent-ends"
    try:
        enrolled = windows.python("-m", "agent", "enrol", box.token(), "--home", r"C:\agent-ends")
        assert enrolled.returncode == 0, enrolled.stderr
        assert "Zarejestrowano" in enrolled.stdout
        assert b"ENCRYPTED" in (home / "agent.key").read_bytes()
        assert box.seen.enrolments[0]["os"].startswith(("Windows ", "Microsoft Windows "))

        command = [windows.python_program, "-m", "agent", "run", "--home", r"C:\agent-ends", "--until-eof"]
        running = windows.start(tmp_path / "log", *command)
        wait_for("a heartbeat", lambda: box.seen.heartbeats)
        tested = windows.python("-m", "agent", "selftest", "--json", "--home", r"C:\agent-ends")
        works = {check["name"] for check in json.loads(tested.stdout)["checks"] if check["works"]}
        assert works >= {"home", "spool", "key", "box"}, tested.stdout
        status = windows.python("-m", "agent", "status", "--home", r"C:\agent-ends")
        assert "Działa: tak" in status.stdout, status.stdout + status.stderr
        second = windows.python("-m", "agent", "run", "--home", r"C:\agent-ends")
        assert second.returncode == 1
        assert "działa już" in second.stderr
        assert running.stdin is not None
        running.stdin.write(b"shutdown\n")
        running.stdin.close()
        assert running.wait(20) == 0, (tmp_path / "log").read_text()
        stops = [record for record in box.seen.records if record["event.action"] == "agent_stopping"]
        assert [(one["agent.stop_reason"], one["agent.host_stopping"]) for one in stops] == [("shutdown", True)]
        assert [stop_of(record) for record in stops] == [Stop(Silence.OFF, stops[0]["@timestamp"])]
    finally:
        box.down()


def test_a_damaged_spool_is_set_aside(windows: Windows) -> None:
    said = windows.python(
        "-c",
        "import json, os\nfrom pathlib import Path\nfrom agent.wire.sending.run import open_spool\n"
        "folder = Path(r'C:\\damaged')\nfolder.mkdir()\n(folder / 'spool.db').write_bytes(os.urandom(9000))\n"
        "spool = open_spool(folder / 'spool.db')\n"
        "print(json.dumps([gap.cause for gap in spool.gaps()]))\nspool.close()\n"
        "print(json.dumps(sorted(p.name for p in folder.iterdir())))",
    )
    assert said.returncode == 0, said.stderr
    causes, names = map(json.loads, said.stdout.splitlines())
    assert causes == ["spool_damaged"]
    assert names[0] == "spool.db"
    assert [name for name in names if ".damaged-" in name]


def test_what_is_sent_is_said_in_polish(windows: Windows) -> None:
    said = windows.python("-m", "agent", "co-zbieram")
    assert said.returncode == 0, said.stderr
    assert "Ten komputer wysyła do Czujki:" in said.stdout
    assert "[działa] Zmiany w plikach, które decydują o systemie (sterowniki" in said.stdout
