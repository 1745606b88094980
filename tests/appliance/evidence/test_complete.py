"""A pack that leaves something out is found, even when it was signed with the box's own key."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import DAY, HOUR, MINUTE
from appliance.evidence import chain
from appliance.evidence.keys import key_file, load_key
from appliance.evidence.keys import write as write_key
from appliance.evidence.pack import Wanted
from appliance.evidence.verify import PackCheck
from appliance.store import Keeping
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.sums import summed
from tests.appliance.evidence.conftest import NOW, Box
from tests.appliance.evidence.test_pack import Files, files_of, packed, told, write

Change = Callable[[Files], None]


@pytest.fixture
def full(box: Box) -> Box:
    """Two segments of several blocks, a small one, and two alerts with their history."""
    box.append(700, user="anna")
    box.alert(box.append(600)[3:6])
    box.keeper.round()
    box.alert(box.append(20)[:2])
    return box


def rows(files: Files, name: str) -> list[Any]:
    return [json.loads(line) for line in files[name].splitlines()]


def put(files: Files, name: str, lines: list[Any]) -> None:
    files[name] = b"".join(chain.canonical(line) + b"\n" for line in lines)


def about(files: Files, **changed: object) -> None:
    put(files, "pack.json", [{**json.loads(files["pack.json"]), **changed}])


def signed(box: Box, files: Files) -> Files:
    """The files with a list of them that the box's key signed, as its administrator can make one."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "files.json"}
    what = {"files": listed, "key": box.key}
    signature = load_key(key_file(box.home)).private.sign(chain.PACK + chain.canonical(what)).hex()
    return files | {"files.json": chain.canonical(what | {"signature": signature}) + b"\n"}


def forged(box: Box, wanted: Wanted, change: Change, tmp_path: Path) -> list[str]:
    """What the verifier says of a pack from which something was taken and that was signed again."""
    packed(box, wanted, tmp_path / "pack.zip")
    assert told(tmp_path / "pack.zip", box.key) == []
    files = files_of(tmp_path / "pack.zip")
    change(files)
    return told(write(tmp_path / "forged.zip", signed(box, files)), box.key)


def without_segment(files: Files) -> None:
    *proofs, last = rows(files, "proofs.ndjson")
    taken = sum(len(block["rest"]) for block in last["open"].values())
    assert last["entry"] < min(proof["entry"] for proof in proofs)
    put(files, "proofs.ndjson", proofs)
    files["events.ndjson"] = b"".join(files["events.ndjson"].splitlines(keepends=True)[:-taken])
    told = json.loads(files["pack.json"])
    about(files, events=told["events"] - taken, segments=told["segments"] - 1)


def without_its_entry(files: Files) -> None:
    """The excerpt of the chain begins after the entry of the segment that is left out."""
    gone = rows(files, "proofs.ndjson")[-1]["entry"]
    without_segment(files)
    entries = files["chain.ndjson"].splitlines(keepends=True)
    kept = [line for line in entries if json.loads(line[65:])["number"] > gone]
    files["chain.ndjson"] = b"".join(kept)
    put(files, "seals.ndjson", [seal for seal in rows(files, "seals.ndjson") if seal["number"] > gone])
    about(files, first=gone + 1)


def without_block(at: int) -> Change:
    def change(files: Files) -> None:
        proofs = rows(files, "proofs.ndjson")
        lines = files["events.ndjson"].splitlines(keepends=True)
        number, counts = 0, [(one, key, len(block["rest"])) for one in proofs for key, block in one["open"].items()]
        ends = proofs[-1], sorted(proofs[-1]["open"], key=int)[at]
        for one, key, count in counts:
            if (one, key) == ends:
                del lines[number : number + count]
                del one["open"][key]
                about(files, events=json.loads(files["pack.json"])["events"] - count)
                break
            number += count
        files["events.ndjson"] = b"".join(lines)
        put(files, "proofs.ndjson", proofs)

    return change


def without_alert(files: Files) -> None:
    put(files, "alerts.ndjson", rows(files, "alerts.ndjson")[1:])


def without_decision(files: Files) -> None:
    alerts = rows(files, "alerts.ndjson")
    alerts[0]["history"] = [item for item in alerts[0]["history"] if item["payload"].get("action") != "closed"]
    put(files, "alerts.ndjson", alerts)


LEFT_OUT: list[tuple[str, Change, str]] = [
    ("segment", without_segment, "może mieć zdarzenia z tego okresu, a nie ma ich w paczce"),
    ("segment and its entry", without_its_entry, "łańcuch zaczyna się później niż okres paczki"),
    ("first block", without_block(0), "nie wszystkie bloki z tego okresu"),
    ("block within", without_block(1), "nie wszystkie bloki z tego okresu"),
    ("last block", without_block(-1), "nie wszystkie bloki z tego okresu"),
    ("alert", without_alert, "alert 1 jest w łańcuchu w tym okresie, a nie ma go w paczce"),
    ("decision", without_decision, "alert 1 nie ma całej historii"),
]


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(NOW - DAY, NOW + DAY)], ids=["whole", "range"])
@pytest.mark.parametrize(("change", "words"), [one[1:] for one in LEFT_OUT], ids=[one[0] for one in LEFT_OUT])
def test_what_was_left_out_of_a_time_is_named(
    full: Box, wanted: Wanted, change: Change, words: str, tmp_path: Path
) -> None:
    found = forged(full, wanted, change, tmp_path)
    assert any(words in fault for fault in found), found


