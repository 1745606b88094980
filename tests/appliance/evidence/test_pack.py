"""Packs of evidence: what is in them, and that the standalone verifier names every kind of tampering."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from appliance.clock import DAY, SECOND
from appliance.evidence import anchors, chain, standalone, verify
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import key_file, load_key
from appliance.evidence.pack import Made, PackFault, TooMany, Wanted, export
from appliance.home import Home
from appliance.slices import asked
from appliance.slices.kept import MAGIC, drafted, path_of
from appliance.state.database import writing
from appliance.state.models import AlertEvent
from appliance.state.slices import PacketSlice
from appliance.store import Keeping
from appliance.store.writer import GRACE
from tests import oldest
from tests.appliance.evidence.conftest import NOW, Box

Files = dict[str, bytes]


def packed(box: Box, wanted: Wanted, path: Path) -> Made:
    with path.open("wb") as out:
        return export(box.keeper, wanted, out)


def files_of(path: Path) -> Files:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def told(path: Path, key: str, *anchor: Path) -> list[str]:
    """What the verifier prints."""
    check = verify.PackCheck(zipfile.ZipFile(path), key, anchor)
    return [str(fault) for fault in check.run()]


@pytest.fixture
def full(box: Box) -> Box:
    """A box with three segments, one of them of several blocks, and an alert."""
    box.append(700, user="anna")
    evidence = box.append(30)
    box.keeper.round()
    box.append(20)
    box.alert(evidence[3:6])
    return box


def interpreters() -> list[str]:
    """This Python, and the oldest one that will do where it is."""
    return [python for python in (sys.executable, oldest.interpreter()) if python]


def test_a_pack_of_a_time_is_proved_in_a_bare_interpreter(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    made = packed(full, Wanted(NOW + 300, NOW + 700), path)
    assert (made.events, made.beside, made.segments, made.alerts) == (400, 44, 1, [])
    files = files_of(path)
    lines = files["events.ndjson"].splitlines()
    assert [json.loads(line)["@timestamp"] for line in lines] == list(range(NOW + 256, NOW + 700))
    program = tmp_path / "verify.py"
    program.write_bytes(files["verify.py"])
    grouped = re.sub("(....)", r"\1 ", full.key).upper()
    for python in interpreters():
        command = [python, "-I", "-S", str(program), str(path), "--key", grouped]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        end = done.stdout.splitlines()[-1].partition(":")[0]
        assert (done.returncode, end) == (0, "ZGODNE"), done.stdout + done.stderr
        assert "zdarzenia, które potwierdza łańcuch: 444" in done.stdout


def test_a_pack_of_a_case_has_its_events_and_its_history_and_nobody_elses(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    made = packed(full, Wanted(alert=1), path)
    assert (made.events, made.beside, made.segments, made.missing, len(made.alerts)) == (3, 0, 0, 0, 1)
    assert told(path, full.key) == []
    files = files_of(path)
    assert b"anna\n" not in files["events.ndjson"]
    kinds = [item["kind"] for item in json.loads(files["alerts.ndjson"])["history"]]
    assert kinds == ["alert", "decision", "decision", "alert_events"]
    page = files["index.html"].decode()
    assert "Gmina Łąki" in page.replace("\u00a0", " ")
    assert "test &lt;b&gt;" in page
    assert "<b>" not in page


def test_events_of_a_case_that_only_their_block_proves_come_with_it(full: Box, tmp_path: Path) -> None:
    """A correlation may have known no more of an event than its id when the alert was made."""
    with writing(full.sessions) as session:
        session.execute(update(AlertEvent).where(AlertEvent.id == 2).values(digest=None))
    made = packed(full, Wanted(alert=1), tmp_path / "pack.zip")
    assert (made.events, made.beside, made.segments) == (3, 29, 1)
    assert told(tmp_path / "pack.zip", full.key) == []


def taken(box: Box, event: str, content: bytes) -> PacketSlice:
    """Let a sensor give the packets of an event's flow."""
    about = {"event.id": event, "zeek.uid": "Cabcdefgh1", "agent.id": "a" * 36}
    with writing(box.sessions) as session, drafted(box.home.packets, content) as draft:
        row = asked.ask(session, about, "anna", box.now)
        asked.taken(session, row, draft, whole=True, now=box.now)
        return row


