"""Files of every kind and state become records; what cannot be read becomes one that says so."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.envelope import encode_record
from agent.wire.limits import MAX_RECORD
from appliance.importer import find, records
from appliance.importer.evtx_file import CHUNK, HEADER
from appliance.importer.ndjson_file import RATIO_FREE
from appliance.importer.unreadable import located
from appliance.normalise import Source, Unreadable, normalise
from tests.collector.packets import pcap

SOURCE = Source("importer", 1, importer=True)
SYN = "02000000000202000000000108004500002800010000400600000a0000010a0000029c4001bd00000000000000005002200000000000"
"""A frame: 10.0.0.1:40000 asks 10.0.0.2:445."""
EVENT = "<Event><System><EventID>1</EventID><Channel>Security</Channel></System><EventData/></Event>"


def split(path: Path) -> tuple[list[str], list[str]]:
    """Return the modules of what could be read, and the reasons of what could not."""
    good, bad = [], []
    for line in records(path):
        assert b"\n" not in line
        assert len(line) <= MAX_RECORD
        try:
            good.append(str(normalise(line, SOURCE)["event.module"]))
        except Unreadable as error:
            bad.append(error.reason)
    return good, bad


def made(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_lines_of_every_shape(tmp_path: Path) -> None:
    lines = [
        {"EventID": 1, "Channel": "Security"},
        {"winlog": {"channel": "Security", "event_id": 4624}},
        {"@timestamp": "2026-03-02T08:15:30Z", "process": {"pid": 1}},
    ]
    path = made(tmp_path, "a.ndjson", b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(line).encode() for line in lines))
    assert split(path) == (["windows.eventlog", "windows.eventlog", "json"], [])


def test_a_bad_line_costs_itself_and_names_its_place(tmp_path: Path) -> None:
    path = made(tmp_path, "a.jsonl", b'{"a":1}\n\n{"a":\n\xff\n{"a":NaN}\n{"b":2}')
    good, bad = split(path)
    assert good == ["json", "json"]
    assert [reason.split(" ")[0] for reason in bad] == ["a.jsonl:3:", "a.jsonl:4:", "a.jsonl:5:"]


def test_a_line_past_the_bound_is_one_unreadable_record(tmp_path: Path) -> None:
    path = made(tmp_path, "a.ndjson", b'{"a":1}\n{"a":"' + b"x" * 10_000_000 + b'"}\n{"a":2}\n')
    good, bad = split(path)
    assert good == ["json", "json"]
    assert len(bad) == 1
    assert "a.ndjson:2:" in bad[0]


@pytest.mark.parametrize("size", [MAX_RECORD - 1, MAX_RECORD, MAX_RECORD + 1, MAX_RECORD + 2, 2 * MAX_RECORD + 1])
def test_lines_around_the_bound_do_not_swallow_the_next(tmp_path: Path, size: int) -> None:
    long = b'{"a":"' + b"x" * (size - 8) + b'"}'
    good, bad = split(made(tmp_path, "a.ndjson", long + b'\n{"a":2}\n'))
    assert (len(good), len(bad)) == ((2, 0) if size <= MAX_RECORD else (1, 1))


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('{\n "a": 1,\n "b": "x"\n}\n', 1, 0),
        ('[\n {"a": 1},\n {"a": 2}\n]\n', 2, 0),
        ('[{"a":1},{"a":2}]', 2, 0),
        ('{\n "a": 1\n}\n{\n "a": 2\n}\n', 2, 0),
        ('[{"a":1},\n {"a":', 1, 1),
        ("[1, 2]", 0, 1),
        ("[" * 5000, 0, 1),
        ("[]", 0, 0),
    ],
)
def test_one_json_document(tmp_path: Path, text: str, good: int, bad: int) -> None:
    found = split(made(tmp_path, "a.json", text.encode()))
    assert (len(found[0]), len(found[1])) == (good, bad)


@pytest.mark.parametrize("start", ["[2026-03-07 10:00:00] a", "[INFO] a", "[Sat Mar 07 10:00:00 2026] a"])
def test_a_log_of_lines_in_brackets_is_no_document(tmp_path: Path, start: str) -> None:
    found = split(made(tmp_path, "a.log", f'{start}\n[x] b\n{{"a":1}}\n'.encode()))
    assert (len(found[0]), len(found[1])) == (1, 2)


def test_gzip_whole_cut_and_false(tmp_path: Path) -> None:
    # Random digits do not compress, so half of the file holds some whole lines.
    digits = random.Random(1)
    text = b"".join(b'{"a":"%x"}\n' % digits.getrandbits(400) for _ in range(2000))
    whole = gzip.compress(text)
    assert len(split(made(tmp_path, "a.ndjson.gz", whole))[0]) == 2000
    good, bad = split(made(tmp_path, "b.ndjson.gz", whole[: len(whole) // 2]))
    assert 0 < len(good) < 2000
    assert len(bad) == 1
    assert split(made(tmp_path, "c.ndjson.gz", b"not gzip"))[0] == []


def test_a_gzip_bomb_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.gz"
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for _ in range(80):
            handle.write(bytes(1 << 20))
    good, bad = split(path)
    assert good == []
    assert len(bad) == 1


@pytest.mark.parametrize("line", [b"\n" * 4096, bytes(4096), b'{"a":"' + b"x" * 4087 + b'"}\n'])
def test_a_gzip_bomb_is_left_early(tmp_path: Path, line: bytes) -> None:
    content = gzip.compress(b'{"a":1}\n') + gzip.compress(line * ((32 << 20) // len(line)))
    assert len(content) < 1 << 20
    good, bad = split(made(tmp_path, "a.ndjson.gz", content))
    assert good[0] == "json"
    assert len(good) < (32 << 20) // len(line) / 2
    assert len(bad) == 1
    assert "bomba" in bad[0]


def test_a_log_that_compresses_well_is_no_bomb(tmp_path: Path) -> None:
    numbers = b"".join(
        b'{"@timestamp":%d,"message":"session opened for user anna%s"}\n' % (n, b"a" * 100) for n in range(60_000)
    )
    content = gzip.compress(numbers)
    assert len(numbers) > 2 * RATIO_FREE
    assert sum(1 for _ in records(made(tmp_path, "a.ndjson.gz", content))) == 60_000


@pytest.mark.parametrize(
    ("content", "word"), [(b"", "pusty"), (b"ElfFile\0", "ucięty"), (b"garbage" * 1000, "nagłówka")]
)
def test_what_a_file_is_instead_of_evtx_is_said(tmp_path: Path, content: bytes, word: str) -> None:
    assert word in split(made(tmp_path, "a.evtx", content))[1][0]


def test_a_record_that_is_no_event_gets_its_place() -> None:
    bad = located(b'{"EventID":"x","Channel":"Security"}', "a.ndjson", 7, "Zły numer.")
    with pytest.raises(Unreadable) as caught:
        normalise(bad, SOURCE)
    assert caught.value.reason == "a.ndjson: zapis 7: Zły numer."
    assert located(bad, "b.ndjson", 8, "x") == bad


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_exports(tmp_path: Path, encoding: str) -> None:
    text = "<?xml version='1.0'?>\n<Events>" + EVENT * 3 + "</Events>"
    assert split(made(tmp_path, "a.xml", text.encode(encoding))) == (["windows.eventlog"] * 3, [])


def test_xml_that_is_cut_too_long_or_something_else(tmp_path: Path) -> None:
    good, bad = split(made(tmp_path, "a.xml", (EVENT + EVENT[:-9]).encode()))
    assert (len(good), len(bad)) == (1, 1)
    long = EVENT.replace("<EventData/>", "<EventData>" + "x" * (2 * MAX_RECORD) + "</EventData>")
    good, bad = split(made(tmp_path, "b.xml", (long + EVENT).encode()))
    assert (len(good), len(bad)) == (1, 1)
    assert split(made(tmp_path, "c.xml", b"<html/>")) == ([], ["c.xml:1: W pliku XML nie ma zdarzeń systemu Windows."])


@pytest.mark.parametrize("content", [b"", b"ElfFile\0", b"garbage" * 1000])
def test_an_evtx_file_that_is_none_is_one_unreadable_record(tmp_path: Path, content: bytes) -> None:
    good, bad = split(made(tmp_path, "a.evtx", content))
    assert good == []
    assert len(bad) == 1
    assert bad[0].startswith("a.evtx:1:")


def test_a_file_that_cannot_be_opened_is_one_unreadable_record(tmp_path: Path) -> None:
    for name in ("a.evtx", "a.ndjson", "a.xml"):
        assert len(split(tmp_path / name)[1]) == 1


def test_a_folder_gives_the_files_with_known_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    wanted = [made(tmp_path, "a.XML", EVENT.encode()), made(tmp_path / "b", "c.json", b"{}")]
    made(tmp_path, "notes.txt", b"{}")
    assert find(tmp_path) == wanted
    assert find(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=400), suffix=st.sampled_from([".json", ".ndjson", ".ndjson.gz", ".xml", ".evtx", ".txt"])
)
def test_any_file_is_read_to_its_end(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    split(made(tmp_path_factory.mktemp("f"), "a" + suffix, content))


def _zeroed_chunk(data: bytearray) -> None:
    data[HEADER : HEADER + CHUNK] = bytes(CHUNK)


def _bad_magic(data: bytearray) -> None:
    data[HEADER : HEADER + 8] = b"XXXXXXXX"


def _cut(data: bytearray) -> None:
    del data[HEADER + CHUNK // 2 :]


def _noise(data: bytearray) -> None:
    data[HEADER + 600 : HEADER + 3000] = bytes((7 * n) % 256 for n in range(2400))


@pytest.mark.corpora
@pytest.mark.parametrize("damage", [_zeroed_chunk, _bad_magic, _cut, _noise])
def test_damaged_evtx_says_so_and_gives_the_rest(
    corpora: Path, tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    original = max((corpora / "evtx-attack-samples").rglob("*.evtx"), key=lambda path: (path.stat().st_size, path))
    whole = len(list(records(original)))
    data = bytearray(original.read_bytes())
    damage(data)
    good, bad = split(made(tmp_path, "a.evtx", bytes(data)))
    assert bad
    assert len(good) < whole


@pytest.mark.corpora
def test_every_event_of_the_corpora_is_readable(corpora: Path) -> None:
    good, bad = split(corpora / "evtx-attack-samples")
    assert len(good) > 1000
    assert bad == []


def test_what_a_long_record_becomes_fits_the_wire(tmp_path: Path) -> None:
    path = made(tmp_path, "a.ndjson", encode_record({"a": "ą" * 600_000}))
    assert len(split(path)[1]) == 1


@pytest.mark.parametrize("name", ["office.pcap", "office.PCAPNG", "without-a-name"])
def test_a_capture_file_is_read_by_the_sensor(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name, pcap([bytes.fromhex(SYN)]))
    assert split(path) == (["network"], [])
    (line,) = records(path)
    assert json.loads(line)["conn_state"] == "S0"


def test_a_capture_file_that_is_cut_is_read_up_to_there_and_says_so(tmp_path: Path) -> None:
    good, bad = split(made(tmp_path, "cut.pcap", pcap([bytes.fromhex(SYN)] * 2)[:-3]))
    assert good == ["network"]
    assert len(bad) == 1
    assert "ucięty" in bad[0]


def test_a_capture_file_that_is_none_is_told(tmp_path: Path) -> None:
    good, bad = split(made(tmp_path, "none.pcap", b"to nie pcap"))
    assert (good, len(bad)) == ([], 1)


def test_who_stops_reading_stops_the_sensor(tmp_path: Path) -> None:
    frames = [bytes.fromhex(SYN)[:34] + port.to_bytes(2, "big") + bytes.fromhex(SYN)[36:] for port in range(9000)]
    reading = records(made(tmp_path, "many.pcap", pcap(frames)))
    assert next(reading)
    reading.close()  # type: ignore[attr-defined]  # a generator, though not typed as one
