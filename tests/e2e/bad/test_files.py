"""Files that are broken in every known way go through `czujka import`; each fault costs its own record."""

from __future__ import annotations

import gzip
import html
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.bad.tools import alerts_of, cleared, counts, letters, still_works, stored
from tests.e2e.box import Box

CHUNK, HEADER = 65536, 4096
DEEP = 1000
BOMB = 64 << 20


def _line(host: str, number: int = 1) -> bytes:
    return json.dumps(cleared(host, number, "2026-11-20T10:00:00Z")).encode()


def _with(host: str, field_: bytes) -> bytes:
    """A good line with one more field, as raw bytes."""
    return _line(host)[:-1] + b"," + field_ + b"}"


@dataclass(frozen=True, slots=True)
class Case:
    """A file: how many of its records are taken, and the place and a word of the message of each that is not."""

    content: bytes
    taken: int
    dead: tuple[tuple[str, str], ...] = ()


def _xml(host: str, data: str) -> str:
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Eventlog'/><EventID>1102</EventID><Channel>Security</Channel>"
        f"<EventRecordID>1</EventRecordID><TimeCreated SystemTime='2026-11-20T10:00:00Z'/><Computer>{host}</Computer>"
        f"</System><UserData>{data}</UserData></Event>"
    )


def _xml_line(host: str, data: str) -> bytes:
    return json.dumps({"event.module": "windows.eventlog", "xml": _xml(host, data)}).encode()