def test_packets_of_a_case_go_along_and_the_chain_proves_them(full: Box, tmp_path: Path) -> None:
    path, content = tmp_path / "pack.zip", MAGIC + b"packets" * 100
    with full.sessions() as session:
        event = session.scalars(select(AlertEvent.event_id)).first() or ""
    row = taken(full, event, content)
    assert packed(full, Wanted(alert=1), path).packets == 1
    files = files_of(path)
    name = f"packets/Cabcdefgh1-{row.id}.pcapng"
    assert files[name] == content
    assert "packets/*.pcapng" in files["index.html"].decode()
    assert told(path, full.key) == []
    assert packed(full, Wanted(full.now - DAY, full.now + DAY), path).packets == 1
    assert told(path, full.key) == []
    assert packed(full, Wanted(full.now - DAY, full.now), path).packets == 0
    full.alert(full.append(3))
    assert packed(full, Wanted(alert=2), path).packets == 0


def test_packets_that_changed_on_the_box_are_no_evidence(full: Box, tmp_path: Path) -> None:
    row = taken(full, "e" * 32, MAGIC)
    path_of(full.home.packets, row.id).write_bytes(MAGIC + b"x")
    with pytest.raises(PackFault, match=r"1\.pcapng są inne niż"):
        packed(full, Wanted(full.now - DAY, full.now + DAY), tmp_path / "pack.zip")
    path_of(full.home.packets, row.id).unlink()
    with pytest.raises(PackFault, match=r"1\.pcapng: No such file"):
        packed(full, Wanted(full.now - DAY, full.now + DAY), tmp_path / "pack.zip")


