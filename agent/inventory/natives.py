"""Calls of the system's libraries that Linux and Windows share, through psutil: plain data, no judgement."""

from __future__ import annotations

import contextlib
import platform
import socket
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from agent.inventory.gather import Reader
from agent.inventory.raw import Native, Raw


def listeners() -> list[dict[str, Any]]:
    """Return the sockets that wait for others; raises OSError, psutil.Error."""
    names: dict[int, str] = {}
    found = []
    for each in psutil.net_connections("inet"):
        tcp = each.type == socket.SOCK_STREAM
        if (tcp and each.status != psutil.CONN_LISTEN) or (not tcp and each.raddr) or not each.laddr:
            continue
        found.append(
            {"tcp": tcp, "address": each.laddr.ip, "port": each.laddr.port, "program": _program(each.pid, names)}
        )
    return found


def _program(pid: int | None, names: dict[int, str]) -> str:
    if pid is None:
        return ""
    if pid not in names:
        names[pid] = ""
        with contextlib.suppress(psutil.Error):
            names[pid] = psutil.Process(pid).name()
    return names[pid]


def machine() -> dict[str, Any]:
    """Return what the machine is made of, as far as no privilege is needed; what a system does not tell is None."""
    return {
        "memory": _told(lambda: psutil.virtual_memory().total),
        "cores": _told(lambda: psutil.cpu_count(logical=False)),
        "threads": _told(psutil.cpu_count),
        "architecture": _told(platform.machine),
        "cards": _told(_cards) or {},
    }


def _cards() -> dict[str, list[str]]:
    return {
        name: [each.address for each in addresses if each.family == psutil.AF_LINK]
        for name, addresses in psutil.net_if_addrs().items()
    }


def _told(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (OSError, RuntimeError, AttributeError, psutil.Error):
        return None


def natively(calls: Mapping[str, Callable[[], Any]]) -> Reader:
    """Return the reader of a table of calls; a call that fails is a problem, not an end."""

    def read(source: Native) -> Raw:
        call = calls.get(source.name)
        if call is None:
            return Raw(None, "absent")
        try:
            return Raw(call())
        except (PermissionError, psutil.AccessDenied):
            return Raw(None, "denied")
        except (OSError, ValueError, AttributeError, RuntimeError, psutil.Error):
            return Raw(None, "failed")

    return read


NATIVES: Mapping[str, Callable[[], Any]] = {"listeners": listeners, "machine": machine}
