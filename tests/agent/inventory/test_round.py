"""A round: faults stay where they are, bounds hold, and the real child sends what its host is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.inventory import files, section
from agent.inventory.gather import Gatherer
from agent.inventory.linux import SECTIONS
from agent.inventory.raw import Command, File, Files, Names, Raw, Raws
from agent.inventory.round import Plan, run
from agent.inventory.section import Item, Section, bounded
from agent.inventory.store import Store
from agent.posture.check import Check, Finding, good
from agent.wire.categories import permitted, section_category
from agent.wire.event import Record
from agent.wire.inventory import (
    COUNT_FIELD,
    DIGEST_FIELD,
    ITEM,
    KEY_FIELD,
    MAX_FIELDS,
    MAX_KEY,
    MAX_LIST,
    MAX_TEXT,
    SECTION_FIELD,
    STATE,
    canonical,
    digest,
    item_record,
)
from appliance.normalise import Source, normalise
from tests.agent.real import CHECKOUT


def _section(name: str, parse: object) -> Section:
    return Section(name, {"it": File("it")}, parse, 60)  # type: ignore[arg-type] # a test's plain function


def _broken(_raws: Raws) -> Iterable[Item]:
    raise ValueError("no")


def _crash(_raws: Raws, _now: float) -> Finding:
    raise RuntimeError("no")


def test_a_faulty_section_or_check_costs_the_others_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "i.db")
    plan = Plan(
        [_section("system", _broken), _section("hardware", lambda raws: [(raws.text("it"), {})])],
        [Check("bad", {}, _crash, ()), Check("fine", {}, lambda raws, now: good(), ())],
    )
    records = list(run(plan, {File: lambda source: Raw(source.path)}, store, 1000.0, seen=0))
    states = [record for record in records if "inventory.count" in record]
    problems = {record["inventory.section"]: record.get("inventory.problem") for record in states}
    assert problems == {"hardware": None, "system": "unreadable"}
    said = [record for record in records if "posture.check" in record]
    verdicts = {record["posture.check"]: (record["posture.result"], record["posture.reason"]) for record in said}
    assert verdicts == {"bad": ("unknown", "fault"), "fine": ("pass", "")}
    assert records[-1] == {"inventory.round": 1}
    store.close()


@pytest.mark.parametrize("off", [frozenset(), {"command_lines"}, {"usb"}, {"inventory", "posture"}, {"dns", "usb"}])
def test_what_is_told_agrees_with_its_digest_whatever_is_off(tmp_path: Path, off: set[str]) -> None:
    """What the agent lets through of a round is what the digest is over, else the box asks for everything for ever."""
    items = [("a", {"process.command_line": "x --for jan", "autorun.name": "x"}), ("b", {"autorun.name": "y"})]
    plan = Plan(
        [_section("autorun", lambda raws: items), _section("usb_device", lambda raws: [("1", {"usb.serial": "S"})])],
        [Check("fine", {}, lambda raws, now: good(), ())],
    )
    store = Store(tmp_path / "i.db")
    said = list(run(plan, {File: lambda source: Raw("")}, store, 1000.0, seen=0, off=off))
    store.close()
    sent = [kept for record in said if (kept := permitted(record, off)) is not None]
    assert sent == said
    for state in (record for record in sent if record.get("event.action") == STATE):
        own = [one for one in sent if one.get("event.action") == ITEM and one[SECTION_FIELD] == state[SECTION_FIELD]]
        assert digest((str(one[KEY_FIELD]), canonical(one)) for one in own) == state[DIGEST_FIELD]
        assert state[COUNT_FIELD] == len(own)
    sections = {str(record[SECTION_FIELD]) for record in sent if SECTION_FIELD in record}
    assert sections == {one for one in ("autorun", "usb_device") if section_category(one) not in off}
    assert any("posture.check" in record for record in sent) == ("posture" not in off)
    assert any("process.command_line" in record for record in sent) == (not off & {"command_lines", "inventory"})


def test_a_source_is_read_once_a_round_and_kinds_of_one_shape_are_told_apart() -> None:
    read: list[object] = []

    def reader(source: object) -> Raw:
        read.append(source)
        return Raw("")

    gatherer = Gatherer(dict.fromkeys((File, Files, Names), reader))
    gatherer.raws({"a": File("x", 9), "b": Files("x", 9)})
    gatherer.raws({"c": File("x", 9)})
    assert [type(source) for source in read] == [File, Files]


def test_items_are_cut_to_the_bounds_of_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(section, "MAX_ITEMS", 2)
    found = bounded([("k" * 999, {"a": "\ud800\x07" + "t" * 9999, "b": ["x"] * 999, "c": ""}), ("l", {}), ("m", {})])
    key, fields = next(iter(found.items()))
    assert (len(key), len(str(fields["a"])), len(fields), len(found)) == (MAX_KEY, MAX_TEXT, 2, 2)
    assert str(fields["a"]).startswith("?\ufffdt")
    assert isinstance(fields["b"], list)
    assert len(fields["b"]) == MAX_LIST


def test_an_item_of_many_long_fields_is_cut_until_it_fits_the_wire() -> None:
    huge: Record = {f"inventory.f{number}": ["ż" * 999] * 50 for number in range(20)}
    (fields,) = bounded([("k", huge)]).values()
    assert 1000 < len(canonical(fields).encode()) <= MAX_FIELDS


def test_files_too_long_missing_and_odd(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff" * 10)
    assert files.read_file(File(str(tmp_path / "a"), 10)).value == "\ufffd" * 10
    assert files.read_file(File(str(tmp_path / "a"), 9)).problem == "too_large"
    assert files.read_file(File(str(tmp_path / "b"))).problem == "absent"
    assert files.read_file(File(str(tmp_path / "a" / "c"))).problem == "absent"
    assert files.read_files(Files(str(tmp_path / "*"), 10)).value == {str(tmp_path / "a"): "\ufffd" * 10}
    assert files.read_names(Names(str(tmp_path / "x*"))).problem == "absent"


def test_a_program_that_is_asked_does_not_speak_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Debian 11 systemd noted messages of programs that had found the service's socket."""
    for name in ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, "/nowhere")
    done = files.run_command(Command((sys.executable, "-c", "import os; print(*os.environ)")))
    assert not {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"} & set(done.value["out"].split())


def test_programs_that_are_missing_hang_or_talk_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_OUTPUT", 1000)
    python = (sys.executable, "-S", "-c")
    assert files.run_command(Command(("czujka-no-such-program",))).problem == "absent"
    assert files.run_command(Command((*python, "import time; time.sleep(60)"), 0.3)).problem == "timeout"
    assert files.run_command(Command((*python, "print('x' * 2000)"))).problem == "too_large"
    done = files.run_command(Command((*python, "import os; print(os.environ['LC_ALL']); raise SystemExit(3)")))
    assert done.value == {"code": 3, "out": "C.UTF-8\n"}


def test_the_real_child_tells_what_is_due_and_the_second_time_nothing_new(tmp_path: Path) -> None:
    file = tmp_path / "i.db"
    store = Store(file)
    for each in SECTIONS:
        if each.name != "system":
            store.keep(each.name, {}, store.begin(0), time.time())
    store.posture_done(time.time())
    store.close()

    def told(seen: str) -> list[dict[str, object]]:
        command = [sys.executable, "-P", "-m", "agent.inventory", "collect", str(file), seen]
        done = subprocess.run(command, capture_output=True, check=True, env={"PYTHONPATH": str(CHECKOUT)}, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    first = told("14")
    assert [record["inventory.key"] for record in first if "inventory.key" in record] == ["names", "os"]
    assert told(str(first[-1]["inventory.round"])) == [{"inventory.round": 16}]


def test_what_the_box_reads_of_an_item_is_what_was_sent() -> None:
    fields: Record = {
        "os.version": "12", "os.kernel": "6.1.0", "source.ip": "fe80::1", "source.port": 631, "user.id": "1000",
        "network.transport": "tcp", "process.name": "cupsd", "process.command_line": "a b", "hash.sha256": "0" * 64,
        "x509.not_after": 2399587199, "x509.subject.distinguished_name": "commonName=Urząd", "user.name": "żaneta",
        "user.group.id": "27", "group.name": "sudo", "group.id": "27", "service.name": "ssh", "package.type": "deb",
        "service.state": "enabled", "service.type": "service", "package.name": "vim", "package.version": "2:9",
        "package.architecture": "amd64", "device.manufacturer": "Dell", "device.model.name": "5", "file.path": "/x",
        "device.serial_number": "1", "inventory.encrypted": True, "inventory.mac": ["52:54:00:12:34:56"],
    }  # fmt: skip
    record = item_record("software", "x", fields, present=True, revision=1)
    line = json.dumps({**record, "event.id": "0" * 32, "@timestamp": 1795348800000000, "host.name": "h"})
    event = normalise(line.encode(), Source("a", 1795348800000000))
    assert canonical({name: list(value) if isinstance(value, tuple) else value for name, value in event.items()}) == (
        canonical(fields)
    )
