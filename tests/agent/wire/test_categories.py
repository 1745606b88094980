"""Each record has its category, and what is off does not get through."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sensors.windows.eventxml import record_of
from agent.wire.categories import (
    CATEGORIES,
    NEVER,
    OFF_AT_FIRST,
    OWN,
    SENSORS,
    category_of,
    permitted,
    section_category,
)
from agent.wire.event import Record
from agent.wire.inventory import SECTIONS, item_record, state_record

XML = (
    "<Event><System><EventID Qualifiers=''>{}</EventID><Channel>{}</Channel></System><EventData>{}</EventData></Event>"
)


def windows(channel: str, code: int, data: str = "") -> Record:
    return {"event.module": "windows.eventlog", "xml": XML.format(code, channel, data)}


def audit(kind: str, call: str = "") -> Record:
    return {"event.module": "linux.audit", "audit.type": kind, "audit.syscall": call}


SYSMON, POWERSHELL = "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-PowerShell/Operational"


@pytest.mark.parametrize(
    ("record", "category"),
    [
        (windows("Security", 4688), "programs"),
        (windows("Security", 4625), "logons"),
        (windows("Security", 4732), "accounts"),
        (windows("Security", 5156), "network"),
        (windows("Security", 4663), "files"),
        (windows("Security", 6416), "usb"),
        (windows("Security", 1102), "security"),
        (windows(SYSMON, 1), "programs"),
        (windows(SYSMON, 22), "dns"),
        (windows(SYSMON, 13), "security"),
        (windows(SYSMON, 24), NEVER),
        (windows(POWERSHELL, 4104), "scripts"),
        (windows("Microsoft-Windows-DNS-Client/Operational", 3008), "dns"),
        (windows("Microsoft-Windows-DriverFrameworks-UserMode/Operational", 2003), "usb"),
        (windows("Microsoft-Windows-Windows Defender/Operational", 1116), "security"),
        (windows("System", 7045), "security"),
        (windows("Application", 1000), "logs"),
        ({"event.module": "windows.eventlog", "winlog.channel": "Security", "event.code": "4624"}, "logons"),
        ({"event.module": "windows.eventlog", "Channel": "Security", "EventID": "4624"}, "logons"),
        ({"event.module": "windows.eventlog", "Channel": SYSMON, "EventID": "22"}, "dns"),
        ({"event.module": "windows.eventlog", "Channel": SYSMON, "EventID": "24"}, NEVER),
        ({"event.module": "windows.eventlog", "Channel": POWERSHELL, "EventID": "4104"}, "scripts"),
        ({"event.module": "windows.eventlog", "Channel": "Security", "EventID": "4720"}, "accounts"),
        ({"event.module": "windows.eventlog", "Channel": "Application", "EventID": 1000}, "logs"),
        (audit("EXECVE"), "programs"),
        (audit("USER_AUTH"), "logons"),
        (audit("ADD_USER"), "accounts"),
        (audit("SYSCALL", "connect"), "network"),
        (audit("SYSCALL", "openat"), "files"),
        (audit("SYSCALL", "ptrace"), "security"),
        (audit("SERVICE_STOP"), "security"),
        (audit("USER_TTY"), NEVER),
        ({"event.module": "linux.syslog", "log.syslog.appname": "sshd"}, "logons"),
        ({"event.module": "linux.syslog", "log.syslog.appname": "useradd"}, "accounts"),
        ({"event.module": "linux.syslog", "log.syslog.appname": "cron"}, "logs"),
        ({"event.module": "czujka.agent", "event.action": "inventory_item"}, "inventory"),
        (item_record("usb_device", "1-1", {"usb.serial": "X"}, present=True, revision=1), "usb"),
        (state_record("usb_device", {}, 1), "usb"),
        (item_record("software", "x", {}, present=True, revision=1), "inventory"),
        ({"event.module": "czujka.agent", "event.action": "posture_finding"}, "posture"),
        ({"event.module": "czujka.agent", "event.action": "telemetry_gap"}, OWN),
        ({"event.module": "czujka.fim", "event.action": "changed"}, "files"),
        ({"event.module": "else"}, "logs"),
    ],
)
def test_a_record_has_its_category(record: Record, category: str) -> None:
    assert category_of(record) == category
    if category == NEVER:
        assert permitted(record, frozenset()) is None
    else:
        assert permitted(record, frozenset()) == record
        assert permitted(record, frozenset({category or name for name in CATEGORIES})) == (
            record if category == OWN else None
        )


def test_programs_without_their_commands() -> None:
    record: Record = {
        **audit("EXECVE"),
        "process.executable": "/bin/ls",
        "process.args": ["ls"],
        "process.command_line": "ls",
    }
    assert permitted(record, frozenset({"command_lines"})) == {**audit("EXECVE"), "process.executable": "/bin/ls"}
    seen = windows("Security", 4688, "<Data Name='CommandLine'>net x</Data><Data Name='NewProcessName'>net</Data>")
    kept = permitted(seen, frozenset({"command_lines"}))
    assert kept == windows("Security", 4688, "<Data Name='CommandLine'>-</Data><Data Name='NewProcessName'>net</Data>")
    flat: Record = {
        "event.module": "windows.eventlog",
        "Channel": "Security",
        "EventID": "4688",
        "CommandLine": "net x",
    }
    kept = permitted(flat, frozenset({"command_lines"}))
    assert kept == {"event.module": "windows.eventlog", "Channel": "Security", "EventID": "4688"}
    sudo: Record = {
        "event.module": "linux.syslog",
        "log.syslog.appname": "sudo",
        "message": "jan : PWD=/ ; COMMAND=/bin/cat x",
    }
    kept = permitted(sudo, frozenset({"command_lines"}))
    assert kept is not None
    assert kept["message"] == "jan : PWD=/ ; COMMAND=-"


def test_a_flat_record_of_windows_loses_its_commands_too() -> None:
    flat: Record = {"event.module": "windows.eventlog", "Channel": "Security", "EventID": "4688", "NewProcessName": "a"}
    commands: Record = {"CommandLine": "a /b", "ParentCommandLine": "c /d"}
    assert permitted({**flat, **commands}, {"command_lines"}) == flat
    assert permitted({**flat, **commands}, set()) == {**flat, **commands}
    assert permitted({**flat, **commands}, {"programs"}) is None


OFF, QUOTE = frozenset({"command_lines"}), {'"': "&quot;"}


def both(channel: str, code: int, name: str, value: str) -> tuple[Record, Record]:
    """Return a record of Windows, flat and as XML."""
    flat: Record = {"event.module": "windows.eventlog", "Channel": channel, "EventID": str(code), name: value}
    return flat, windows(channel, code, f"<Data Name='{name}'>{escape(value, QUOTE)}</Data>")


@pytest.mark.parametrize(
    ("code", "channel", "name", "value", "stays"),
    [
        (7045, "System", "ImagePath", "C:\\a b\\x.exe /k kowalski", "C:\\a b\\x.exe -"),
        (4697, "Security", "ServiceFileName", '"C:\\a b\\x.exe" kowalski', '"C:\\a b\\x.exe" -'),
        (7045, "System", "ImagePath", "\\SystemRoot\\drivers\\x.sys", "\\SystemRoot\\drivers\\x.sys"),
        (
            4698, "Security", "TaskContent",
            "<Exec><Command>cmd.exe /c kowalski</Command><Arguments>-k &lt;jan kowalski</Arguments></Exec>",
            "<Exec><Command>cmd.exe -</Command><Arguments>-</Arguments></Exec>",
        ),
        (
            4702, "Security", "TaskContentNew", "<Command>C:\\x.exe</Command>\r\n<Arguments>kowalski\n</Arguments>",
            "<Command>C:\\x.exe</Command>\r\n<Arguments>-</Arguments>",
        ),
        (
            4103, POWERSHELL, "ContextInfo", "Severity = Info\n Host Application = powershell kowalski\n User = jan",
            "Severity = Info\n Host Application = -\n User = jan",
        ),
    ],
)  # fmt: skip
def test_without_commands_the_program_stays(code: int, channel: str, name: str, value: str, stays: str) -> None:
    for record, expected in zip(both(channel, code, name, value), both(channel, code, name, stays), strict=True):
        assert permitted(record, OFF) == expected
        assert permitted(record, frozenset()) == record


@pytest.mark.parametrize("end", ["\n", "\r\n", "&#13;\n", "&#xD;&#xA;"])
def test_without_commands_nothing_tells_how_powershell_was_started(end: str) -> None:
    lines = ("HostName=ConsoleHost", "HostApplication=powershell -c kowalski", "CommandLine=", "RunspaceId=1")
    text, clean = end.join(lines), end.join((lines[0], "HostApplication=-", *lines[2:]))
    assert permitted(windows("Windows PowerShell", 400, f"<Data>{text}</Data>"), OFF) == windows(
        "Windows PowerShell", 400, f"<Data>{clean}</Data>"
    )
    flat: Record = {"event.module": "windows.eventlog", "Channel": "Windows PowerShell", "EventID": "400"}
    assert permitted({**flat, "Data": ["Available", text]}, OFF) == {**flat, "Data": ["Available", clean]}


@pytest.mark.parametrize(
    ("name", "message", "stays"),
    [
        ("CRON", "(root) CMD (tool --klient kowalski)", "(root) CMD (-)"),
        ("cron", "(root) CMDOUT (kowalski (2))", "(root) CMDOUT (-)"),
        ("crond", "(root) CMDEND (kowalski)", "(root) CMDEND (-)"),
        ("CRON", "pam_unix(cron:session): session opened", "pam_unix(cron:session): session opened"),
        ("tool", "(root) CMD (x)", "(root) CMD (x)"),
    ],
)
def test_without_commands_cron_tells_only_who(name: str, message: str, stays: str) -> None:
    record: Record = {"event.module": "linux.syslog", "log.syslog.appname": name, "message": message}
    assert permitted(record, OFF) == {**record, "message": stays}
    assert permitted(record, frozenset()) == record


@pytest.mark.parametrize(
    ("code", "name", "value", "stays"),
    [
        (3, "DestinationHostname", "www.klinika.pl", "-"),
        (3, "DestinationIp", "10.0.0.1", "10.0.0.1"),
        (
            15, "Contents", "[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://poczta.pl/x?a&b  HostUrl=https://a.pl/y",
            "[ZoneTransfer]  ZoneId=3  ReferrerUrl=-  HostUrl=-",
        ),
    ],
)  # fmt: skip
def test_without_dns_no_name_of_a_visited_host_leaves(code: int, name: str, value: str, stays: str) -> None:
    for record, expected in zip(both(SYSMON, code, name, value), both(SYSMON, code, name, stays), strict=True):
        assert permitted(record, OFF_AT_FIRST) == expected
        assert permitted(record, frozenset()) == record


def test_what_the_reader_of_windows_makes_is_judged_as_its_xml() -> None:
    for code, channel in ((4624, "Security"), (22, SYSMON), (4104, POWERSHELL), (1000, "Application")):
        xml = windows(channel, code)
        assert category_of(record_of(str(xml["xml"]))) == category_of(xml)


def test_what_a_section_tells_is_what_its_sensor_is_said_to_bring() -> None:
    assert {section_category(name) for name in SECTIONS} == SENSORS["inventory"] - {"posture"}


def test_the_list_is_whole() -> None:
    assert frozenset({"dns"}) == OFF_AT_FIRST
    assert all(brings <= CATEGORIES.keys() for brings in SENSORS.values())
    assert len({one.pl for one in CATEGORIES.values()} | {one.en for one in CATEGORIES.values()}) == 2 * len(CATEGORIES)


VALUES = st.one_of(st.text(max_size=60), st.integers(), st.none(), st.lists(st.text(max_size=5), max_size=3))
NAMES = st.sampled_from(
    ["event.module", "xml", "winlog.channel", "event.code", "audit.type", "message", "process.args"]
)


@given(st.dictionaries(NAMES, VALUES), st.sets(st.sampled_from(sorted(CATEGORIES))))
def test_any_record_is_judged(record: Record, off: set[str]) -> None:
    kept = permitted(record, off)
    assert (kept is None) == (category_of(record) in off or category_of(record) == NEVER)
