"""Packs over segments that are damaged: all else is there, what is missing is named, and nothing can hide behind it."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from appliance.evidence.pack import Made, PackFault, Wanted
from appliance.evidence.verify import PackCheck
from appliance.language.typography import NBSP
from appliance.state.database import writing
from appliance.state.models import AlertEvent
from appliance.store import EmbeddedReader
from appliance.store.manifest import FILE
from tests.appliance.evidence.conftest import NOW, Box
from tests.appliance.evidence.test_complete import about, rows, signed, without_segment
from tests.appliance.evidence.test_pack import Files, files_of, packed, told, write
from tests.appliance.store.test_damage import BREAKING, Breaking, emptied, truncated

LEFT = 30 + 20


@pytest.fixture
def full(box: Box) -> Box:
    """Three sealed segments: a large one that is damaged in each test, and two with the events of an alert."""
    box.append(700, user="anna")
    box.alert(box.append(30)[3:6])
    box.append(20)
    box.keeper.round()
    return box


def damaged(box: Box) -> Path:
    return sorted(box.home.store.glob("*.parquet"))[0]


def set_aside(box: Box) -> None:
    """Let a question find the damage, as on a running box."""
    reader = EmbeddedReader(box.home.store)
    reader.count("user:anna")
    assert len(reader.damaged()) == 1
    reader.close()


def check(box: Box, path: Path) -> PackCheck:
    found = PackCheck(zipfile.ZipFile(path), box.key, [])
    found.run()
    return found


@pytest.mark.parametrize("noticed", [True, False], ids=["set aside", "not yet noticed"])
@pytest.mark.parametrize("breaking", BREAKING)
def test_a_pack_has_all_else_and_names_what_is_missing(
    full: Box, breaking: Breaking, noticed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "pack.zip"
    breaking(damaged(full))
    if noticed:
        set_aside(full)
    made = packed(full, Wanted(), path)
    assert (made.events, len(made.alerts), [gap.rows for gap in made.gaps.values()]) == (LEFT, 1, [700])
    files = files_of(path)
    (gap,) = json.loads(files["pack.json"])["gaps"]
    times = {"min_time": NOW, "max_time": NOW + 699}
    entry = entry_of(files, "0000000001.parquet")
    why = BREAKING[breaking]
    assert gap == {"entry": entry, "file": "0000000001.parquet", "rows": 700, "why": why, **times}
    page = files["index.html"].decode().replace(NBSP, " ")
    assert "Paczka nie jest pełna" in page
    assert "700 zdarzeń" in page
    assert "0000000001.parquet" in page
    found = check(full, path)
    assert found.faults == []
    assert any(f"brakuje segmentu 0000000001.parquet (wpis {entry}), zdarzenia: 700" in line for line in found.told)


def entry_of(files: Files, segment: str) -> int:
    """The entry of the chain in a pack that seals a segment."""
    entries = [json.loads(line[65:]) for line in files["chain.ndjson"].splitlines()]
    (found,) = (e["number"] for e in entries if e["kind"] == "segment" and e["payload"]["file"] == segment)
    return int(found)


def test_the_verifier_alone_accepts_it_and_says_so_at_its_end(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    truncated(damaged(full))
    packed(full, Wanted(NOW, NOW + 10), path)
    (tmp_path / "verify.py").write_bytes(files_of(path)["verify.py"])
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(path), "--key", full.key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    end = done.stdout.splitlines()[-1]
    assert (done.returncode, end.partition(":")[0]) == (0, "ZGODNE, ALE NIEPEŁNE"), done.stdout + done.stderr
    assert "brakuje segmentów: 1, zdarzeń w nich: 700" in end
    assert "brakuje segmentu 0000000001.parquet" in done.stdout


def test_a_pack_of_another_time_lacks_nothing(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    truncated(damaged(full))
    set_aside(full)
    assert packed(full, Wanted(NOW + 60_000_000, None), path).gaps == {}
    assert json.loads(files_of(path)["pack.json"])["gaps"] == []
    found = check(full, path)
    assert (found.faults, found.lacking) == ([], [])
    assert "nie jest pełna" not in files_of(path)["index.html"].decode().replace(NBSP, " ")


def test_a_segment_that_was_damaged_before_its_seal_is_named_too(full: Box, tmp_path: Path) -> None:
    full.append(5, user="anna")
    emptied(sorted(full.home.store.glob("*.parquet"))[-1])
    full.store._manifest._db.execute("UPDATE segment SET events = NULL WHERE rows = 5")
    made: Made = packed(full, Wanted(), tmp_path / "pack.zip")
    assert [(gap.entry, gap.rows) for gap in made.gaps.values()] == [(None, 5)]
    found = check(full, tmp_path / "pack.zip")
    assert found.faults == []
    assert any("(bez wpisu), zdarzenia: 5" in line for line in found.told)


def test_an_alert_whose_events_are_elsewhere_lacks_nothing(full: Box, tmp_path: Path) -> None:
    truncated(damaged(full))
    made = packed(full, Wanted(alert=1), tmp_path / "pack.zip")
    assert (made.events, made.missing, made.gaps) == (3, 0, {})
    assert told(tmp_path / "pack.zip", full.key) == []


@pytest.mark.parametrize("noticed", [True, False])
def test_an_alert_whose_events_are_damaged_says_where_they_were(full: Box, noticed: bool, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    truncated(sorted(full.home.store.glob("*.parquet"))[1])
    if noticed:
        reader = EmbeddedReader(full.home.store)
        reader.count("user:anna OR NOT user:anna")
        reader.close()
    made = packed(full, Wanted(alert=1), path)
    assert (made.events, made.missing, [gap.rows for gap in made.gaps.values()]) == (0, 3, [30])
    found = check(full, path)
    assert (found.faults, [one.rows for one in found.lacking]) == ([], [30])
    page = files_of(path)["index.html"].decode().replace(NBSP, " ")
    assert "albo w uszkodzonych plikach" in page


def test_events_of_an_alert_without_a_digest_are_not_sought_in_vain(full: Box, tmp_path: Path) -> None:
    with writing(full.sessions) as session:
        session.execute(update(AlertEvent).values(digest=None))
    truncated(sorted(full.home.store.glob("*.parquet"))[1])
    assert packed(full, Wanted(alert=1), tmp_path / "pack.zip").missing == 3
    assert told(tmp_path / "pack.zip", full.key) == []


def gaps(change: Callable[[list[dict[str, object]]], object]) -> Callable[[Files], None]:
    def changed(files: Files) -> None:
        found = rows(files, "pack.json")[0]["gaps"]
        change(found)
        about(files, gaps=found)

    return changed


FORGED: dict[str, tuple[Callable[[Files], None], str]] = {
    "not named": (gaps(list.clear), "może mieć zdarzenia z tego okresu, a nie ma ich w paczce"),
    "fewer events": (gaps(lambda found: found[0].update(rows=1)), "łańcuch mówi co innego"),
    "another time": (gaps(lambda found: found[0].update(min_time=NOW + 1)), "łańcuch mówi co innego"),
    "another name": (gaps(lambda found: found[0].update(file="0000000009.parquet")), "łańcuch mówi co innego"),
    "no seal": (gaps(lambda found: found[0].update(entry=None)), "nie ma ich w paczce"),
    "another entry": (gaps(lambda found: found[0].update(entry=2)), "łańcuch mówi co innego"),
    "no number": (gaps(lambda found: found[0].update(rows="many")), "nie da się odczytać"),
    "no list": (lambda files: about(files, gaps=7), "nie da się odczytać"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_said_to_be_missing_must_agree_with_the_chain(full: Box, name: str, tmp_path: Path) -> None:
    change, words = FORGED[name]
    truncated(damaged(full))
    packed(full, Wanted(), tmp_path / "pack.zip")
    files = files_of(tmp_path / "pack.zip")
    change(files)
    found = told(write(tmp_path / "forged.zip", signed(full, files)), full.key)
    assert any(re.search(words, fault) for fault in found), found


def test_a_segment_that_somebody_removed_and_calls_missing_is_named(full: Box, tmp_path: Path) -> None:
    """Who has the key can leave a segment out and say that it is damaged, but not unseen."""
    path = tmp_path / "pack.zip"
    packed(full, Wanted(), path)
    files = files_of(path)
    gone = rows(files, "proofs.ndjson")[-1]
    payload = {entry["number"]: entry["payload"] for entry in map(json.loads, chain_bodies(files))}[gone["entry"]]
    without_segment(files)
    told = {name: payload[name] for name in ("file", "rows", "min_time", "max_time")}
    about(files, gaps=[{"entry": gone["entry"], "why": "missing", **told}])
    found = check(full, write(path, signed(full, files)))
    assert [one.file for one in found.lacking] == [gone["file"]]
    assert any(f"brakuje segmentu {gone['file']} (wpis {gone['entry']})" in line for line in found.told)


def chain_bodies(files: Files) -> list[bytes]:
    return [line[65:] for line in files["chain.ndjson"].splitlines()]


def test_events_that_are_not_as_sealed_are_not_exported(full: Box, tmp_path: Path) -> None:
    full.keeper.round()
    files = sorted(full.home.store.glob("*.parquet"))
    files[1].write_bytes(files[0].read_bytes())
    made = packed(full, Wanted(), tmp_path / "pack.zip")
    assert (made.events, [(gap.file, gap.why) for gap in made.gaps.values()]) == (720, [(files[1].name, "changed")])
    with sqlite3.connect(full.home.store / FILE) as db:
        # Whoever changed the file changed what the manifest says of it too: that is no damage.
        digest = hashlib.sha256(files[1].read_bytes()).hexdigest()
        db.execute("UPDATE segment SET sha256 = ? WHERE file = ?", (digest, files[1].name))
    with pytest.raises(PackFault, match="0000000002"):
        packed(full, Wanted(), tmp_path / "pack.zip")
