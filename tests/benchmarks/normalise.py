"""How long a record takes to become an event: microseconds of processor time, no I/O."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha512
from statistics import median

import orjson

from appliance.normalise import Source, normalise

RECORDS = 2000
_TAIL = {"Version": "5", "Level": "4", "Task": "1", "Opcode": "0", "Keywords": "0x8000000000000000"}


def _hashes(program: int) -> str:
    digest = sha512(str(program).encode()).hexdigest().upper()
    return f"SHA1={digest[:40]},MD5={digest[:32]},SHA256={digest[:64]},IMPHASH={digest[32:64]}"


def _sysmon(number: int) -> dict[str, str]:
    return {
        "RuleName": "-",
        "UtcTime": "2026-03-02 08:15:30.123",
        "ProcessGuid": f"{{365ABB72-7C01-5CC4-0000-{number:012d}}}",
        "ProcessId": str(1000 + number),
        "Image": f"C:\\Program Files\\Urząd\\app{number % 50}.exe",
        "FileVersion": "10.0.19041.1",
        "Description": "Edytor pism",
        "Product": "EZD",
        "Company": "Gmina Przykładowo",
        "OriginalFileName": "app.exe",
        "CommandLine": f'"C:\\Program Files\\Urząd\\app.exe" /otworz C:\\Dane\\pismo{number}.docx',
        "CurrentDirectory": "C:\\Dane\\",
        "User": "URZAD\\anna.nowak",
        "LogonGuid": "{365ABB72-7AB1-5CC4-0000-0020BEF40000}",
        "LogonId": "0xf4be",
        "TerminalSessionId": "1",
        "IntegrityLevel": "Medium",
        "Hashes": _hashes(number % 50),
        "ParentProcessGuid": "{365ABB72-7ACC-5CC4-0000-0010B2470300}",
        "ParentProcessId": "2772",
        "ParentImage": "C:\\Windows\\explorer.exe",
        "ParentCommandLine": "C:\\Windows\\Explorer.EXE",
    }


def flat_sysmon(number: int) -> bytes:
    """Return a flat Sysmon process creation."""
    system = {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "Computer": "PC-07.urzad.local",
        "EventRecordID": number,
        "TimeCreated": "2026-03-02T08:15:30.1234567Z",
    }
    return orjson.dumps({"event.module": "windows.eventlog", **system, **_TAIL, **_sysmon(number)})


def flat_logon(number: int) -> bytes:
    """Return a flat Security 4624."""
    record = {
        "event.module": "windows.eventlog",
        "EventID": 4624,
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Security-Auditing",
        "Computer": "PC-07.urzad.local",
        "EventRecordID": number,
        "TimeCreated": "2026-03-02T08:15:30.1234567Z",
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "PC-07$",
        "SubjectDomainName": "URZAD",
        "TargetUserSid": "S-1-5-21-1-2-3-1105",
        "TargetUserName": "anna.nowak",
        "TargetDomainName": "URZAD",
        "TargetLogonId": f"0x{number:x}",
        "LogonType": "2",
        "IpAddress": "10.0.0.7",
        "IpPort": "0",
        "ProcessId": "0x1a4",
        "ProcessName": "C:\\Windows\\System32\\svchost.exe",
    }
    return orjson.dumps({**record, **_TAIL})


def xml_sysmon(number: int) -> bytes:
    """Return a Sysmon process creation as rendered XML."""
    data = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in _sysmon(number).items())
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>1</EventID>"
        "<Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
        f"<TimeCreated SystemTime='2026-03-02T08:15:30.1234567Z'/><EventRecordID>{number}</EventRecordID><Correlation/>"
        "<Execution ProcessID='1912' ThreadID='996'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        "<Computer>PC-07.urzad.local</Computer><Security UserID='S-1-5-18'/></System>"
        f"<EventData>{data}</EventData></Event>"
    )
    return orjson.dumps({"event.module": "windows.eventlog", "xml": xml})


def audit(number: int) -> bytes:
    """Return a program start on Linux."""
    return orjson.dumps(
        {
            "event.module": "linux.audit",
            "@timestamp": 1_772_439_330_000_000 + number,
            "audit.type": "EXECVE",
            "audit.serial": number,
            "audit.syscall": "execve",
            "audit.success": True,
            "process.pid": 1000 + number,
            "process.parent.pid": 1,
            "process.executable": "/usr/bin/true",
            "process.args": ["/bin/true", str(number)],
            "process.command_line": f"/bin/true {number}",
            "process.working_directory": "/root",
            "user.id": "0",
            "user.name": "root",
            "file.path": ["/bin/true", "/lib64/ld-linux-x86-64.so.2"],
            "host.name": "serwer",
        }
    )


def sshd(number: int) -> bytes:
    """Return a failed login over SSH."""
    text = f"Failed password for invalid user admin{number} from 10.1.2.3 port 40022 ssh2"
    return orjson.dumps(
        {
            "event.module": "linux.syslog",
            "@timestamp": 1_772_439_330_000_000 + number,
            "log.syslog.appname": "sshd",
            "process.pid": 77,
            "message": text,
            "host.name": "serwer",
        }
    )


SHAPES: dict[str, Callable[[int], bytes]] = {
    "Sysmon 1, flat": flat_sysmon,
    "Security 4624, flat": flat_logon,
    "Sysmon 1, XML": xml_sysmon,
    "Linux audit, execve": audit,
    "Linux syslog, sshd": sshd,
}


SOURCE = Source("00000000-0000-0000-0000-000000000000", 1_772_439_331_000_000)


@dataclass(frozen=True, slots=True)
class Figures:
    """Microseconds of processor time a record: of normalisation and of the bare JSON parser, round by round."""

    taken: list[float]
    parsed: list[float]

    def ratio(self) -> float:
        """Return how many times the parser's time normalisation takes, by medians."""
        return median(self.taken) / median(self.parsed)


def measure(lines: list[bytes], rounds: int) -> Figures:
    """Return the figures of interleaved rounds, so that a busy machine slows both alike."""
    figures = Figures([], [])
    for _ in range(rounds):
        figures.parsed.append(_round(orjson.loads, lines))
        figures.taken.append(_round(lambda line: normalise(line, SOURCE), lines))
    return figures


def _round(work: Callable[[bytes], object], lines: list[bytes]) -> float:
    start = time.process_time()
    for line in lines:
        work(line)
    return (time.process_time() - start) / len(lines) * 1e6


def main(argv: list[str] | None = None) -> int:
    """Print one line a shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args(argv).rounds
    for name, make in SHAPES.items():
        lines = [make(number) for number in range(RECORDS)]
        size = sum(map(len, lines)) // len(lines)
        got = measure(lines, rounds)
        print(
            f"{name:22} {size:5} B  median {median(got.taken):6.1f} µs, best {min(got.taken):6.1f} µs a record, "
            f"{got.ratio():4.1f} × orjson.loads"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
