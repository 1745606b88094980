"""Tampering on the box: every kind is found and named by `czujka verify`."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.clock import DAY
from appliance.evidence import anchors, keys
from appliance.evidence.chain import canonical
from appliance.evidence.check import told
from appliance.evidence.ledger import Draft, Ledger
from appliance.home import Home
from appliance.store import EmbeddedReader, Keeping, segments
from appliance.store.compaction import FAN_IN
from appliance.store.digest import digest
from appliance.store.shape import decode, encode
from tests.appliance.evidence.conftest import Box


@pytest.fixture
def full(box: Box) -> Box:
    """A box with segments, alerts and several seals."""
    box.append(300)
    box.keeper.round()
    box.alert(box.append(40))
    box.keeper.round()
    assert box.faults(events=True) == []
    return box


def edit(box: Box, sql: str, *values: object) -> None:
    """Change the chain's file behind the box's back."""
    with closing(sqlite3.connect(box.home.evidence)) as db:
        assert db.execute(sql, values).rowcount
        db.commit()


def flip(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def body(box: Box, number: int) -> bytes:
    with Ledger(box.home.evidence) as ledger:
        return next(ledger.entries(number, number))[1]


def head(box: Box) -> int:
    with Ledger(box.home.evidence) as ledger:
        return ledger.head().number


def test_one_flipped_bit_of_an_entry_in_each_of_its_places(full: Box) -> None:
    for number in (1, 3, head(full)):
        content = body(full, number)
        for at in range(0, len(content), 31):
            edit(full, "UPDATE entry SET body = CAST(? AS TEXT) WHERE number = ?", flip(content, at * 8 + 1), number)
            assert any(fault.startswith(f"wpis {number}:") for fault in full.faults()), content[at:]
        edit(full, "UPDATE entry SET body = ? WHERE number = ?", content.decode(), number)
    assert full.faults() == []


def test_one_flipped_bit_of_each_signature_and_each_part_of_a_seal(full: Box) -> None:
    with Ledger(full.home.evidence) as ledger:
        seals = list(ledger.numbered_seals())
    assert len(seals) >= 4
    for number, line in seals[:2]:
        for at in range(20, len(line), 23):
            edit(full, "UPDATE seal SET line = CAST(? AS TEXT) WHERE number = ?", flip(line, at * 8), number)
            assert any(fault.startswith(f"podpis {number}:") for fault in full.faults()), line[at:]
        edit(full, "UPDATE seal SET line = ? WHERE number = ?", line.decode(), number)
    assert full.faults() == []


def test_a_removed_entry(full: Box) -> None:
    edit(full, "DELETE FROM entry WHERE number = 4")
    assert "wpis 4: brakuje wpisów od 4 do 4" in full.faults()


def test_an_entry_that_was_put_in(full: Box) -> None:
    """Whoever has no key can number and hash it, and all after it, but not sign."""
    with closing(sqlite3.connect(full.home.evidence)) as db:
        rows = db.execute("SELECT number, kind, ref, body FROM entry WHERE number >= 4 ORDER BY number DESC").fetchall()
        for number, *rest in rows:
            shifted = json.loads(rest[2]) | {"number": number + 1}
            text = canonical(shifted)
            values = (number + 1, hashlib.sha256(text).hexdigest(), *rest[:2], text.decode())
            db.execute("INSERT OR REPLACE INTO entry VALUES (?,?,?,?,?)", values)
        db.commit()
    found = full.faults()
    assert any("nie łączy się z wpisem" in fault or "treść nie zgadza się" in fault for fault in found)
    assert any(fault.startswith("podpis") for fault in found)


def test_entries_in_another_order(full: Box) -> None:
    for old, new in ((4, -1), (5, 4), (-1, 5)):
        edit(full, "UPDATE entry SET number = ? WHERE number = ?", new, old)
    found = full.faults()
    assert "wpis 4: brakuje wpisów od 4 do 4" in found
    assert "wpis 4: stoi po wpisie 5: dodano go albo zmieniono kolejność" in found


def test_a_truncated_tail_with_its_seals_is_found_by_an_anchor(full: Box, tmp_path: Path) -> None:
    anchor = anchors.latest(full.home)
    assert anchor is not None
    path = anchors.put(tmp_path, anchor, "2024-10-04")
    last = head(full)
    with Ledger(full.home.evidence) as ledger:
        kept = max(number for number, _ in ledger.numbered_seals() if number < last - 3)
    for table in ("entry", "seal"):
        edit(full, f"DELETE FROM {table} WHERE number > ?", kept)
    assert f"kotwica {last}: łańcuch kończy się wcześniej, na wpisie {kept}: koniec usunięto" in full.faults(
        anchors=[path]
    )
    full.keeper.round()
    with Ledger(full.home.evidence) as ledger, ledger.sealing(keys.ensure_key(full.home), full.now) as appending:
        for n in range(10):
            appending.add(Draft("operation", {"operation": 1, "n": n}))
    assert any("historię zapisano od nowa" in fault for fault in full.faults(anchors=[path]))


def test_a_tail_cut_off_without_its_seals_is_found_at_once(full: Box) -> None:
    last = head(full)
    edit(full, "DELETE FROM entry WHERE number = ?", last)
    assert f"podpis {last}: plomba bez swojego wpisu; ostatni wpis: {last - 1}" in full.faults()


def test_a_chain_written_anew_with_another_key(full: Box, tmp_path: Path) -> None:
    anchor, fingerprint = anchors.latest(full.home), full.key
    assert anchor is not None
    path = anchors.put(tmp_path, anchor, "2024-10-04")
    full.home.evidence.unlink()
    keys.key_file(full.home).unlink()
    full.keeper.round()
    assert full.faults() == []
    assert any("to nie ta Czujka" in fault for fault in full.faults(trusted=fingerprint))
    assert any("nieznanym kluczem" in fault for fault in full.faults(anchors=[path]))


def test_a_flipped_bit_in_each_place_of_a_segment(full: Box) -> None:
    path = full.home.store / "0000000001.parquet"
    content = path.read_bytes()
    for at in range(0, len(content), len(content) // 40):
        path.write_bytes(flip(content, at * 8 + at % 8))
        (found,) = full.faults(events=True)
        assert "0000000001.parquet): plik zmieniono" in found
    path.unlink()
    (missing,) = full.faults()
    assert "pliku nie da się odczytać" in missing


def test_a_range_checks_its_own_segments_alone(full: Box) -> None:
    (full.home.store / "0000000001.parquet").unlink()
    assert full.faults(start=full.now + 1) == []
    assert len(full.faults(end=full.now + 1)) == 1


def _forged(full: Box, change: Callable[[list[Any]], None]) -> None:
    """Replace a segment by one with other events, with the box's own key, as its administrator could."""
    old = full.home.store / "0000000001.parquet"
    rows = decode(_table(old))
    change(rows)
    table = encode(rows).table
    _, sha256 = segments.write(full.home.store, "0000000099.parquet", table)
    packed = zlib.compress(b"\x01\x00" * len(rows))
    with Ledger(full.home.evidence) as ledger, ledger.sealing(keys.ensure_key(full.home), full.now) as appending:
        was = ledger.live()["0000000001.parquet"]
        seen = {"file": "0000000099.parquet", "rows": len(rows), "sha256": sha256, "events": digest(table)}
        number = appending.add(Draft("segment", {**seen, "day": was.day}, "0000000099.parquet"))
        olds = [{"entry": was.number, "events": was.events, "file": was.file, "rows": was.rows}]
        members = hashlib.sha256(packed).hexdigest()
        appending.add(Draft("replaced", {"entry": number, "members": members, "new": seen["file"], "old": olds}))
        appending.keep_members(members, packed)
    old.unlink()


