"""Arbitrary input becomes an event or Unreadable, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from re import _constants as re_constants
from re import _parser as re_parser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.limits import MAX_RECORD
from appliance.normalise import NORMALISERS, Unreadable, normalise
from appliance.normalise.linux_lines import LINES
from appliance.normalise.linux_syslog import HEADERS
from tests.appliance.normalise.cases import SOURCE, canonical

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "",
            "-",
            "0x10",
            "NaN",
            "1601-01-01T00:00:00Z",
            "ZARZĄDZANIE NT\\SYSTEM",
            "S-1-5-18",
            "a\x00b",
            "\ud800",
            "//[x/y.exe?a",
            "10.0.0.1:99999999",
            "dns",
            "conn",
            "SignInLogs",
            "proxy",
        ]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "EventID", "Channel", "Provider_Name", "Computer", "EventRecordID", "TimeCreated", "UtcTime", "@timestamp",
        "xml", "Event", "System", "winlog", "event", "event.id", "event.created", "host.name", "Image", "User",
        "Hashes", "ProcessId", "IpAddress", "TargetUserSid", "TargetUserName", "Data", "message", "log.syslog.appname",
        "audit.type", "audit.serial", "audit.syscall", "process.args", "process.pid", "file.path", "gap.count",
        "_path", "ts", "uid", "id.orig_h", "certificate.serial", "action", "duration", "orig_bytes", "url.original",
        "url.path", "url.domain", "destination.port", "observer.type", "source.address", "AuditData", "Operations",
        "Operation", "Workload", "RecordType", "Parameters", "ClientIP", "o365", "azure", "zeek", "category",
        "operationName", "properties", "resultType", "riskEventType", "targetResources", "event.dataset",
        "event.category", "event.module", "event.type",
        "event.action", "reason", "file", "line", "journald.cursor", "audit.acct", "audit.res", "process.executable",
    ]
) | st.text(max_size=10)  # fmt: skip
channels = st.sampled_from(["Security", "Microsoft-Windows-Sysmon/Operational", "System", "Windows PowerShell"])


def survives(line: bytes) -> None:
    reason, event = "", None
    try:
        event = normalise(line, SOURCE)
    except Unreadable as error:
        reason = error.reason
    if event is None:
        assert reason.strip()
    else:
        canonical(event)
        json.dumps(event, ensure_ascii=False).encode()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_become_an_event_or_are_unreadable(line: bytes) -> None:
    survives(line)


@pytest.mark.parametrize("module", [*NORMALISERS, None])
@settings(max_examples=40, deadline=None)
@given(record=st.dictionaries(names, values, max_size=12))
def test_any_object_becomes_an_event_or_is_unreadable(module: str | None, record: dict[str, Any]) -> None:
    if module:
        record["event.module"] = module
    survives(json.dumps(record).encode())


@settings(max_examples=150, deadline=None)
@given(
    record=st.dictionaries(names, values, max_size=10),
    channel=channels,
    code=st.sampled_from([1, 3, 7, 22, 4624, 4688, 4732]),
)
def test_any_windows_fields_become_an_event_or_are_unreadable(record: dict[str, Any], channel: str, code: int) -> None:
    record.pop("xml", None)
    record.pop("Event", None)
    survives(json.dumps({**record, "event.module": "windows.eventlog", "Channel": channel, "EventID": code}).encode())


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>/&;#xEventDaSystmID01 =\"'\n\x0f![]-", max_size=200))
def test_any_text_as_xml_becomes_an_event_or_is_unreadable(text: str) -> None:
    survives(json.dumps({"event.module": "windows.eventlog", "xml": text}).encode())


@settings(max_examples=150, deadline=None)
@given(
    part=st.sampled_from(["event_data", "user_data", "process", "user", "channel", "event_id", "record_id"]),
    value=values,
    event=values,
    system=values,
)
def test_any_nested_windows_shape_becomes_an_event_or_is_unreadable(
    part: str, value: Any, event: Any, system: Any
) -> None:
    survives(json.dumps({"event": event, "winlog": {"channel": "Security", "event_id": 4624, part: value}}).encode())
    provider = {"#attributes": value, "#text": event}
    for dump in (system, {"EventID": 1, "Provider": provider}, {"EventID": provider}):
        survives(json.dumps({"Event": {"System": dump, "EventData": value, "UserData": event}}).encode())
    survives(json.dumps({"event.module": "windows.eventlog", "Event": {"System": system}}).encode())


programs = sorted({program for line in LINES for program in line.programs})


@settings(max_examples=150, deadline=None)
@given(
    program=st.sampled_from(programs), text=st.text(alphabet=" ;:()=[]/.,'1aRTUSERPWDCOMMANDfrom port", max_size=200)
)
def test_any_message_becomes_an_event(program: str, text: str) -> None:
    record = {"event.module": "linux.syslog", "log.syslog.appname": program, "message": text}
    canonical(normalise(json.dumps(record).encode(), SOURCE))


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("sudo", "a : PWD= ; USER= ; " + "A= ; " * 3000),
        ("sudo", "a : TTY=" + " ; PWD= ; USER=" * 1000),
        ("sshd", "Failed password for " + " from 1 port 1" * 1000),
        ("sshd", "pam_unix(sshd:auth): authentication failure; " + "tty= ruser= rhost=" * 800),
        ("useradd", "new user: name=a, UID=1, GID=1, home=" + ", shell=" * 1800),
    ],
)
def test_lines_made_to_make_patterns_slow_are_kept(program: str, text: str) -> None:
    record = {"event.module": "linux.syslog", "log.syslog.appname": program, "message": text}
    assert normalise(json.dumps(record).encode(), SOURCE)["message"] == text


def loops(parsed: Any) -> Iterator[tuple[bool, Any]]:
    """Yield (may it give back what it took, its body) of each repetition in a parsed pattern."""
    for operator, argument in parsed:
        if operator in (re_constants.MAX_REPEAT, re_constants.MIN_REPEAT, re_constants.POSSESSIVE_REPEAT):
            _, most, body = argument
            if most > 1:
                yield operator is not re_constants.POSSESSIVE_REPEAT, body
            yield from loops(body)
        elif operator is re_constants.SUBPATTERN:
            yield from loops(argument[3])
        elif operator is re_constants.BRANCH:
            for branch in argument[1]:
                yield from loops(branch)
        elif operator is re_constants.ATOMIC_GROUP:
            # Nothing in it gives back once it is left; what happens inside is looked at on its own.
            for _, body in loops(argument):
                yield False, body
        else:
            assert not isinstance(argument, re_parser.SubPattern), operator


def atomic_groups(parsed: Any) -> Iterator[Any]:
    """Yield what stands in each atomic group, at any depth."""
    if not isinstance(parsed, (list, tuple, re_parser.SubPattern)):
        return
    for item in parsed:
        if isinstance(item, tuple) and item and item[0] is re_constants.ATOMIC_GROUP:
            yield item[1]
        yield from atomic_groups(item)


def gives_back_inside_a_loop(pattern: str) -> bool:
    whole = re_parser.parse(pattern)
    return any(
        again and any(inner for inner, _ in loops(body))
        for part in (whole, *atomic_groups(whole))
        for again, body in loops(part)
    )


@pytest.mark.parametrize("pattern", [*(line.pattern.pattern for line in LINES), *(p.pattern for p in HEADERS)])
def test_no_pattern_can_try_exponentially_many_ways(pattern: str) -> None:
    assert not gives_back_inside_a_loop(pattern)


def test_a_pattern_that_can_is_seen() -> None:
    assert gives_back_inside_a_loop(r"a(?:b|(x{1,9}y)+)*z")
    assert gives_back_inside_a_loop(r"a(?>(?:b|(x{1,9}y)+)*)z")
    assert not gives_back_inside_a_loop(r"a(?:x{1,9}+y)*z")
    assert not gives_back_inside_a_loop(r"a(?:(?>(?:xy|z)*)y)*z")


HOSTILE = {
    "repeated key": (b'{"a":1,"a":2}', "dwa razy"),
    "repeated key with a blank before the colon": (b'{"a":1,"a" :2}', "dwa razy"),
    "repeated key that ends with a backslash": (rb'{"a\\":1,"x":1,"x":2}', "dwa razy"),
    "repeated key deep inside": (b'{"a":{"b":[{"c":1,"c":2}]}}', "dwa razy"),
    "the same field nested and dotted": (b'{"a.b":1,"a":{"b":2}}', "dwa razy"),
    "NaN": (b'{"a":NaN}', "NaN"),
    "infinity": (b'{"a":-Infinity}', "Infinity"),
    "bad UTF-8": (b'{"a":"\xff"}', "UTF-8"),
    "raw NUL": (b'{"a":"\x00"}', "JSON"),
    "nesting": (b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}", "zagnie"),
    "endless nesting": (b'{"a":' + b"[" * 100_000, "zagnie"),
    "nested objects": (b'{"a":' * 1000 + b"1" + b"}" * 1000, "zagnie"),
    "ten megabytes": (b'{"a":"' + b"x" * 10_000_000 + b'"}', str(MAX_RECORD)),
    "an array": (b"[1]", "obiektem"),
    "nothing": (b"", "JSON"),
    "cut": (b'{"a":"b', "JSON"),
    "many fields": (json.dumps({f"k{n}": 1 for n in range(2000)}).encode(), "pól"),
    "a name of control characters": (b'{"a\\u0007":1}', "Nazwa"),
    "a document type": (
        json.dumps({"event.module": "windows.eventlog", "xml": '<!DOCTYPE a [<!ENTITY b "c">]><Event/>'}).encode(),
        "DOCTYPE",
    ),
    "XML that is no event": (json.dumps({"event.module": "windows.eventlog", "xml": "<a/>"}).encode(), "Windows"),
    "XML without an end": (
        json.dumps({"event.module": "windows.eventlog", "xml": "<Event><System>"}).encode(),
        "uszkodzony",
    ),
    "deep XML": (
        json.dumps(
            {
                "event.module": "windows.eventlog",
                "xml": "<Event><System><EventID>1</EventID></System><UserData>"
                + "<a>" * 500
                + "</a>" * 500
                + "</UserData></Event>",
            }
        ).encode(),
        "pól",
    ),
    "an event id that is no number": (b'{"event.module":"windows.eventlog","EventID":"x"}', "EventID"),
    "an event id out of range": (b'{"event.module":"windows.eventlog","EventID":70000}', "EventID"),
    "an agent event without an action": (b'{"event.module":"czujka.agent"}', "event.action"),
    "a gap without numbers": (
        b'{"event.module":"czujka.agent","event.action":"telemetry_gap","gap.count":"x"}',
        "gap.count",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_refused_with_a_clear_reason(name: str) -> None:
    line, word = HOSTILE[name]
    with pytest.raises(Unreadable) as caught:
        normalise(line, SOURCE)
    assert word in caught.value.reason
    assert caught.value.reason.endswith(".")
    assert len(caught.value.reason) < 200


def test_what_can_be_kept_is_kept() -> None:
    line = (
        rb'{"a":"x\u0000y","b":"\ud800","c":123456789012345678901234567890,"d":18446744073709551615,"e":1e400,"f":""}'
    )
    event = normalise(line, SOURCE)
    assert event["a"] == "x\u2400y"
    assert "\ufffd" in str(event["b"])
    assert event["c"] == "123456789012345678901234567890"
    assert event["d"] == "18446744073709551615"
    assert event["e"] == "1e400"
    assert event["f"] == ""
