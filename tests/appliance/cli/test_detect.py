"""`czujka detect` as a person runs it: a real process, real files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from appliance.home import CHECKOUT

RULE = """title: Encoded PowerShell
id: 11111111-1111-4111-8111-111111111111
level: high
logsource:
  product: windows
  category: process_creation
detection:
  sel:
    Image|endswith: '\\powershell.exe'
    CommandLine|contains: ' -enc'
  condition: sel
"""
SYSMON = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": "PC1"}
FLAT = {**SYSMON, "Image": "C:\\PowerShell.exe", "CommandLine": "powershell -ENC AAAA"}
SECURITY = {
    "Channel": "Security",
    "EventID": 4688,
    "Computer": "PC1",
    "NewProcessName": "C:\\powershell.exe",
    "CommandLine": "x -enc y",
}
BEATS = {
    "winlog": {
        "channel": SYSMON["Channel"],
        "event_id": 1,
        "provider_name": "Microsoft-Windows-Sysmon",
        "event_data": {"Image": FLAT["Image"], "CommandLine": FLAT["CommandLine"]},
    },
}


def run(*arguments: str | Path, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "CZUJKA_HOME": str(cache / "no-home")}
    return subprocess.run(
        [sys.executable, "-m", "appliance", *map(str, arguments)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    file = tmp_path / "rules" / "rule.yml"
    file.parent.mkdir()
    file.write_text(RULE, encoding="utf-8")
    return file


def test_every_form_of_a_windows_event_matches_and_keeps_its_index(tmp_path: Path, rule: Path) -> None:
    file = tmp_path / "events" / "e.ndjson"
    file.parent.mkdir()
    lines = [orjson.dumps(SYSMON), b"{broken", orjson.dumps(FLAT), orjson.dumps(SECURITY), orjson.dumps(BEATS)]
    file.write_bytes(b"\n".join(lines))
    done = run("detect", "--rules", rule, file.parent, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    matches = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [match["index"] for match in matches] == [2, 3, 4]
    assert matches[0] == {
        "file": str(file),
        "index": 2,
        "rule": "11111111-1111-4111-8111-111111111111",
        "title": "Encoded PowerShell",
        "level": "high",
        "matched": {"Image": FLAT["Image"], "CommandLine": FLAT["CommandLine"]},
    }
    assert f"{file}: zapis 1:" in done.stderr
    assert "nieczytelne: 1" in done.stderr


def test_rules_replace_the_shipped_ones_and_may_be_given_twice(tmp_path: Path, rule: Path) -> None:
    second = rule.with_name("second.yml")
    second.write_text(RULE.replace("1111", "2222").replace("' -enc'", "AAAA"), encoding="utf-8")
    file = tmp_path / "e.ndjson"
    file.write_bytes(orjson.dumps(FLAT))
    done = run("detect", "--rules", rule, "--rules", second, file, cache=tmp_path)
    assert len(done.stdout.splitlines()) == 2
    assert "reguły: 2 " in done.stderr


def test_a_bad_rule_costs_itself_and_is_located(tmp_path: Path, rule: Path) -> None:
    bad = rule.with_name("bad.yml")
    bad.write_text(RULE.replace("|contains", "|kontains"), encoding="utf-8")
    file = tmp_path / "e.ndjson"
    file.write_bytes(orjson.dumps(FLAT))
    done = run("detect", "--rules", rule.parent, file, cache=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert f"{bad}:10:" in done.stderr


def test_a_damaged_evtx_is_told_and_costs_nothing_else(tmp_path: Path, rule: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "a.evtx").write_bytes(b"ElfFile\0nonsense")
    (folder / "b.evtx").write_bytes(b"")
    (folder / "c.ndjson").write_bytes(orjson.dumps(FLAT))
    done = run("detect", "--rules", rule, folder, cache=tmp_path)
    assert done.returncode == 0
    assert [orjson.loads(line)["file"] for line in done.stdout.splitlines()] == [str(folder / "c.ndjson")]
    assert "a.evtx: zapis 0:" in done.stderr
    assert "b.evtx: zapis 0:" in done.stderr


def test_wrong_usage(tmp_path: Path, rule: Path) -> None:
    assert run("detect", tmp_path / "none.evtx", cache=tmp_path).returncode == 2
    assert run("detect", "--rules", tmp_path / "none", rule, cache=tmp_path).returncode == 2
    assert run("detect", cache=tmp_path).returncode == 2
    (tmp_path / "empty").mkdir()
    assert run("detect", "--rules", tmp_path / "empty", rule, cache=tmp_path).returncode == 2