def _table(path: Path) -> Any:
    return pq.read_table(path)


def test_a_merge_that_changes_an_event_is_found_although_the_key_signed_it(full: Box) -> None:
    _forged(full, lambda rows: rows[7].update({"host.name": "PC-2"}))
    assert full.faults() == []
    (found,) = full.faults(events=True)
    assert "0000000001.parquet): zdarzenia inne niż te, które zaplombowano" in found


def test_a_merge_that_leaves_an_event_out_is_found_although_the_key_signed_it(full: Box) -> None:
    _forged(full, lambda rows: rows.remove(rows[7]))
    (found,) = full.faults(events=True)
    assert "zdarzenia inne niż te, które zaplombowano" in found


def test_the_proof_of_a_merge_that_is_gone_or_changed(full: Box) -> None:
    for _ in range(FAN_IN):
        full.append(300)
    full.keeper.round()
    assert full.store.compact(60)
    full.keeper.round()
    assert full.faults(events=True) == []
    edit(full, "UPDATE members SET packed = x'00'")
    assert any("brak dowodu połączenia" in fault for fault in full.faults(events=True))


def test_events_that_were_put_in_later_are_counted(full: Box) -> None:
    assert full.check().late == 0
    full.now -= 40 * DAY
    full.append(7)
    full.now += 40 * DAY
    full.keeper.round()
    found = full.check()
    assert (found.late, found.faults) == (7, [])
    assert any("później niż dwie doby po odbiorze: 7." in line for line in told(found, "pl"))


