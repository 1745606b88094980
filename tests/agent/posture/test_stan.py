"""What `czujka-agent stan` prints, and that its words are those of the box."""

from __future__ import annotations

import json

import pytest

from agent import __main__ as cli
from agent.inventory import here
from agent.inventory.gather import Host
from agent.inventory.raw import File, Raw
from agent.inventory.round import Plan
from agent.posture.check import Finding
from agent.posture.linux import CHECKS
from agent.posture.stan import told
from appliance.posture.agent_texts import FILE, made


def test_the_agents_words_are_those_of_the_box() -> None:
    assert FILE.read_text("utf-8") == made(), "run: python -m appliance.posture.agent_texts"


def test_what_is_to_be_done_comes_first_and_the_weightiest_of_it() -> None:
    text = told(
        {
            "ssh_password_login": Finding("fail", "allowed", "1: passwordauthentication"),
            "firewall": Finding("fail", "disabled"),
            "secure_boot": Finding("unknown", "needs_root"),
            "time_sync": Finding("pass", "", "ż\x1b[2J"),
        },
        json.loads(made()),
        "linux",
    )
    lines = text.splitlines()
    assert lines[0] == "Do poprawy (2)"
    assert lines[1].startswith("  ! Zapora sieciowa")
    assert lines[3].startswith("      Co zrobić: Włącz zaporę: `ufw enable`")
    assert "      Agent nie ma prawa tego odczytać." in lines
    assert lines[-1] == "  + Zegar zgodny z siecią [ż\ufffd[2J]"


def test_the_command_judges_this_host_and_says_by_its_code_that_there_is_something_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only = tuple(check for check in CHECKS if check.name == "empty_passwords")
    shadow = "ewa::1::::::\n"

    def host() -> Host:
        return {File: lambda source: Raw(shadow)}

    monkeypatch.setattr(here, "plan", lambda: Plan((), only))
    monkeypatch.setattr(here, "host", host)
    assert cli.main(["stan"]) == 1
    assert "Konta bez hasła [1: ewa]" in capsys.readouterr().out
    shadow = "ewa:!:1::::::\n"
    assert cli.main(["stan"]) == 0
