"""`czujka explain` in this process, and once as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from appliance.cli import build
from appliance.detect.nodes import Op
from appliance.normalise.windows_quick import MODULE
from appliance.web.pages.render import catalogue
from tests.appliance.cli.test_detect import FLAT, RULE, run

APP = build(["explain"])
ID = "11111111-1111-4111-8111-111111111111"
MISS = {**FLAT, "CommandLine": "powershell -File x.ps1"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "home"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yml").write_text(RULE + "name: encoded\n", encoding="utf-8")
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(map(orjson.dumps, (FLAT, MISS))))
    return tmp_path


def said(folder: Path, *arguments: str, event: str = "", code: int = 0) -> str:
    event = event or str(folder / "events.ndjson")
    done = CliRunner().invoke(APP, ["explain", event, "--rules", str(folder / "rules"), *arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("wanted", [ID, ID.upper(), "encoded", "encoded powershell"])
def test_a_rule_is_found_by_id_name_and_title(folder: Path, wanted: str) -> None:
    assert said(folder, "--rule", wanted).splitlines()[:3] == [
        "Reguła „Encoded PowerShell” wykrywa to zdarzenie.",
        "TAK  sel: wszystkie naraz",
        r"  TAK  Image (process.executable) kończy się na „\powershell.exe”; jest: C:\PowerShell.exe",
    ]


def test_a_miss_says_what_would_have_to_change(folder: Path) -> None:
    lines = said(folder, "--rule", str(folder / "rules" / "rule.yml"), "--index", "1", code=1).splitlines()
    assert lines[0] == "Reguła „Encoded PowerShell” nie wykrywa tego zdarzenia."
    assert lines[-2] == "Żeby reguła zadziałała, wystarczy, by 1 porównanie dało inny wynik:"
    assert lines[-1].startswith("  CommandLine (process.command_line) zawiera")


def test_in_english(folder: Path) -> None:
    text = said(folder, "--rule", "encoded", "--index", "1", "--lang", "en", code=1)
    assert text.startswith("The rule “Encoded PowerShell” does not match this event.")
    assert "comes out otherwise" in text


def test_the_language_of_the_box(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "czujka.toml").write_text('language = "en"\n')
    assert said(folder, "--rule", "encoded").startswith("The rule")


def test_as_json(folder: Path) -> None:
    found = json.loads(said(folder, "--rule", ID, "--index", "1", "--format", "json", code=1))
    assert (found["rule"], found["matches"], found["tree"]["truth"]) == (ID, False, False)
    assert [(leaf["field"], leaf["operator"], leaf["wanted"]) for leaf in found["changes"]] == [
        ("CommandLine", "contains", " -enc")
    ]


def test_an_event_of_another_log_source_is_said(folder: Path) -> None:
    other = folder / "other.json"
    other.write_bytes(orjson.dumps({"Channel": "Security", "EventID": 4624, "Computer": "PC1"}))
    text = said(folder, "--rule", ID, event=str(other), code=1)
    assert "product windows, category process_creation" in text
    assert "channel Security, code 4624" in text
    assert "wystarczy" not in text


def test_an_event_that_the_box_has_kept(folder: Path) -> None:
    kept = {
        "event.module": MODULE,
        "event.ingested": 1,
        "winlog.channel": FLAT["Channel"],
        "event.code": 1,
        "process.executable": "C:\\PowerShell.exe",
        "process.command_line": ["a", "b -enc c"],
    }
    event = folder / "kept.json"
    event.write_bytes(orjson.dumps(kept))
    assert "jest: b -enc c" in said(folder, "--rule", ID, event=str(event))


def test_a_nested_event_is_read_as_a_record(folder: Path) -> None:
    event = folder / "nested.json"
    event.write_bytes(orjson.dumps({**FLAT, "event.ingested": 1, "odd": [["a"], {"b": None}]}))
    assert "wykrywa to zdarzenie" in said(folder, "--rule", ID, event=str(event))


def test_standard_input(folder: Path) -> None:
    done = CliRunner().invoke(
        APP, ["explain", "-", "--rule", ID, "--rules", str(folder / "rules")], input=orjson.dumps(FLAT)
    )
    assert (done.exit_code, "wykrywa to zdarzenie" in done.output) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "event", "hint"),
    [
        (["--rule", "none"], "", "czujka rules list"),
        (["--rule", ID, "--index", "7"], "", "numerze 7"),
        (["--rule", ID], "missing.json", "missing.json"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, arguments: list[str], event: str, hint: str) -> None:
    assert hint in said(folder, *arguments, event=event, code=2)


def test_a_faulty_rule_file_is_said_with_its_line(folder: Path) -> None:
    bad = folder / "bad.yml"
    bad.write_text(RULE.replace("|endswith", "|endwith"))
    assert f"{bad}:9:" in said(folder, "--rule", str(bad), code=2)


def test_what_steers_a_terminal_is_not_printed(folder: Path) -> None:
    event = folder / "odd.json"
    event.write_bytes(orjson.dumps({**FLAT, "CommandLine": "\x1b[31m\u202e -enc"}))
    text = said(folder, "--rule", ID, event=str(event))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_as_a_person_runs_it(folder: Path) -> None:
    done = run("explain", "--rule", folder / "rules" / "rule.yml", folder / "events.ndjson", cache=folder / "cache")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Reguła „Encoded PowerShell” wykrywa")


@pytest.mark.parametrize("op", [op for op in Op if op is not Op.EXPAND])
def test_every_operator_has_words(op: Op) -> None:
    assert f"op.{op.value.replace(' ', '_')}" in catalogue()
