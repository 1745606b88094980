"""`czujka explain` and `czujka rules list` know the rules that a box runs, and correlations."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli import build
from appliance.cli.rules import app as rules_app
from appliance.clock import DAY, now
from appliance.home import CHECKOUT, Home
from appliance.state.database import open_sessions, writing
from appliance.state.exceptions import ExceptionRule, RuleException
from appliance.state.models import ExceptionState
from tests.appliance.cli.test_detect import FLAT, RULE
from tests.appliance.rulesets.kit import take_release, write
from tests.appliance.state.fresh import fresh_state

APP = build(["explain"])
ID = "11111111-1111-4111-8111-111111111111"
OTHER = RULE.replace("-enc", "-file")
SCENES = CHECKOUT / "tests" / "rules" / "correlation"
GUESSED = "13b31b19-fb65-5dcf-809b-dceb331a14ff"
GUESSING = "windows_password_guessing"
SCENE = SCENES / "windows_guessed_password" / "match.ndjson"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.create()
    (tmp_path / "event.json").write_bytes(orjson.dumps(FLAT))
    return home


def explained(home: Home, *arguments: str | Path, event: Path | None = None, code: int = 0) -> str:
    event = event or home.root.parent / "event.json"
    done = CliRunner().invoke(APP, ["explain", str(event), *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_rule_of_a_release_is_found_and_listed(home: Home) -> None:
    take_release(home, write(home.root.parent / "release", {"rules/one.yml": RULE}))
    text = explained(home, "--rule", ID)
    assert text.startswith("Reguła „Encoded PowerShell” wykrywa to zdarzenie.\nPlik: ")
    assert "Stan: działa." in text.splitlines()[1]
    done = CliRunner().invoke(rules_app, ["list"])
    assert f"{ID}\thigh\t" in done.output


def test_the_rule_of_the_office_goes_before_the_one_that_it_replaces(home: Home) -> None:
    take_release(home, write(home.root.parent / "release", {"rules/one.yml": OTHER}))
    explained(home, "--rule", ID, code=1)
    (home.rules / "mine.yml").write_text(RULE, encoding="utf-8")
    assert str(home.rules / "mine.yml") in explained(home, "--rule", ID).splitlines()[1]
    rows = [row.split("\t") for row in CliRunner().invoke(rules_app, ["list"]).output.splitlines() if ID in row]
    assert sorted(row[6:] for row in rows) == [[], [f"zastąpiona przez {home.rules / 'mine.yml'}"]]


def test_a_rule_that_is_off_is_explained_and_said_to_be_off(home: Home) -> None:
    (home.rules / "mine.yml").write_text(RULE, encoding="utf-8")
    home.policy.write_text(f"disable: {{rules: {{{ID}: za dużo alertów}}}}\n", encoding="utf-8")
    assert "Stan: wyłączona: za dużo alertów." in explained(home, "--rule", ID).splitlines()[1]
    assert json.loads(explained(home, "--rule", ID, "--format", "json"))["off"] == "rule"
    assert "wyłączona: za dużo alertów" in CliRunner().invoke(rules_app, ["list"]).output


def test_folders_of_the_settings_are_looked_through(home: Home) -> None:
    folder = write(home.root.parent / "more", {"one.yml": RULE})
    home.config.write_text(f"rules.folders = ['{folder}']\n", encoding="utf-8")
    assert "wykrywa to zdarzenie" in explained(home, "--rule", ID)


def test_exceptions_count(home: Home) -> None:
    (home.rules / "mine.yml").write_text(RULE, encoding="utf-8")
    with writing(open_sessions(fresh_state(f"sqlite:///{home.state}"))) as session:
        session.add(
            RuleException(
                filter_id=ID,
                rules=[
                    ExceptionRule(place=0, rule_id=ID, title="Encoded PowerShell", logsource={"product": "windows"})
                ],
                conditions=[{"field": "CommandLine", "how": "contains", "value": "AAAA"}], reason="EZD", author="ala",
                proposed_at=now(), expires_at=now() + DAY, state=ExceptionState.APPROVED, approver="ola",
            )
        )  # fmt: skip
    assert "NIE  filter: Wyjątek 1: Encoded PowerShell" in explained(home, "--rule", ID, code=1)


def test_a_state_that_cannot_be_read_leaves_the_rules(home: Home) -> None:
    (home.rules / "mine.yml").write_text(RULE, encoding="utf-8")
    home.state.write_bytes(b"no database")
    assert "wykrywa to zdarzenie" in explained(home, "--rule", ID)


def test_a_correlation_is_tried_on_all_events_of_a_file(home: Home) -> None:
    text = explained(home, "--rule", GUESSED, event=SCENE)
    assert text.startswith("Korelacja „Windows Sign-In after Many Failures” wykrywa te zdarzenia.\n")
    assert "Zaszła dla 1 grupy zdarzeń. Pierwszy raz:" in text
    assert "Wspólne: TargetUserName = anna.nowak" in text
    assert "Numery zdarzeń od 0: 0, 1, 2, 3" in text


def test_a_correlation_that_does_not_hold_tells_what_came_closest(home: Home, tmp_path: Path) -> None:
    lines = SCENE.read_bytes().split(b"\n\n")[0].splitlines()
    part = tmp_path / "part.ndjson"
    part.write_bytes(b"\n".join(lines[:3]))
    text = explained(home, "--rule", GUESSING, "--lang", "en", event=part, code=1).splitlines()
    assert text[0] == (
        "The correlation “Many Failed Windows Sign-Ins of One Account from One Address” does not match these events."
    )
    at = text.index("These events came closest:")
    assert "  Result: 3" in text[at:]
    assert text[-1] == "  Numbers of the events, from 0: 0, 1, 2"


def test_a_correlation_may_be_tried_on_one_event(home: Home) -> None:
    found = json.loads(explained(home, "--rule", GUESSED, "--format", "json", "--index", "1", event=SCENE, code=1))
    assert (found["matches"], found["groups"], found["correlation"], found["events"]) == (False, 0, None, [])


def test_a_correlation_of_a_file_finds_the_rules_that_ship(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "three.yml"
    file.write_text(
        "title: Three\ncorrelation:\n  type: event_count\n  rules: [security_failed_logon]\n"
        "  group-by: [IpAddress]\n  timespan: 10m\n  condition: {gte: 99}\n",
        encoding="utf-8",
    )
    text = explained(home, "--rule", file, event=SCENE, code=1)
    assert "Korelacja „Three” nie wykrywa tych zdarzeń." in text
    assert "Warunek: co najmniej 99" in text
    assert "  Wynik: 13" in text
    assert CliRunner().invoke(rules_app, ["check", str(file)]).exit_code == 0
