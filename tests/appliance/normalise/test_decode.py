"""Quick ways against exact ones: whatever is quick must give what the slow, plain way gives."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.normalise import Source, Unreadable, linux_audit, normalise
from appliance.normalise.decode import decode, decode_exactly
from appliance.normalise.flatten import flatten, flatten_any
from appliance.normalise.windows_eventlog import build, split
from appliance.normalise.windows_quick import quickly
from tests.appliance.normalise.cases import SOURCE

numbers = st.sampled_from(
    [0, -1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 0.1, 1e300, -1e19, 1e16, True, None]
) | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.sampled_from('ab":\\{}[],  \x00\x1f\u2400ąé😀'), max_size=6)
values = st.recursive(
    numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def outcome(read: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return read(*arguments, **options)
    except Unreadable as error:
        return error.reason


def typed(value: Any) -> str:
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.lists(st.tuples(words, values), max_size=6),
    colon=st.sampled_from([":", ": ", " :", "\t:"]),
    ascii_only=st.booleans(),
)
@example(pairs=[("a", 1), ("a", 2)], colon=":", ascii_only=False)
@example(pairs=[("a", {"b": 10**30})], colon=":", ascii_only=False)
@example(pairs=[("a", -(2**63) - 1)], colon=":", ascii_only=False)
@example(pairs=[("a", -(2**63))], colon=":", ascii_only=False)
def test_the_quick_decoding_equals_the_exact_one(pairs: list[tuple[str, Any]], colon: str, ascii_only: bool) -> None:
    parts = [
        json.dumps(key, ensure_ascii=ascii_only)
        + colon
        + json.dumps(value, ensure_ascii=ascii_only, separators=(",", colon))
        for key, value in pairs
    ]
    line = ("{" + ",".join(parts) + "}").encode()
    exact = typed(outcome(decode_exactly, line))
    assert typed(outcome(decode, line)) == exact
    assert typed(outcome(decode, line + b"\r\n")) == exact


@pytest.mark.parametrize("depth", [31, 32, 33, 200, 300, 2000])
def test_depth_is_bounded_in_either_spelling(depth: int) -> None:
    for opened, closed in ((b"[", b"]"), (b'{"b":', b"}")):
        line = b'{"a":' + opened * (depth - 1) + b"1" + closed * (depth - 1) + b"}"
        for spelling in (line, line.replace(b":", b": ")):
            assert ("zagnie" in str(outcome(decode, spelling))) == (depth > 32)


fields = st.sampled_from(
    [
        "@timestamp", "event.created", "event.start", "process.pid", "process.args", "process.executable", "user.id",
        "source.ip", "audit.success", "audit.type", "audit.x", "file.path", "gap.count", "czujka.untyped.process.pid",
        "", "a\x07", "x" * 257,
    ]
)  # fmt: skip
leaves = numbers | words | st.sampled_from(["10.0.0.1", "7", "true", "2026-03-02T08:15:30Z", 1_772_439_330_000_000])


@settings(max_examples=150, deadline=None)
@example(record={"process.pid": "", "czujka.untyped.process.pid": 0}, foreign=False)
@given(record=st.dictionaries(fields, leaves | st.lists(leaves, max_size=3), max_size=8), foreign=st.booleans())
def test_the_quick_flattening_equals_the_general_one(record: dict[str, Any], foreign: bool) -> None:
    decoded = decode(json.dumps(record).encode())
    quick, general = (outcome(way, decoded, foreign=foreign) for way in (flatten, flatten_any))
    assert typed(quick) == typed(general)


native = st.sampled_from(
    [
        "Provider_Name", "ProviderName", "Computer", "EventRecordID", "RecordID", "Level", "Keywords", "UtcTime",
        "TimeCreated", "@timestamp", "Image", "CommandLine", "Hashes", "User", "ParentUser", "ProcessId", "Process Id",
        "NewProcessId", "ProcessGuid", "IpAddress", "LogonType", "TargetUserName", "TargetDomainName", "TargetUserSid",
        "SubjectUserName", "SubjectDomainName", "SubjectUserSid", "None", "host.name", "SourceIp", "Other",
    ]
)  # fmt: skip
contents = numbers | st.sampled_from(
    [
        "", "-", "0x1f", "12", "1_0", "-5", "x", "{A-B}", "10.0.0.1", "::ffff:10.0.0.1", "2", "ZARZĄDZANIE NT\\SYSTEM",
        "ZARZĄDZANIE NT", "SYSTEM", "S-1-5-18", "S-1-5-21-1-2-3-512", "Administratorzy domeny", "PC$", "D\\a",
        "0x8020000000000000", "SHA1=A,MD5=B,X=C,MD5", "C:\\a\\b.exe", "2026-03-02T08:15:30.1234567Z",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    record=st.dictionaries(native, contents, max_size=14),
    channel=st.sampled_from(["Security", "Microsoft-Windows-Sysmon/Operational", "System", "Vendor/X"]),
    code=st.sampled_from([1, 3, 4624, 4688, 4732, 4778, 7045, 9999]),
)
def test_a_quick_flat_record_equals_the_general_way(record: dict[str, Any], channel: str, code: int) -> None:
    record = {"event.module": "windows.eventlog", "EventID": code, "Channel": channel, **record}
    line = json.dumps(record).encode()
    system, data, message = split(decode(line))
    assert typed(normalise(line, SOURCE)) == typed(build(system, data, message, decode(line), SOURCE))


usual = st.fixed_dictionaries(
    {
        "Provider_Name": st.sampled_from(["Microsoft-Windows-Sysmon", "P"]),
        "Computer": st.sampled_from(["PC-07", ""]),
        "EventRecordID": st.sampled_from([7, "8", "x", -1, 10**18, "9" * 19, "", "٣", 2**64 - 1]),
        "TimeCreated": st.sampled_from(
            ["2026-03-02T08:15:30.1234567Z", "2026-03-02 08:15:30", "soon", "", 1_767_225_600, 2**63, 2**64 - 1]
        ),
    },
    optional={
        "event.id": st.sampled_from(["0" * 32, "no id"]),
        "event.created": st.sampled_from([1_767_225_600_000_000, "2026-03-02T08:15:30Z", "never"]),
        "host.name": st.just("other"),
        "message": st.sampled_from(["text", "", 5]),
    },
)


@settings(max_examples=300, deadline=None)
@given(
    head=usual,
    record=st.dictionaries(
        native,
        st.sampled_from(
            [
                "",
                "-",
                "12",
                "0x1f",
                "-5",
                "x",
                "{A-B}",
                "10.0.0.1",
                "010.0.0.1",
                "::ffff:10.0.0.1",
                "fe80::1%eth0",
                "C:\\a\\b.exe",
                "D\\a",
                "ZARZĄDZANIE NT\\SYSTEM",
                "SYSTEM",
                "S-1-5-18",
                "9" * 30,
                "SHA1=A,MD5=B,X",
                "net localgroup Administratorzy",
                "0x8020000000000000",
                "2026-03-02T08:15:30Z",
                0,
                -3,
                2**63,
                10**18,
                0.5,
                True,
                None,
                ["a", "b"],
                ["a", 1],
                [],
                [["a"]],
                {"a": "b"},
            ]
        ),
        max_size=8,
    ),
    channel=st.sampled_from(["Security", "Microsoft-Windows-Sysmon/Operational", "System", "Vendor/X"]),
    code=st.sampled_from([1, 3, 4624, 4688, 7045]),
    source=st.sampled_from([SOURCE, replace(SOURCE, importer=True)]),
)
def test_the_written_function_equals_the_general_way(
    head: dict[str, Any], record: dict[str, Any], channel: str, code: int, source: Source
) -> None:
    record = {"event.module": "windows.eventlog", "EventID": code, "Channel": channel, **record, **head}
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    record = decode_exactly(line)
    system, data, message = split(record)
    general = typed(build(system, data, message, record, source))
    for spelling in (line, line + b" \n", json.dumps(record).encode()):
        assert typed(normalise(spelling, source)) == general
    event = quickly(record, 0, source)
    assert event is None or typed(event) == general


def test_a_usual_record_takes_the_written_function() -> None:
    record = {
        "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Provider_Name": "P", "Computer": "PC-07",
        "EventRecordID": 5, "TimeCreated": "2026-03-02T08:15:30Z", "Image": "C:\\a.exe", "User": "D\\a",
    }  # fmt: skip
    event = quickly(record, 0, SOURCE)
    assert event is not None
    assert event["process.name"] == "a.exe"
    assert quickly({**record, "Channel": "x" * 5000}, 0, SOURCE) is None
    assert quickly({**record, "EventID": True}, 0, SOURCE) is None
    assert quickly({**record, "EventID": [1]}, 0, SOURCE) is None


pieces = st.sampled_from(
    [
        *("a", "ą", "😀", "\x7f", r"\\", r"\"", r"\n", r"\b", r"\/"),
        *(r"\u0000", r"\u0041", r"\u0105", r"\ud83d\ude00", r"\ud800"),
    ]
)
raw_texts = st.lists(pieces, max_size=5).map(lambda parts: f'"{"".join(parts)}"')
raw_values = raw_texts | st.sampled_from(["0", "-0", "7", "1e2", "18446744073709551616", "null", '""'])
raw_names = st.sampled_from(['"Image"', '"\\u0049mage"', '"User"', '""', '"q"', '"Computer"', '"EventID"'])


@settings(max_examples=400, deadline=None)
@given(
    members=st.lists(st.tuples(raw_names, raw_values), max_size=4),
    blank=st.sampled_from(["", "", " ", "\n"]),
    first=st.booleans(),
)
@example(members=[('""', "0"), ('""', "0")], blank="", first=True)
@example(members=[('"q"', "0"), ('"q"', '""')], blank="", first=False)
@example(members=[('"q"', '""'), ('"q"', '""')], blank="", first=False)
@example(members=[('"Image"', '"\\u0000"')], blank="", first=False)
def test_a_glance_hides_nothing(members: list[tuple[str, str]], blank: str, first: bool) -> None:
    head = [
        ('"EventID"', "11"), ('"Channel"', '"Microsoft-Windows-Sysmon/Operational"'), ('"Provider_Name"', '"P"'),
        ('"Computer"', '"PC-07"'), ('"EventRecordID"', '"5"'), ('"TimeCreated"', '"2026-03-02T08:15:30Z"'),
    ]  # fmt: skip
    pairs = [*members, *head] if first else [*head, *members]
    line = ("{" + ",".join(f"{name}:{blank}{value}" for name, value in pairs) + "}" + blank).encode()
    assert typed(outcome(normalise, line, SOURCE)) == typed(outcome(generally, line))


def generally(line: bytes) -> Any:
    record = decode_exactly(line)
    system, data, message = split(record)
    return build(system, data, message, record, SOURCE)


def test_a_name_with_blanks_is_the_field_it_spells() -> None:
    record = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Process Id": "0x10"}
    assert normalise(json.dumps(record).encode(), SOURCE)["process.pid"] == 16


def test_text_items_only_make_a_quick_list() -> None:
    record = {"event.module": linux_audit.MODULE, "process.args": ["a", 1, None], "file.path": []}
    event = normalise(json.dumps(record).encode(), SOURCE)
    assert event["process.args"] == ("a", "1")
    assert "file.path" not in event