def _bomb(host: str, line: bytes) -> bytes:
    """A gzip file that begins with one good line and inflates about a thousandfold, to 64 MiB."""
    return gzip.compress(_line(host) + b"\n") + gzip.compress(line * (BOMB // len(line)), 9)


CASES = {
    "urwane.ndjson": Case(_line("urwane") + b"\n" + _line("urwane", 2)[:50], 1, (("2:", "JSON"),)),
    "polamane.ndjson": Case(
        b"\n".join([b"{zle", _line("polamane"), b"]", b'"tekst"', _line("polamane", 2)]),
        2,
        (("1:", "JSON"), ("3:", "JSON"), ("4:", "obiektem")),
    ),
    "klucze.ndjson": Case(_with("klucze", b'"EventID":4624') + b"\n" + _line("klucze"), 1, (("1:", "EventID"),)),
    "dlugie.ndjson": Case(
        _line("dlugie") + b"\n" + _with("dlugie", b'"x":"' + b"y" * 10_000_000 + b'"') + b"\n" + _line("dlugie", 2),
        2,
        (("2:", "bajtów"),),
    ),
    "bardzo-dlugie.ndjson": Case(b"y" * 70_000_000 + b"\n" + _line("bardzo-dlugie"), 1, (("1:", "bajtów"),)),
    "glebokie.ndjson": Case(
        _line("glebokie") + b"\n" + _with("glebokie", b'"x":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        1,
        (("2:", "zagnieżdżony"),),
    ),
    "utf8.ndjson": Case(_with("utf8", b'"x":"\xff\xfe"') + b"\n" + _line("utf8"), 1, (("1:", "UTF-8"),)),
    "nan.ndjson": Case(
        b"\n".join([_with("nan", b'"x":NaN'), _with("nan", b'"x":-Infinity'), _line("nan")]),
        1,
        (("1:", "NaN"), ("2:", "Infinity")),
    ),
    "nul.ndjson": Case(_with("nul", b'"x":"a\\u0000b"') + b"\n" + _with("nul", b'"x":"a\x00b"'), 1, (("2:", "JSON"),)),
    "zastepcze.ndjson": Case(_with("zastepcze", b'"x":"\\ud800 \\udfff"'), 1),
    "wielkie.ndjson": Case(
        _with("wielkie", b'"x":123456789012345678901234567890')
        + b"\n"
        + json.dumps({**cleared("wielkie"), "EventRecordID": 10**30}).encode(),
        2,
    ),
    "czasy.ndjson": Case(
        b"\n".join(
            json.dumps(cleared(host, 1, at)).encode()
            for host, at in (("rok-1601", "1601-01-01T00:00:00Z"), ("rok-9999", "9999-12-31T23:59:59Z"))
        ),
        2,
    ),
    "zly-xml.ndjson": Case(
        b"\n".join(
            [
                _xml_line("zly-xml", "<LogFileCleared><SubjectUserName>a</LogFileCleared>"),
                _xml_line("zly-xml", "<LogFileCleared/>"),
                json.dumps({"event.module": "windows.eventlog", "xml": "<Event><System>"}).encode(),
            ]
        ),
        1,
        (("zapis 1:", "XML"), ("zapis 3:", "XML")),
    ),
    "zly.xml": Case(
        f"<Events>{_xml('zly', '<A>')}{_xml('zly', '<LogFileCleared/>')}<Event>".encode(),
        1,
        (("zapis 1:", "XML"), ("3:", "XML")),
    ),
    "pusty.evtx": Case(b"", 0, (("1:", "pusty"),)),
    "smieci.evtx": Case(b"to nie jest dziennik" * 999, 0, (("1:", "nagłówka"),)),
    "sam-poczatek.evtx": Case(b"ElfFile\0", 0, (("1:", "ucięty"),)),
    "pusty.ndjson": Case(b"", 0),
    "zera.ndjson.gz": Case(_bomb("zera", bytes(1 << 16)), 1, (("2:", "bomba"),)),
    "wiersze.ndjson.gz": Case(_bomb("wiersze", b"\n" * (1 << 16)), 1, (("2:", "bomba"),)),
    "urwany.ndjson.gz": Case(gzip.compress(_line("urwany"))[:-12], 0, (("1:", "ucięty"),)),
    "nie-gzip.ndjson.gz": Case(b"to nie jest gzip", 0, (("1:", "gzip"),)),
}
HOSTS = {"czasy": ("rok-1601", "rok-9999")}
TAKEN = sum(case.taken for case in CASES.values())
DEAD = sum(len(case.dead) for case in CASES.values())


@dataclass(frozen=True, slots=True)
class Imported:
    """What two imports of the folder with every case said, and the letters that the first one left."""

    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    reasons: tuple[str, ...]


@pytest.fixture(scope="module")
def imported(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("files")
    for name, case in CASES.items():
        (folder / name).write_bytes(case.content)
    before = len(letters(box))
    first = box.run("import", str(folder))
    found = letters(box)
    second = box.run("import", str(folder))
    return Imported(first, second, tuple(letter["reason"] for letter in found[: len(found) - before]))


def test_the_counts_add_up_the_first_and_the_second_time(imported: Imported) -> None:
    assert imported.first.returncode == 0, imported.first.stderr
    assert counts(imported.first.stdout) == (TAKEN + DEAD, TAKEN, 0, DEAD)
    assert imported.second.returncode == 0, imported.second.stderr
    assert counts(imported.second.stdout) == (TAKEN + DEAD, 0, TAKEN, DEAD)


@pytest.mark.parametrize("name", CASES)
def test_a_fault_costs_its_record_and_says_where(box: Box, imported: Imported, name: str) -> None:
    case, host = CASES[name], name.split(".", maxsplit=1)[0]
    assert sum(stored(box, f"host.name:{one}") for one in HOSTS.get(host, (host,))) == case.taken
    found = [reason.removeprefix(name).lstrip(": ") for reason in imported.reasons if reason.startswith(f"{name}:")]
    assert len(found) == len(case.dead), found
    for place, word in case.dead:
        assert any(reason.startswith(place) and word in reason for reason in found), found


def test_the_person_who_imports_reads_the_same_and_no_traceback(imported: Imported) -> None:
    told = [line for line in imported.first.stderr.splitlines() if line in imported.reasons]
    assert len(told) == min(DEAD, 20)
    assert "Dalsze odrzucone rekordy" in imported.first.stderr
    assert "Traceback" not in imported.first.stderr + imported.second.stderr


def test_good_records_beside_bad_ones_alert(box: Box, imported: Imported) -> None:
    del imported
    for host in ("polamane", "utf8", "zly-xml", "zastepcze"):
        assert len(alerts_of(box, host)) == 1, host


def test_what_was_repaired_is_text_that_can_be_searched(box: Box, imported: Imported) -> None:
    del imported
    (nul,) = box.get("events", q="host.name:nul")["items"]
    (lone,) = box.get("events", q="host.name:zastepcze")["items"]
    assert nul["winlog.event_data.x"] == "a\u2400b"
    assert set(lone["winlog.event_data.x"]) == {"\ufffd", " "}


def test_the_ends_of_time_are_kept_and_shown(box: Box, imported: Imported, officer: httpx.Client) -> None:
    del imported
    for host, moment in (("rok-1601", -11_644_473_600_000_000), ("rok-9999", 253_402_300_799_000_000)):
        (event,) = box.get("events", q=f"host.name:{host}")["items"]
        (alert,) = alerts_of(box, host)
        assert event["@timestamp"] == alert["last_event_at"] == moment
        for path in (f"/zdarzenia/{event['event.id']}", f"/alerty/{alert['id']}", f"/zdarzenia?q=host.name:{host}"):
            assert officer.get(path).status_code == 200, path
    for path in ("/", "/alerty", "/zdarzenia", "/zdrowie", "/reguly"):
        assert officer.get(path).status_code == 200, path


def test_rejected_records_are_on_the_health_page_with_their_bytes(
    box: Box, imported: Imported, officer: httpx.Client
) -> None:
    del imported
    page = officer.get("/zdrowie/odrzucone").text
    newest = letters(box)[0]
    assert html.escape(newest["reason"]) in page
    assert f"/zdrowie/odrzucone/{newest['id']}" in page
    (letter,) = [one for one in letters(box) if one["reason"].startswith("klucze.ndjson:")][:1]
    assert officer.get(f"/zdrowie/odrzucone/{letter['id']}").status_code == 200
    assert box.get("status")["dead_letters"]["count"] == len(letters(box))
    still_works(box)


def test_a_bomb_of_good_records_is_stopped(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "rekordy.ndjson.gz"
    path.write_bytes(_bomb("rekordy", _line("rekordy") + b"\n"))
    done = box.run("import", str(path))
    read, accepted, known, dead = counts(done.stdout)
    assert (done.returncode, accepted, dead) == (0, 1, 1)
    assert read == accepted + known + dead
    assert read < (BOMB // len(_line("rekordy"))) / 4
    assert "bomba" in letters(box)[0]["reason"]


def test_nothing_readable_is_the_answer_no(box: Box, tmp_path: Path) -> None:
    (tmp_path / "pusty.evtx").touch()
    done = box.run("import", str(tmp_path / "pusty.evtx"))
    assert (done.returncode, counts(done.stdout)) == (1, (1, 0, 0, 1))
    missing = box.run("import", str(tmp_path / "nie-ma.evtx"))
    assert missing.returncode == 2
    assert "nie-ma.evtx" in missing.stderr


@pytest.mark.corpora
def test_damaged_logs_give_what_is_whole_and_say_what_is_not(box: Box, corpora: Path, tmp_path: Path) -> None:
    source = corpora / "evtx-attack-samples" / "Privilege Escalation" / "Sysmon_UACME_64.evtx"
    whole = source.read_bytes()
    assert len(whole) >= HEADER + 3 * CHUNK
    damaged = {
        "uciety.evtx": whole[: HEADER + CHUNK + CHUNK // 2],
        "wyzerowany.evtx": whole[: HEADER + CHUNK] + bytes(CHUNK) + whole[HEADER + 2 * CHUNK :],
        "zaszumiony.evtx": whole[: HEADER + CHUNK + 600] + b"\xa5" * 3000 + whole[HEADER + CHUNK + 3600 :],
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
    before = len(letters(box))
    done = box.run("import", str(tmp_path))
    read, accepted, known, dead = counts(done.stdout)
    assert done.returncode == 0
    assert read == accepted + known + dead
    assert accepted > 0
    found = letters(box)
    fresh = [letter["reason"] for letter in found[: len(found) - before]]
    assert len(fresh) == dead
    for name in damaged:
        assert any(reason.startswith(f"{name}:") for reason in fresh), (name, fresh)
    whole_once = box.run("import", str(source))
    assert counts(whole_once.stdout)[3] == 0
    again = box.run("import", str(source))
    assert counts(again.stdout)[1] == 0
    still_works(box)