def test_an_anchor_that_is_none_is_named(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "kotwica.json"
    path.write_text("{}")
    assert full.faults(anchors=[path]) == [
        "kotwica (kotwica.json): nie da się odczytać: to nie jest plomba ani kotwica"
    ]
    assert "nie da się odczytać" in full.faults(anchors=[tmp_path / "none.json"])[0]


def test_a_copy_of_the_folder_elsewhere_is_as_sound(full: Box, tmp_path: Path) -> None:
    full.store.close()
    shutil.copytree(full.home.root, tmp_path / "copy")
    copy = Box(Home(tmp_path / "copy"), full.sessions, full.settings, full.now)
    assert copy.faults(events=True) == []
    copy.store.close()


@pytest.fixture
def rotated(full: Box) -> tuple[Box, keys.EvidenceKey]:
    """A box after a rotation, and the key that was stolen before."""
    stolen = keys.load_key(keys.key_file(full.home))
    full.keeper.rotate()
    full.append(3)
    full.keeper.round()
    assert full.faults(trusted=stolen.fingerprint) == full.faults() == []
    return full, stolen


FORGED = Draft("operation", {"action": "x", "at": 1, "detail": {}, "operation": 1, "target": "", "who": "x"})


def forge(box: Box, key: keys.EvidenceKey, *drafts: Draft) -> int:
    with Ledger(box.home.evidence) as ledger, ledger.sealing(key, box.now) as appending:
        for draft in drafts:
            appending.add(draft)
        return appending.head.number


def test_a_tail_that_is_signed_by_a_key_that_was_replaced(rotated: tuple[Box, keys.EvidenceKey]) -> None:
    box, stolen = rotated
    number = forge(box, stolen, FORGED)
    first = stolen.fingerprint
    for trusted in ("", first):
        assert f"podpis {number}: podpisano kluczem {first[:16]}…, który wymieniono" in box.faults(trusted=trusted)


def test_a_rotation_to_a_forged_key_by_one_that_was_replaced(rotated: tuple[Box, keys.EvidenceKey]) -> None:
    box, stolen = rotated
    evil = keys.EvidenceKey(Ed25519PrivateKey.generate())
    with Ledger(box.home.evidence) as ledger:
        payload = keys.next_statement(stolen, evil, box.now, ledger.head().digest)
    number = forge(box, evil, Draft("key", payload))
    found = box.faults()
    assert any(fault.startswith(f"klucz {number}: wymiany nie podpisał klucz w mocy") for fault in found), found
    assert f"klucz: po kluczu {stolen.fingerprint[:16]}… mają następować dwa różne" in found


def test_a_history_before_a_rotation_that_was_written_anew_with_the_old_key(
    rotated: tuple[Box, keys.EvidenceKey],
) -> None:
    """The thief puts the true rotation at the end of it, and the box goes on from there with its new key."""
    box, stolen = rotated
    with Ledger(box.home.evidence) as ledger:
        rotation = next(entry for entry in ledger.of_kind("key") if entry["payload"]["old"])
    for table in ("entry", "seal"):
        edit(box, f"DELETE FROM {table} WHERE number >= ?", rotation["number"] - 2)
    forge(box, stolen, FORGED)
    number = forge(box, stolen, Draft("key", rotation["payload"]))
    box.keeper.round()
    assert f"klucz {number}: wymianę podpisano po innym wpisie" in box.faults()


def test_a_forged_anchor_of_the_same_entry_does_not_hide_the_true_one(full: Box, tmp_path: Path) -> None:
    """Whoever has the key can write history anew, and put an anchor of it beside the true one."""
    true = anchors.latest(full.home)
    assert true is not None
    seal = keys.load_key(keys.key_file(full.home)).seal(full.now, true.seal["number"], "ab" * 32)
    forged = anchors.Anchor(canonical(seal).decode())
    paths = [anchors.put(tmp_path, one, name) for one, name in ((true, "a"), (forged, "b"))]
    assert full.faults(anchors=paths[:1]) == []
    for given in (paths, paths[::-1]):
        found = full.faults(anchors=given)
        assert [fault for fault in found if "wpis ma inny skrót niż kotwica" in fault] == found
        assert len(found) == 1


@pytest.mark.parametrize("seen", ["sealed", "unsealed"])
def test_a_damaged_segment_that_was_set_aside_is_named_until_it_is_deleted(full: Box, seen: str) -> None:
    if seen == "unsealed":
        full.append(10)
    path = max(full.home.store.glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    reader = EmbeddedReader(full.home.store)
    reader.count("host.name:*")
    assert [one.file for one in reader.damaged()] == [path.name]
    reader.close()
    fault = f"({path.name}): plik jest uszkodzony i odłożony na bok: ma inną treść, niż zapisano"
    for _ in range(2):
        assert [one for one in full.faults(events=True) if fault in one] == full.faults(events=True)
        assert len(full.faults(events=True)) == 1
        full.keeper.round()
    full.now += 30 * DAY
    full.store.retain(Keeping({"ordinary": 3}))
    full.keeper.round()
    assert full.faults(events=True) == []
