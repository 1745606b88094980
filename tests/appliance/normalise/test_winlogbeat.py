"""Winlogbeat and Elastic's agent: what they rename, number or leave out, against what Windows itself says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.normalise import Event, normalise
from tests.appliance.detect.corpus import SOURCE

SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
DETAILS = (
    'CommandInvocation(Out-Null): "Out-Null"\n\n\nKontekst:\n        Ważność = Informational\n'
    "        Aplikacja hosta = wsmprovhost.exe -Embedding\n\n\nDane użytkownika:\n"
)


def event_of(channel: str, code: int, data: dict[str, Any] | None = None, **record: Any) -> Event:
    winlog = {"channel": channel, "event_id": str(code), "computer_name": "PC-07", "record_id": 5}
    whole = {"@timestamp": "2026-03-07T10:00:00Z", "winlog": winlog | ({"event_data": data} if data else {}), **record}
    return normalise(json.dumps(whole).encode(), SOURCE)


def native(event: Event, name: str) -> Any:
    return event.get(f"winlog.event_data.{name}")


def test_numbered_data_is_data_without_names() -> None:
    found = event_of("Application", 15457, {"param2": "0", "param1": "xp_cmdshell", "param10": "z"})
    assert native(found, "Data") == ("xp_cmdshell", "0", "z")
    assert native(found, "param1") == "xp_cmdshell"


def test_one_numbered_text_is_one_text() -> None:
    assert native(event_of("Application", 1, {"param1": "x"}), "Data") == "x"


def test_data_that_is_there_stays() -> None:
    assert native(event_of("Application", 1, {"param1": "x", "Data": "y"}), "Data") == "y"


@pytest.mark.parametrize(
    ("outcome", "keywords"), [("success", "0x8020000000000000"), ("failure", "0x8010000000000000")]
)
def test_the_outcome_of_an_audit_is_its_keyword(outcome: str, keywords: str) -> None:
    found = event_of("Security", 5140, {"ShareName": "x"}, event={"outcome": outcome})
    assert (found["event.outcome"], found["winlog.system.Keywords"]) == (outcome, keywords)


@pytest.mark.parametrize("outcome", ["unknown", 7, None])
def test_another_outcome_says_nothing(outcome: object) -> None:
    found = event_of("Security", 5140, {"ShareName": "x"}, event={"outcome": outcome})
    assert "winlog.system.Keywords" not in found
    assert "event.outcome" not in found


def test_outcomes_are_of_audits_alone() -> None:
    assert "winlog.system.Keywords" not in event_of("Application", 1, {"a": "x"}, event={"outcome": "success"})


@pytest.mark.parametrize(
    ("level", "number"),
    [
        ("critical", "1"),
        ("error", "2"),
        ("warning", "3"),
        ("information", "4"),
        ("verbose", "5"),
        ("odd", None),
        (3, None),
    ],
)
def test_levels_are_numbers(level: object, number: str | None) -> None:
    assert event_of("System", 7036, {"param1": "x"}, log={"level": level}).get("winlog.system.Level") == number


def test_an_audit_has_no_level() -> None:
    found = event_of("Security", 4624, {"LogonType": "3"}, log={"level": "information"}, event={"outcome": "success"})
    assert found["winlog.system.Level"] == "0"


@pytest.mark.parametrize(
    ("direction", "initiated"),
    [
        ("egress", "true"),
        ("outbound", "true"),
        ("ingress", "false"),
        ("inbound", "false"),
        ("unknown", None),
        (1, None),
    ],
)
def test_who_began_a_connection_is_its_direction(direction: object, initiated: str | None) -> None:
    found = event_of(SYSMON, 3, process={"executable": r"C:\a.exe"}, network={"direction": direction})
    assert native(found, "Initiated") == initiated


def test_direction_says_it_of_connections_alone() -> None:
    assert native(event_of(SYSMON, 22, network={"direction": "egress"}), "Initiated") is None


def test_a_loaded_library_may_stand_as_a_file() -> None:
    found = event_of(
        SYSMON, 7, process={"executable": r"C:\a.exe"},
        file={"path": r"C:\x\evil.dll", "pe": {"original_file_name": "EVIL.DLL"}, "hash": {"sha1": "ab"}},
        hash={"sha1": "ab", "imphash": "cd"},
    )  # fmt: skip
    assert found["dll.path"] == r"C:\x\evil.dll"
    assert found["dll.pe.original_file_name"] == "EVIL.DLL"
    assert (found["dll.hash.sha1"], found["dll.hash.imphash"]) == ("ab", "cd")
    assert native(found, "Hashes") == "SHA1=ab,IMPHASH=cd"


def test_a_message_stands_for_powershells_classic_data() -> None:
    found = event_of("Windows PowerShell", 400, message="Details:\n\tHostApplication=powershell -enc x")
    assert native(found, "Data") == "Details:\n\tHostApplication=powershell -enc x"


def test_a_message_stands_for_the_parts_of_a_pipelines_event() -> None:
    found = event_of(POWERSHELL, 4103, message=DETAILS)
    assert native(found, "Payload") == 'CommandInvocation(Out-Null): "Out-Null"'
    assert str(native(found, "ContextInfo")).startswith("        Ważność = Informational\n        Aplikacja")


def test_a_message_of_one_part_is_a_pipelines_payload() -> None:
    found = event_of(POWERSHELL, 4103, message='CommandInvocation(Out-Null): "Out-Null"')
    assert native(found, "Payload") == 'CommandInvocation(Out-Null): "Out-Null"'
    assert native(found, "ContextInfo") is None


def test_what_a_pipelines_event_has_itself_goes_before_its_message() -> None:
    found = event_of(POWERSHELL, 4103, {"Payload": "p", "ContextInfo": "c"}, message=DETAILS)
    assert (native(found, "Payload"), native(found, "ContextInfo")) == ("p", "c")


def test_what_windows_always_writes_is_empty_where_it_was_left_out() -> None:
    found = event_of(SYSMON, 8, {"TargetImage": r"C:\Windows\System32\lsass.exe", "StartFunction": "LoadLibraryW"})
    assert (native(found, "StartModule"), native(found, "StartFunction")) == ("", "LoadLibraryW")


@pytest.mark.parametrize(
    ("keywords", "outcome"),
    [
        ("0x8020000000000000", "success"), ("0x8010000000000000", "failure"), ("0x8000000000000000", None),
        ("-9214364837600034816", "success"), ("-9218868437227405312", "failure"), ("9232379236109516800", "success"),
        ("9227875636482146304", "failure"), (-9214364837600034816, "success"), ("", None), ("x", None),
        ("9" * 40, None),
    ],
)  # fmt: skip
def test_keywords_may_be_hexadecimal_or_decimal(keywords: object, outcome: str | None) -> None:
    """NXLog writes the 64 bits as a number, with or without a sign."""
    record = {"EventID": 4985, "Channel": "Security", "Hostname": "PC-07", "Keywords": keywords}
    assert normalise(json.dumps(record).encode(), SOURCE).get("event.outcome") == outcome
