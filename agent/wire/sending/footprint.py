"""What this process uses, and what its control group lets it use. Facts: proc(5), cgroups(7), GetProcessMemoryInfo."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import NamedTuple

_CGROUPS = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self")


class Limits(NamedTuple):
    """Bounds that the system sets: bytes of memory and cores; None where it sets none."""

    memory: int | None
    cores: float | None


def limits(proc: Path = _SELF, cgroups: Path = _CGROUPS) -> Limits:
    """Return the narrowest bounds of this process's control group (version 2) and of those around it."""
    memories: list[int] = []
    cores: list[float] = []
    for group in _groups(proc, cgroups):
        memory, shares = _word(group / "memory.max"), _words(group / "cpu.max")
        if memory.isdigit():
            memories.append(int(memory))
        if len(shares) == 2 and shares[0].isdigit() and shares[1].isdigit() and int(shares[1]):
            cores.append(int(shares[0]) / int(shares[1]))
    return Limits(min(memories, default=None), min(cores, default=None))


def _groups(proc: Path, cgroups: Path) -> list[Path]:
    place = next((line[3:] for line in _text(proc / "cgroup").splitlines() if line.startswith("0::/")), "")
    if ".." in place:
        return []
    own = cgroups / place.strip("/")
    return [own, *(parent for parent in own.parents if parent.is_relative_to(cgroups))]


def memory(proc: Path = _SELF) -> int:
    """Return the resident bytes of this process, 0 when the system does not tell."""
    if sys.platform == "win32":
        return _working_set()
    fields = _words(proc / "statm")
    pages = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor() -> float:
    """Return the seconds of computing that this process has used."""
    spent = os.times()
    return spent.user + spent.system


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
    )


def _working_set() -> int:
    windows = getattr(ctypes, "WinDLL")("kernel32")  # noqa: B009 (the name exists on Windows alone)
    windows.GetCurrentProcess.restype = ctypes.c_void_p
    counters = _Counters()
    counters.cb = ctypes.sizeof(counters)
    process = ctypes.c_void_p(windows.GetCurrentProcess())
    if not windows.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb):
        return 0
    return int(counters.working_set)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _word(path: Path) -> str:
    return next(iter(_words(path)), "")
