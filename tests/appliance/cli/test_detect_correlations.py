"""`czujka detect` and `czujka rules` know correlations."""

from __future__ import annotations

from pathlib import Path
from shutil import copy, copytree

import orjson

from appliance.home import CHECKOUT
from rules import ROOT

from .test_detect import run

SCENES = CHECKOUT / "tests" / "rules" / "correlation"


def test_a_correlation_is_one_line_with_the_places_of_its_events(tmp_path: Path) -> None:
    file = SCENES / "windows_guessed_password" / "match.ndjson"
    # Over two files, the later part first: the events' own times count.
    lines = file.read_bytes().splitlines()
    (tmp_path / "events").mkdir()
    second, first = tmp_path / "events" / "a.ndjson", tmp_path / "events" / "b.ndjson"
    first.write_bytes(b"\n".join(lines[:5]))
    second.write_bytes(b"\n".join(lines[5:]))
    done = run("detect", tmp_path / "events", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {match["title"]: match for match in map(orjson.loads, done.stdout.splitlines())}
    assert set(found) == {
        "Windows Sign-In after Many Failures",
        "Many Failed Windows Sign-Ins of One Account from One Address",
    }
    assert found["Windows Sign-In after Many Failures"] == {
        "file": str(second),
        "index": 8,
        "rule": "13b31b19-fb65-5dcf-809b-dceb331a14ff",
        "title": "Windows Sign-In after Many Failures",
        "level": "high",
        "matched": {"IpAddress": "10.20.0.66", "TargetUserName": "anna.nowak"},
        "correlation": True,
        "events": list(range(9)),
        "elsewhere": [[str(first), number] for number in range(5)],
    }
    assert "korelacji: 2" in done.stderr


def test_faults_of_correlations_are_told_at_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text(
        "title: C\ncorrelation:\n  type: event_count\n  rules: [nobody]\n  timespan: 5m\n  condition: {gte: 2}\n"
    )
    done = run("rules", "check", file, cache=tmp_path)
    assert done.returncode == 1
    assert f"{file}:4: nie ma reguły „nobody”" in done.stdout


def test_correlations_are_listed_and_tried(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    for source, events in (
        (ROOT / "sigma" / "windows" / "security" / "security_failed_logon.yml", SCENES.parent / "windows" / "security"),
        (ROOT / "correlation" / "windows_password_guessing.yml", SCENES),
    ):
        copy(source, folder)
        copytree(events / source.stem, folder / source.stem)
    (listed,) = [
        line for line in run("rules", "list", folder, cache=tmp_path).stdout.splitlines() if "9dc1f68a" in line
    ]
    assert "correlation event_count" in listed
    tried = run("rules", "test", folder, cache=tmp_path)
    assert tried.returncode == 0, tried.stdout
    assert "korelacje: 1" in tried.stderr
    scene = folder / "windows_password_guessing" / "match.ndjson"
    scene.write_bytes(scene.read_bytes().splitlines()[0])
    failed = run("rules", "test", folder, cache=tmp_path)
    assert failed.returncode == 1
    assert f"{scene}:1: korelacja" in failed.stdout


def test_the_list_says_which_rules_only_serve_correlations(tmp_path: Path) -> None:
    done = run("rules", "list", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row for row in (line.split("\t") for line in done.stdout.splitlines())}
    base, spraying = rows["7028f18f-c4ee-52e7-ae6d-b4bc0f42b2d7"], rows["340fb289-b263-5080-83f7-429b93d4d9b1"]
    assert base[6].startswith("służy korelacjom: ")
    assert "Failed Windows Sign-Ins of Many Accounts from One Address" in base[6]
    assert len(spraying) == 6
