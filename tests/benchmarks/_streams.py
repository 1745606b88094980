"""Two long streams of Windows events made from the samples, as research on this engine's first draft weighed them.

`repetitive` draws the samples again and again, untouched. `unique` is like the log of a busy office: mostly events on
which no rule fires, with command lines, paths, addresses, users and identifiers that never come twice, so that
nothing can be remembered from one event to the next. Both are flat native records, made anew from one seed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from appliance.importer import records
from appliance.normalise.windows_xml import checked, parse_slowly

Record = Mapping[str, Any]
Draw = random.Random
SEED = 7
#: The share of events that come from those on which a rule fires.
ATTACKS = 0.03
#: How often each kind of event comes on a busy host.
WEIGHTS = {
    "1": 15, "3": 12, "5": 4, "7": 18, "8": 1, "10": 12, "11": 12, "12": 12, "18": 1, "22": 4,
    "security": 12, "powershell": 3, "other": 4,
}  # fmt: skip
_START = datetime(2026, 1, 1)  # noqa: DTZ001  Windows writes these times without a zone
_STEP = timedelta(milliseconds=7)
_VENDORS = ("Contoso", "Fabrikam", "Acme", "Mozilla", "Google", "Adobe", "Oracle", "Cisco", "Asseco", "Comarch")
_PARTS = ("agent", "update", "service", "helper", "launcher", "worker", "sync", "client", "broker", "report", "store")
_SYSTEM = ("svchost", "conhost", "explorer", "taskhostw", "RuntimeBroker", "SearchIndexer", "dllhost", "services")
_SUFFIXES = ("tmp", "log", "json", "dat", "db", "xml", "png", "js", "txt", "etl", "dll", "exe", "ini", "docx")
_PIDS = frozenset({"ProcessId", "ParentProcessId", "SourceProcessId", "TargetProcessId", "SourcePort", "EventRecordID"})
_USERS = frozenset({"User", "SubjectUserName", "TargetUserName", "ParentUser", "SourceUser", "TargetUser"})
_LOGONS = frozenset({"LogonId", "SubjectLogonId", "TargetLogonId"})
_HOSTS = frozenset({"Computer", "SourceHostname", "WorkstationName"})
_IMAGES = frozenset({"Image", "ParentImage", "SourceImage", "TargetImage", "NewProcessName", "ProcessName"})
_ADDRESSES = frozenset({"DestinationIp", "SourceIp", "IpAddress", "DestAddress", "SourceAddress"})
_COMMANDS = {"CommandLine": "Image", "ParentCommandLine": "ParentImage"}


def samples(corpora: Path) -> list[Record]:
    """Every readable record of the given EVTX files, flat, under the names that Sigma rules use."""
    folders = (corpora / "evtx-attack-samples", corpora / "sigmahq" / "regression_data")
    files = [file for folder in folders for file in sorted(folder.rglob("*.evtx"))]
    return [flat for file in files for line in records(file) if (flat := _flat(line))]


def _flat(line: bytes) -> Record | None:
    xml = orjson.loads(line).get("xml")
    if not isinstance(xml, str):
        return None
    native = parse_slowly(checked(xml))
    system = {name: value for name, value in native.system.items() if value}
    data = {name.replace(" ", ""): value for name, value in native.data.items()}
    return {**system, **data, "EventID": int(native.system["EventID"])}


def repetitive(flat: Sequence[Record], count: int) -> Iterator[bytes]:
    """`count` draws with replacement, one JSON line each."""
    draw = Draw(SEED)
    lines = [orjson.dumps(record) for record in flat]
    for _ in range(count):
        yield draw.choice(lines)


def unique(
    flat: Sequence[Record], fires: Callable[[Record], bool], count: int, attack_share: float = ATTACKS
) -> Iterator[bytes]:
    """`count` events in the mix of a busy host, one JSON line each; `fires` tells which samples are attacks."""
    world = _World(Draw(SEED))
    quiet: dict[str, list[Record]] = defaultdict(list)
    attacks = []
    for record in flat:
        if fires(record):
            attacks.append(record)
        else:
            quiet[_group(record)].append(record)
    groups = [group for group in WEIGHTS if group in quiet]
    weights = [WEIGHTS[group] for group in groups]
    for number in range(count):
        if world.draw.random() < attack_share:
            yield orjson.dumps(world.touched(world.draw.choice(attacks), number))
        else:
            record = world.draw.choice(quiet[world.draw.choices(groups, weights)[0]])
            yield orjson.dumps(world.changed(record, number))


def _group(record: Record) -> str:
    channel, code = str(record.get("Channel")), record["EventID"]
    if channel.endswith("Sysmon/Operational"):
        return "12" if code in (12, 13, 14) else str(code)
    if channel == "Security":
        return "security"
    return "powershell" if "PowerShell" in channel else "other"


class _World:
    """The hosts, people, programs and files of an invented network."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        pick = draw.choice
        self._users = [f"URZAD\\u{number:04d}" for number in range(5000)]
        self._hosts = [f"PC-{number:05d}.urzad.local" for number in range(2000)]
        self._programs = [
            f"C:\\Program Files\\{pick(_VENDORS)}\\{part}\\{pick(_PARTS)}.exe" for part in _PARTS for _ in range(20)
        ] + [f"C:\\Windows\\System32\\{name}.exe" for name in _SYSTEM]
        self._libraries = [f"C:\\Windows\\System32\\{pick(_PARTS)}{self._hex(3)}.dll" for _ in range(1500)]
        self._libraries += [f"C:\\Program Files\\{pick(_VENDORS)}\\{self._hex(4)}.dll" for _ in range(1500)]
        self._hashes: dict[str, str] = {}

    def touched(self, record: Record, number: int) -> Record:
        """An attack at another time on another host; what rules look at stays."""
        new = {**record, **self._envelope(record, number)}
        for name in _COMMANDS:
            if name in record:
                new[name] = f"{record[name]} {self._hex(8)}"
        return new

    def changed(self, record: Record, number: int) -> Record:
        """An event of the same kind as `record` with values of its own."""
        new = {**record, **self._envelope(record, number)}
        for name in record:
            if name in _USERS:
                new[name] = self.draw.choice(self._users)
            elif name in _IMAGES and self.draw.random() < 0.75:
                new[name] = self._often(self._programs)
            elif name in _ADDRESSES:
                new[name] = self._address()
            elif name in _MADE:
                new[name] = _MADE[name](self, str(record[name]))
        for name, image in _COMMANDS.items():
            if name in record:
                new[name] = self._command(str(new.get(image) or self._often(self._programs)), str(record[name]))
        if "Hashes" in record:
            new["Hashes"] = self._hashes_of(str(new.get("ImageLoaded") or new.get("Image")))
        return new

    def _envelope(self, record: Record, number: int) -> dict[str, Any]:
        moment = _START + number * _STEP
        new: dict[str, Any] = {}
        for name in record:
            if name in ("SystemTime", "TimeCreated_SystemTime"):
                new[name] = moment.isoformat() + "Z"
            elif name in ("UtcTime", "CreationUtcTime"):
                new[name] = moment.isoformat(" ")[:23]
            elif "Guid" in name and name != "Provider_Guid":
                new[name] = str(UUID(int=self.draw.getrandbits(128))).upper()
            elif name in _PIDS:
                new[name] = str(self.draw.randrange(60000))
            elif name in _HOSTS:
                new[name] = self.draw.choice(self._hosts)
            elif name in _LOGONS:
                new[name] = "0x" + self._hex(6)
        return new

    def _often(self, pool: Sequence[str]) -> str:
        """One of a pool whose first members come far more often."""
        if self.draw.random() < 0.85:
            return pool[min(int(self.draw.paretovariate(0.9)) - 1, len(pool) - 1)]
        return self.draw.choice(pool)

    def _hex(self, digits: int) -> str:
        return f"{self.draw.getrandbits(4 * digits):0{digits}x}"

    def _address(self) -> str:
        first = self.draw.choice((10, 10, 172, 52, 142, 8))
        return f"{first}.{self.draw.randrange(256)}.{self.draw.randrange(256)}.{self.draw.randrange(1, 255)}"

    def path(self, _: str) -> str:
        """A file of somebody's."""
        pick = self.draw.choice
        user = pick(self._users)[6:]
        return f"C:\\Users\\{user}\\AppData\\Local\\{pick(_VENDORS)}\\{pick(_PARTS)}\\{self._hex(12)}.{pick(_SUFFIXES)}"

    def library(self, _: str) -> str:
        """A library."""
        return self._often(self._libraries)

    def registry(self, old: str) -> str:
        """A registry key."""
        if self.draw.random() < 0.4:
            return f"{old}\\{self._hex(6)}"
        sid = f"S-1-5-21-{self.draw.getrandbits(32)}-{self.draw.getrandbits(32)}-1001"
        return f"HKU\\{sid}\\Software\\{self.draw.choice(_VENDORS)}\\{self.draw.choice(_PARTS)}\\{self._hex(10)}"

    def details(self, old: str) -> str:
        """What was written to a registry key."""
        return self.path(old) if self.draw.random() < 0.5 else f"DWORD (0x{self._hex(8)})"

    def name(self, _: str) -> str:
        """A name in the DNS."""
        return f"{self.draw.choice(_PARTS)}-{self._hex(5)}.{self.draw.choice(_VENDORS).lower()}.example.net"

    def trace(self, old: str) -> str:
        """A call trace."""
        return f"{old}+{self._hex(5)}|UNKNOWN({self._hex(12)})"

    def script(self, old: str) -> str:
        """A script block."""
        return f"# {UUID(int=self.draw.getrandbits(128))}\n{old}"

    def _command(self, image: str, old: str) -> str:
        if self.draw.random() < 0.3:
            return f"{old} {self._hex(10)}"
        part, one = self.draw.choice(_PARTS), UUID(int=self.draw.getrandbits(128))
        return f'"{image}" --{part} --id={one} "{self.path("")}" /{part}:{self._hex(3)}'

    def _hashes_of(self, image: str) -> str:
        if image not in self._hashes:
            sizes = {"SHA1": 40, "MD5": 32, "SHA256": 64, "IMPHASH": 32}
            self._hashes[image] = ",".join(f"{kind}={self._hex(size).upper()}" for kind, size in sizes.items())
        return self._hashes[image]


_MADE: Mapping[str, Callable[[_World, str], str]] = {
    "ImageLoaded": _World.library,
    "TargetFilename": _World.path,
    "TargetObject": _World.registry,
    "Details": _World.details,
    "DestinationHostname": _World.name,
    "QueryName": _World.name,
    "CallTrace": _World.trace,
    "ScriptBlockText": _World.script,
}