def test_a_segment_that_stands_twice_is_named(full: Box, tmp_path: Path) -> None:
    def change(files: Files) -> None:
        put(files, "proofs.ndjson", rows(files, "proofs.ndjson") * 2)
        files["events.ndjson"] *= 2
        about(files, events=2 * json.loads(files["pack.json"])["events"])

    found = forged(full, Wanted(), change, tmp_path)
    assert len(found) == 3
    assert all("jest w paczce dwa razy" in fault for fault in found)


@pytest.mark.parametrize(
    ("sealed", "times", "words"),
    [
        (True, 1, ["ma plombę we wpisie 3, a paczka mówi, że nie ma"]),
        (False, 1, []),
        (False, 2, ["jest w paczce dwa razy"]),
    ],
)
def test_an_hour_of_a_cluster_cannot_pass_for_one_without_a_seal(
    box: Box, sealed: bool, times: int, words: list[str], tmp_path: Path
) -> None:
    """Else its events could be changed at will: those of an hour without a seal stand under the pack's signature."""
    hour = NOW - NOW % HOUR
    spool = Spool(box.home.spool, 1 << 30)
    line = chain.canonical({"event.id": f"{1:032x}", "event.ingested": NOW})
    spool.done([], NOW, summed("events-1", [(f"{1:032x}", line)]))
    spool.close()
    box.now += 3 * HOUR if sealed else 0

    def change(files: Files) -> None:
        files["cluster.ndjson"] = line.replace(b"0001", b"0002") + b"\n"
        files["cluster.ndjson"] *= times
        one = {"entry": None, "events": 1, "hour": hour, "index": "events-1", "wanted": 1}
        put(files, "hours.ndjson", [one] * times)
        about(files, cluster={"events": times, "wanted": times})

    found = forged(box, Wanted(), change, tmp_path)
    assert [word for word, fault in zip(words, found, strict=True) if word in fault] == words


def test_an_event_that_was_left_out_of_a_case_is_named(full: Box, tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["events.ndjson"] = b"".join(files["events.ndjson"].splitlines(keepends=True)[1:])
        about(files, events=2)

    assert forged(full, Wanted(alert=1), change, tmp_path) == [
        "zdarzenie (events.ndjson): alert opiera się na 3, w paczce są 2, a według jej opisu brakuje 0"
    ]


def test_a_decision_that_was_left_out_of_a_case_is_named(full: Box, tmp_path: Path) -> None:
    found = forged(full, Wanted(alert=1), without_decision, tmp_path)
    assert found == ["alert (alerts.ndjson): alert 1 nie ma całej historii: brakuje wpisów [5]"]


@pytest.mark.parametrize(("start", "end"), [(256, 512), (300, 301), (0, 256), (512, 700), (690, 60_000_000)])
def test_any_edge_of_a_range_is_proved(full: Box, start: int, end: int, tmp_path: Path) -> None:
    made = packed(full, Wanted(NOW + start, NOW + end), tmp_path / "pack.zip")
    assert made.events == min(end, 700) - start
    assert told(tmp_path / "pack.zip", full.key) == []


def test_a_segment_around_a_time_without_events_proves_that_there_are_none(box: Box, tmp_path: Path) -> None:
    early = box.append(300)
    box.now += 60 * MINUTE
    box.append(300)
    for _ in range(16):
        box.append(1)
    box.keeper.round()
    box.store.compact(60)
    box.keeper.round()
    assert len(early) == 300
    made = packed(box, Wanted(NOW + MINUTE, NOW + 2 * MINUTE), tmp_path / "pack.zip")
    assert made.events == 0
    assert told(tmp_path / "pack.zip", box.key) == []


def test_what_retention_deleted_is_told(full: Box, tmp_path: Path) -> None:
    full.keeper.round()
    full.now += 40 * DAY
    full.store.retain(Keeping({"ordinary": 30}))
    full.append(5)
    packed(full, Wanted(NOW, full.now), tmp_path / "pack.zip")
    check = PackCheck(zipfile.ZipFile(tmp_path / "pack.zip"), full.key, [])
    assert check.run() == []
    assert "segmenty z tego okresu, które już usunięto: 3" in check.told


def test_a_pack_that_a_replaced_key_made_is_no_evidence(full: Box, tmp_path: Path) -> None:
    """Whoever stole a key before it was replaced can sign what they like; here with the box's own program."""
    path = tmp_path / "pack.zip"
    full.keeper.round()
    stolen = load_key(key_file(full.home))
    full.keeper.rotate()
    fresh = full.key
    full.append(4, user="forged")
    write_key(key_file(full.home), stolen.private)
    for wanted in (Wanted(), Wanted(full.now - MINUTE, full.now)):
        assert packed(full, wanted, path).events
        for trusted in (fresh, stolen.fingerprint):
            found = told(path, trusted)
            assert any(re.search(r"podpis \d+ .*, który wymieniono", fault) for fault in found), found
            assert any("podpis (files.json)" in fault for fault in found), found
