"""Events like those of an office for the store's benchmarks, a table at a time: ten million in two minutes.

Of a hundred events 45 are starts of processes, 30 connections, 15 names asked for and 10 sign-ins, on 60 computers, 100
a second; the same start gives the same events. Each process is started by an earlier one of its computer, so there are
trees. Command lines and ids are each event's own; the first start of a process in `RARE` events has a word that no
other has. With `raw` each event has the record that it came in, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from agent.wire.event import event_id
from appliance.clock import SECOND
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN, Rows

STEP = SECOND // 100
RARE = 250_000
WORD = "mimikatz"
HOSTS = 60
_SYSTEM = "svchost cmd powershell conhost rundll32 taskhostw dllhost SearchIndexer wermgr MsMpEng RuntimeBroker net"
PROGRAMS = [f"C:\\Windows\\System32\\{one}.exe" for one in _SYSTEM.split()]
PROGRAMS += [
    f"C:\\Program Files\\{one}\\{one}{at}.exe" for one in ("Office", "EZD", "Firefox", "Chrome") for at in range(6)
]
_USERS = [f"GMINA\\u{at}" for at in range(70)]
_CHANNELS = ("Microsoft-Windows-Sysmon/Operational", "Security")
_LOGONS = (4624, 4625, 4634, 4672)
_PROCESS, _CONNECTION, _NAME, _LOGON = range(4)
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Maker:
    """Makes tables one after another, each going on where the last ended; `start` in microseconds."""

    def __init__(self, start: int, *, raw: bool = False) -> None:
        self._random, self._raw = np.random.default_rng(start), raw
        self.moment, self._number = start, 0
        self._last = np.full(HOSTS, 4, np.int64)
        self._worded = -1
        """Which part of `RARE` events had the word last."""
        self._agents = pa.array([event_id("agent", at) for at in range(HOSTS)])
        self._hashes = pa.array([f"{event_id(one)}{event_id(one, 2)}" for one in PROGRAMS])

    def rows(self, size: int) -> Rows:
        """Return so many further events by time."""
        numbers = np.arange(self._number, self._number + size)
        times = self.moment + (numbers - self._number) * STEP
        self._number, self.moment = self._number + size, self.moment + size * STEP
        kinds = np.searchsorted([0.45, 0.75, 0.9], self._random.random(size))
        hosts = self._below(HOSTS, size)
        columns = self._common(numbers, times, kinds, hosts) | self._process(kinds, hosts, numbers)
        columns |= self._connection(kinds) | self._name(kinds) | self._logon(kinds)
        if self._raw:
            columns["event.original:s"] = _records(columns, kinds)
        rest = self._rest(kinds)
        return Rows(pa.table({**dict(sorted(columns.items())), REST: rest}), frozenset(_NAMES))

    def _below(self, bound: int, size: int) -> Numbers:
        return self._random.integers(0, bound, size)

    def _common(self, numbers: Numbers, times: Numbers, kinds: Numbers, hosts: Numbers) -> dict[str, Any]:
        size = len(numbers)
        ids = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), size, [None, pa.py_buffer(self._random.bytes(16 * size))]
        )
        codes = np.choose(kinds, [1, 3, 22, 0]) + np.where(kinds == _LOGON, np.take(_LOGONS, self._below(4, size)), 0)
        return {
            TIME_COLUMN: pa.array(times),
            ID_COLUMN: ids,
            "event.created:l": pa.array(times + self._below(SECOND, size)),
            "event.ingested:l": pa.array(times + 2 * SECOND),
            "event.code:l": pa.array(codes),
            "event.module:s": _of(["windows.eventlog"], np.zeros(size, np.int64)),
            "event.category:s": _of(["process", "network", "authentication"], np.choose(kinds, [0, 1, 1, 2])),
            "host.name:s": _of([f"PC-{at:03d}" for at in range(HOSTS)], hosts),
            "agent.id:s": _taken(self._agents, hosts),
            "winlog.channel:s": _of(_CHANNELS, (kinds == _LOGON).astype(np.int64)),
            "winlog.record_id:l": pa.array(numbers // HOSTS),
            "user.name:s": _of([one.partition("\\")[2] for one in _USERS], self._below(len(_USERS), size)),
        }

    def _process(self, kinds: Numbers, hosts: Numbers, numbers: Numbers) -> dict[str, Any]:
        size, starts = len(kinds), kinds == _PROCESS
        programs, parents = self._below(len(PROGRAMS), size), self._below(len(PROGRAMS), size)
        pids = 4 * self._below(8000, size) + 4
        tails = np.frombuffer(self._random.bytes(5 * size).hex().encode(), "S10")
        paths = _of(PROGRAMS, programs)
        at = np.flatnonzero(starts)
        first = np.diff(numbers[at] // RARE, prepend=self._worded) > 0
        words = np.zeros(size, np.int64)
        words[at[first]] = 1
        self._worded = max(self._worded, int(numbers[-1]) // RARE)
        parts = ['"', paths, '" -k netsvcs -p --id ', pa.array(tails).cast(pa.string()), " /pid:", _text(pids)]
        lines = _joined([*parts, _of(["", f" {WORD}"], words)])
        return {
            "process.pid:l": _where(kinds != _LOGON, pa.array(pids)),
            "process.executable:s": _where(kinds != _LOGON, paths),
            "process.command_line:s": _where(starts, lines),
            "process.working_directory:s": _where(starts, _of(_folders(), self._below(len(_USERS), size))),
            "process.hash.sha256:s": _where(starts, _taken(self._hashes, programs)),
            "process.parent.pid:l": _where(starts, pa.array(self._parents(starts, hosts, pids))),
            "process.parent.executable:s": _where(starts, _of(PROGRAMS, parents)),
            "process.parent.command_line:s": _where(
                starts, _joined([_of(PROGRAMS, parents), " /startup ", _text(self._below(2000, size))])
            ),
        }

    def _parents(self, starts: Mask, hosts: Numbers, pids: Numbers) -> Numbers:
        """Return for each start the number of one of the starts before it on the same computer."""
        found = np.zeros(len(hosts), np.int64)
        for host in range(HOSTS):
            at = np.flatnonzero(starts & (hosts == host))
            line = np.concatenate([[self._last[host]], pids[at]])
            found[at] = line[np.maximum(np.arange(len(at)) - self._below(8, len(at)), 0)]
            self._last[host] = line[-1]
        return found

    def _connection(self, kinds: Numbers) -> dict[str, Any]:
        size, mine = len(kinds), kinds == _CONNECTION
        inside = _joined(["10.1.", _text(self._below(4, size)), ".", _text(self._below(250, size))])
        far = ["1.", _text(self._below(250, size)), ".", _text(self._below(250, size)), ".7"]
        return {
            "source.ip:s": _where(mine | (kinds == _LOGON), inside),
            "source.port:l": _where(mine, pa.array(self._below(65_000, size))),
            "destination.ip:s": _where(mine, _joined([_text(self._below(22, size) + 1), *far])),
            "destination.port:l": _where(mine, _numbers((443, 80, 53, 445, 389, 88), self._below(6, size))),
            "network.transport:s": _where(mine, _of(["tcp"], np.zeros(size, np.int64))),
        }

    def _name(self, kinds: Numbers) -> dict[str, Any]:
        size, mine = len(kinds), kinds == _NAME
        asked = ["a", _text(self._below(5000, size)), ".example", _text(self._below(300, size)), ".pl"]
        told = ["::ffff:", _text(self._below(223, size)), ".", _text(self._below(250, size)), ".1.1"]
        return {
            "dns.question.name:s": _where(mine, _joined(asked)),
            "dns.answers.data:s": _where(mine, _joined(told)),
        }

    def _logon(self, kinds: Numbers) -> dict[str, Any]:
        size, mine = len(kinds), kinds == _LOGON
        return {
            "event.outcome:s": _where(mine, _of(["success", "failure"], self._below(2, size))),
            "winlog.event_data.LogonType:s": _where(mine, _of(["2", "3", "5", "7", "10"], self._below(5, size))),
            "winlog.event_data.WorkstationName:s": _where(
                mine, _of([f"PC-{at:03d}" for at in range(HOSTS)], self._below(HOSTS, size))
            ),
        }

    def _rest(self, kinds: Numbers) -> Any:
        """Return two fields outside the schema for each event."""
        size = len(kinds)
        names = np.stack([np.zeros(size, np.int64), 1 + kinds], axis=1).ravel()
        values = np.stack([self._below(len(_USERS), size), len(_USERS) + kinds], axis=1).ravel()
        entries = [_of(_NAMES, names), _of(["s"], np.zeros(2 * size, np.int64)), _of([*_USERS, *_SAID], values)]
        fields = [pa.field(name, pa.string()) for name in ("n", "k", "v")]
        offsets = pa.array(np.arange(0, 2 * size + 1, 2), pa.int32())
        return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(entries, fields=fields))


_NAMES = [
    f"winlog.event_data.{one}" for one in ("User", "IntegrityLevel", "Initiated", "QueryStatus", "SubjectUserName")
]
_SAID = ("Medium", "true", "0", "SYSTEM")
_RECORD = {
    "host.name:s": "Computer",
    "winlog.channel:s": "Channel",
    "winlog.record_id:l": "EventRecordID",
    "event.code:l": "EventID",
    TIME_COLUMN: "UtcTime",
    "user.name:s": "User",
    "process.executable:s": "Image",
    "process.pid:l": "ProcessId",
    "process.command_line:s": "CommandLine",
    "process.working_directory:s": "CurrentDirectory",
    "process.hash.sha256:s": "Hashes",
    "process.parent.executable:s": "ParentImage",
    "process.parent.pid:l": "ParentProcessId",
    "process.parent.command_line:s": "ParentCommandLine",
    "source.ip:s": "SourceIp",
    "source.port:l": "SourcePort",
    "destination.ip:s": "DestinationIp",
    "destination.port:l": "DestinationPort",
    "dns.question.name:s": "QueryName",
    "dns.answers.data:s": "QueryResults",
    "event.outcome:s": "Outcome",
    "winlog.event_data.LogonType:s": "LogonType",
    "winlog.event_data.WorkstationName:s": "WorkstationName",
}
"""What Windows calls what stands in a column."""


def _records(columns: dict[str, Any], kinds: Numbers) -> Any:
    """Return each event as one line of JSON, as an agent sends it."""
    parts: list[Any] = ['{"source":"windows.eventlog","xmlns":"win/2004/08/events","Keywords":"0x8000000000000000"']
    for name, said in _RECORD.items():
        values = columns[name]
        text = values if pa.types.is_string(values.type) else values.cast(pa.string())
        pieces = [f',"{said}":"', pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"'), '"']
        parts.append(pc.fill_null(_joined(pieces), ""))
    return _joined([*parts, ',"Extra":"', _of(_SAID, kinds), '"}'])


def _folders() -> list[str]:
    return [f"C:\\Users\\{one.partition(chr(92))[2]}\\" for one in _USERS]


def _of(choices: Any, numbers: Numbers) -> Any:
    return _taken(pa.array(list(choices), pa.string()), numbers)


def _taken(values: Any, numbers: Numbers) -> Any:
    return values.take(pa.array(numbers))


def _numbers(choices: Any, numbers: Numbers) -> Any:
    return pa.array(np.take(choices, numbers))


def _text(numbers: Numbers) -> Any:
    return pa.array(numbers).cast(pa.string())


def _joined(parts: list[Any]) -> Any:
    pieces: list[Any] = [pa.scalar(one) if isinstance(one, str) else one for one in [*parts, ""]]
    return pc.binary_join_element_wise(*pieces)


def _where(chosen: Mask, values: Any) -> Any:
    return pc.if_else(pa.array(chosen), values, pa.scalar(None, values.type))