def test_packets_that_no_sensor_gave_are_found_even_in_a_signed_pack(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    packed(full, Wanted(alert=1), path)
    files = files_of(path) | {"packets/Cforged001-9.pcapng": MAGIC}
    listed = json.loads(files.pop("files.json"))
    listed["files"]["packets/Cforged001-9.pcapng"] = hashlib.sha256(MAGIC).hexdigest()
    about = {"files": listed["files"], "key": listed["key"]}
    signature = load_key(key_file(full.home)).private.sign(chain.PACK + chain.canonical(about)).hex()
    files["files.json"] = chain.canonical(about | {"signature": signature}) + b"\n"
    faults = told(write(tmp_path / "t.zip", files), full.key)
    assert [fault.partition(":")[0] for fault in faults] == ["pakiety (packets/Cforged001-9.pcapng)"]


def test_an_event_of_a_case_that_changed_since_is_no_event_of_it(full: Box, tmp_path: Path) -> None:
    """What the chain has of it is its digest as it was when the rule matched."""
    path = tmp_path / "pack.zip"
    packed(full, Wanted(alert=1), path)
    files = files_of(path)
    changed = {
        "changed": lines(lambda found: found.__setitem__(1, found[1].replace(b"PC-1", b"PC-2"))),
        "removed": lines(lambda found: found.pop()),
        "doubled": lines(lambda found: found.__setitem__(1, found[0])),
    }
    for name, change in changed.items():
        faults = told(write(tmp_path / "t.zip", files | {"events.ndjson": change(files["events.ndjson"])}), full.key)
        assert any(fault.startswith("zdarzenie (events.ndjson)") for fault in faults), (name, faults)


def test_an_empty_pack_is_sound_too(full: Box, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    assert packed(full, Wanted(0, 1), path).events == 0
    assert told(path, full.key) == []


def test_a_case_whose_events_were_deleted_says_so(full: Box, tmp_path: Path) -> None:
    full.keeper.round()
    full.now += 40 * DAY
    full.store.retain(Keeping({"ordinary": 30}))
    made = packed(full, Wanted(alert=1), tmp_path / "pack.zip")
    assert (made.events, made.missing) == (0, 3)
    assert "usunięte" in files_of(tmp_path / "pack.zip")["index.html"].decode().replace("\u00a0", " ")
    assert told(tmp_path / "pack.zip", full.key) == []


def test_a_case_that_is_not_there_is_refused(full: Box, tmp_path: Path) -> None:
    with pytest.raises(PackFault, match="77"):
        packed(full, Wanted(alert=77), tmp_path / "pack.zip")


def test_a_range_of_too_many_events_is_refused_before_anything_is_written(full: Box, tmp_path: Path) -> None:
    with pytest.raises(TooMany, match="750 > 749"):
        packed(full, Wanted(most=749), tmp_path / "pack.zip")
    assert packed(full, Wanted(most=750), tmp_path / "pack.zip").events == 750


def test_packs_of_merged_segments_and_after_a_rotation_hold(full: Box, tmp_path: Path) -> None:
    first = full.key
    for _ in range(16):
        full.append(20)
    full.keeper.round()
    full.store.compact(60)
    full.now += GRACE + 1
    full.store.compact(60)
    full.keeper.rotate()
    packed(full, Wanted(), tmp_path / "pack.zip")
    for key in (first, full.key):
        assert told(tmp_path / "pack.zip", key) == []


@pytest.fixture
def sound(full: Box, tmp_path: Path) -> tuple[Box, Files, Path]:
    """A pack's files, and the box that it is of, with its anchor."""
    packed(full, Wanted(), tmp_path / "pack.zip")
    anchor = anchors.latest(full.home)
    assert anchor is not None
    kept = anchors.put(tmp_path, anchor, "2024-10-04")
    assert told(tmp_path / "pack.zip", full.key, kept) == []
    return full, files_of(tmp_path / "pack.zip"), kept


def lines(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        found = content.splitlines(keepends=True)
        change(found)
        return b"".join(found)

    return changed


def test_a_flipped_bit_in_each_file_is_found_and_its_file_named(sound: tuple[Box, Files, Path], tmp_path: Path) -> None:
    box, files, kept = sound
    for name, content in files.items():
        for at in {0, len(content) // 3, len(content) // 2, len(content) - 2}:
            changed = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
            found = told(write(tmp_path / "t.zip", files | {name: changed}), box.key, kept)
            assert any(name in fault for fault in found), (name, at, found)


def test_each_line_of_the_chain_is_named_when_a_bit_of_it_flips(sound: tuple[Box, Files, Path], tmp_path: Path) -> None:
    box, files, _ = sound
    entries = files["chain.ndjson"].splitlines(keepends=True)
    first = json.loads(files["pack.json"])["first"]
    for n in range(len(entries)):
        line = bytearray(entries[n])
        line[len(line) // 2] ^= 1
        changed = b"".join([*entries[:n], bytes(line), *entries[n + 1 :]])
        found = told(write(tmp_path / "t.zip", files | {"chain.ndjson": changed}), box.key)
        assert any(fault.startswith(f"wpis {first + n} ") for fault in found), found


CHANGES: list[tuple[str, str, Callable[[bytes], bytes], str]] = [
    ("entry removed", "chain.ndjson", lines(lambda found: found.pop(2)), r"wpis \d+ .*brakuje wpisów"),
    ("entry doubled", "chain.ndjson", lines(lambda found: found.insert(2, found[1])), r"wpis \d+ .*dodano go"),
    ("order", "chain.ndjson", lines(lambda found: found.insert(2, found.pop(3))), r"wpis \d+ .*zmieniono kolejność"),
    ("tail", "chain.ndjson", lines(lambda found: found.pop()), r"podpis \d+ .*plomba bez swojego wpisu"),
    ("seal", "seals.ndjson", lambda c: c.replace(b'signature":"', b'signature":"0', 1), r"plik .*nie da się odczytać"),
    ("seals", "seals.ndjson", lambda c: b"", r"podpis \d+ .*nie obejmuje żaden podpis"),
    ("event removed", "events.ndjson", lines(lambda found: found.pop(3)), r"zdarzenie .*wiersze 1–"),
    ("event added", "events.ndjson", lines(lambda found: found.append(found[0])), r"zdarzenie .*dodano go"),
    ("event changed", "events.ndjson", lambda c: c.replace(b"PC-1", b"PC-2", 1), r"zdarzenie .*inne niż w segmencie"),
    ("alert changed", "alerts.ndjson", lambda c: c.replace(b"closed", b"opened", 1), r"alert \d+ .*inny niż"),
    ("proof changed", "proofs.ndjson", lambda c: c.replace(b'"rows":700', b'"rows":699'), r"segment \d+ .*skrót"),
    ("proofs", "proofs.ndjson", lambda c: b"", r"zdarzenie .*ani segment, ani alert go nie potwierdza"),
    ("range", "pack.json", lambda c: c.replace(b'"first":', b'"first":9'), r"wpis .*ma mieć wpisy"),
    ("keys", "keys.json", lambda c: b"[]\n", r"klucz.*to nie ta Czujka"),
]  # fmt: skip


def test_each_kind_of_tampering_is_named(sound: tuple[Box, Files, Path], tmp_path: Path) -> None:
    box, files, _ = sound
    for name, file, change, expected in CHANGES:
        changed = change(files[file])
        assert changed != files[file], name
        found = told(write(tmp_path / "t.zip", files | {file: changed}), box.key)
        assert any(re.search(expected, fault) for fault in found), (name, found)
        assert any(fault.startswith(f"plik ({file}): treść zmieniono") for fault in found), (name, found)


def test_a_tail_that_was_cut_with_its_seals_is_found_by_an_anchor(
    sound: tuple[Box, Files, Path], tmp_path: Path
) -> None:
    box, files, kept = sound
    about = json.loads(files["pack.json"])
    seals = files["seals.ndjson"].splitlines(keepends=True)
    last = json.loads(seals[-2])["number"]
    cut = files["chain.ndjson"].splitlines(keepends=True)[: last - about["first"] + 1]
    changed = files | {"chain.ndjson": b"".join(cut), "seals.ndjson": b"".join(seals[:-1])}
    changed["pack.json"] = chain.canonical(about | {"last": last}) + b"\n"
    found = told(write(tmp_path / "t.zip", changed), box.key, kept)
    assert any(re.search(r"kotwica \d+ .*koniec usunięto", fault) for fault in found), found


def test_a_later_anchor_says_nothing_of_an_older_pack(sound: tuple[Box, Files, Path], tmp_path: Path) -> None:
    box, files, _ = sound
    box.now += SECOND
    box.append(3)
    box.keeper.round()
    anchor = anchors.latest(box.home)
    assert anchor is not None
    later = anchors.put(tmp_path, anchor, "2024-10-05")
    assert told(write(tmp_path / "t.zip", files), box.key, later) == []


def test_a_pack_of_a_chain_that_was_written_anew_with_another_key(
    sound: tuple[Box, Files, Path], tmp_path: Path
) -> None:
    box, _, kept = sound
    forged = Home(tmp_path / "forged")
    forged.create()
    for path in box.home.store.iterdir():
        (forged.store / path.name).write_bytes(path.read_bytes())
    other = Keeper(forged, box.settings, box.sessions, lambda: box.now)
    with (tmp_path / "forged.zip").open("wb") as out:
        export(other, Wanted(), out)
    found = told(tmp_path / "forged.zip", box.key, kept)
    assert any("to nie ta Czujka" in fault for fault in found)
    assert any(fault.startswith("kotwica") for fault in found)


def test_files_that_come_or_go_are_named(sound: tuple[Box, Files, Path], tmp_path: Path) -> None:
    box, files, _ = sound
    assert "plik (x.txt): nie ma go w spisie paczki albo jest dwa razy: dodano go" in told(
        write(tmp_path / "t.zip", files | {"x.txt": b""}), box.key
    )
    for name in files:
        found = told(write(tmp_path / "t.zip", {one: files[one] for one in files if one != name}), box.key)
        assert any(name in fault for fault in found), name


def test_a_pack_with_any_byte_of_its_zip_changed_is_faulty_or_the_same(
    sound: tuple[Box, Files, Path], tmp_path: Path
) -> None:
    """Times and the like in the zip's directory are no evidence; a change there changes nothing that is read."""
    box, files, _ = sound
    content = (tmp_path / "pack.zip").read_bytes()
    for at in range(0, len(content), max(1, len(content) // 60)):
        changed = content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]
        try:
            opened = zipfile.ZipFile(io.BytesIO(changed))
        except zipfile.BadZipFile:
            continue
        faults = verify.PackCheck(opened, box.key, []).run()
        if not faults:
            assert {name: opened.read(name) for name in opened.namelist()} == files


def test_the_command_line_of_the_verifier(
    sound: tuple[Box, Files, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box, files, kept = sound
    good = write(tmp_path / "good.zip", files)
    assert verify.main([str(good), "--key", box.key, "--anchor", str(kept)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("ZGODNE")
    bad = write(tmp_path / "bad.zip", files | {"events.ndjson": b""})
    assert verify.main([str(bad), "--key", box.key]) == 1
    assert "NIEZGODNE" in capsys.readouterr().out
    (tmp_path / "none.zip").write_bytes(b"no zip")
    with pytest.raises(SystemExit, match="nie można otworzyć"):
        verify.main([str(tmp_path / "none.zip"), "--key", box.key])


def test_the_verifier_is_written_for_python_3_9() -> None:
    source = standalone.source().decode("utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", "collections.abc", "datetime", "pathlib", "typing"} | {
        name for name in imported if name and name.startswith("cryptography.")
    }
    assert not re.search(r"zip\(.*strict=", source)
