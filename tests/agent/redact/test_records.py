"""Records of sensors: what an event of Windows shows, and the fields that others make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redact import redact_record
from agent.redact.records import redact_xml
from agent.wire.event import Record

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>{}</EventID></System>"
    "<EventData>{}</EventData></Event>"
)


def event(code: int, **data: str) -> str:
    return EVENT.format(code, "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in data.items()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"CommandLine": "net  user jan Zima2024 /add"}, {"CommandLine": "net  user jan *** /add"}),
        (
            {"CommandLine": "cmd /c &quot;net user jan Zima2024 &amp;&amp; dir&quot;", "User": "jan"},
            {"CommandLine": 'cmd /c "net user jan *** &amp;&amp; dir"', "User": "jan"},
        ),
        (
            {"ScriptBlockText": "$haslo = 'Zima2024'&#10;Get-Item &lt;x&gt;"},
            {"ScriptBlockText": "$haslo = '***'\nGet-Item &lt;x&gt;"},
        ),
        (
            {"TargetObject": "HKLM\\SOFTWARE\\Winlogon\\DefaultPassword", "Details": "Zima2024"},
            {"TargetObject": "HKLM\\SOFTWARE\\Winlogon\\DefaultPassword", "Details": "***"},
        ),
        (
            {"ObjectValueName": "DefaultPassword", "NewValue": "Zima"},
            {"ObjectValueName": "DefaultPassword", "NewValue": "***"},
        ),
    ],
)  # fmt: skip
def test_an_event_of_windows_shows_no_secret(before: dict[str, str], after: dict[str, str]) -> None:
    record: Record = {"event.module": "windows.eventlog", "xml": event(4688, **before)}
    assert redact_record(record) == {"event.module": "windows.eventlog", "xml": event(4688, **after)}


@pytest.mark.parametrize(
    "data",
    [
        {"CommandLine": "C:\\x.exe -k netsvcs -p &amp; dir &quot;a&quot;", "TargetObject": "HKLM\\Run", "Details": "x"},
        {"SubjectUserName": "jan", "LogonGuid": "{6B29FC40-CA47-1067-B31D-00DD010662DA}", "KeyLength": "0"},
    ],
)
def test_an_event_without_secrets_stays_byte_for_byte(data: dict[str, str]) -> None:
    xml = event(4688, **data)
    assert redact_xml(xml) == xml
    record: Record = {"xml": xml, "process.args": ["ls", "-p"]}
    assert redact_record(record) is record


def test_fields_of_other_sensors() -> None:
    record: Record = {
        "process.args": ["mysql", "-pZima2024"], "process.command_line": "mysql -pZima2024",
        "message": "password=Zima2024 x",
        "process.pid": 7, "user.name": "password=x", "process.parent.args": ["a", 5],
    }  # fmt: skip
    assert redact_record(record) == record | {
        "process.args": ["mysql", "-p***"], "process.command_line": "mysql -p***", "message": "password=*** x",
    }  # fmt: skip


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(redact_xml(text), str)
    once = redact_record({"xml": text, "message": text})
    assert redact_record(once) == once
