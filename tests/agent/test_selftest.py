"""The self-test tries what the agent needs, and says what does not work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import selftest
from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from agent.wire.sending.spool import Spool
from tests.agent.box import FakeBox


def test_an_enrolled_agent_works_until_its_box_goes_and_its_spool_breaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box, home = FakeBox(tmp_path / "box"), AgentHome(tmp_path / "agent")
    try:
        enrolment.enrol(decode(box.token()), home)
        Spool(home.spool).close()
        assert selftest.run(home, [], as_json=True) == 0
    finally:
        box.down()
    told = json.loads(capsys.readouterr().out)
    assert [(check["name"], check["works"]) for check in told["checks"]] == [
        ("home", True), ("spool", True), ("key", True), ("box", True),
    ]  # fmt: skip
    assert told["version"]
    assert not (home.folder / "selftest").exists()
    assert told["checks"][2]["seen"].startswith("protected by its mode, 0600")
    home.spool.write_bytes(b"x" * 5000)
    assert selftest.run(home, [], as_json=False) == 1
    said = capsys.readouterr().out
    assert "[NIE DZIAŁA] bufor zdarzeń" in said
    assert "[NIE DZIAŁA] połączenie z Czujką" in said
    assert "[działa] klucz i certyfikat" in said
    home.key.chmod(0o640)
    assert selftest.run(home, [], as_json=False) == 1
    assert "[NIE DZIAŁA] klucz i certyfikat: PermissionError: others may use the key: its mode is 0640" in (
        capsys.readouterr().out
    )


def test_an_agent_that_is_not_enrolled_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = AgentHome(tmp_path / "agent")
    home.create()
    assert selftest.run(home, [], as_json=True) == 1
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert found["box"]["seen"] == "LookupError: not enrolled"
    assert (found["home"]["works"], found["spool"]["seen"], found["key"]["works"]) == (True, "none yet", False)
