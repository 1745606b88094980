"""From the field name that a Sigma rule uses to the event key that holds its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from appliance.normalise.schema import Group, windows

NATIVE = "winlog.event_data."

_PROCESS: Mapping[str, str] = MappingProxyType(
    {
        "Image": "process.executable",
        "CommandLine": "process.command_line",
        "ParentImage": "process.parent.executable",
        "ParentCommandLine": "process.parent.command_line",
        "CurrentDirectory": "process.working_directory",
        "User": "user.name",
        "ProcessId": "process.pid",
        "ParentProcessId": "process.parent.pid",
        "TargetFilename": "file.path",
        "DestinationIp": "destination.ip",
        "DestinationHostname": "destination.domain",
        "DestinationPort": "destination.port",
        "SourceIp": "source.ip",
        "SourcePort": "source.port",
        "Initiated": "network.initiated",
        "Computer": "host.name",
    }
)
"""Sigma's generic names for processes, files and connections, outside Windows."""

_AUDIT: Mapping[str, str] = MappingProxyType(
    {
        **_PROCESS,
        "LogonId": "audit.auid",
        "type": "audit.types",
        "SYSCALL": "audit.syscall",
        "exe": "process.executable",
        "comm": "process.name",
        "cwd": "process.working_directory",
        "name": "file.path",
        "pid": "process.pid",
        "ppid": "process.parent.pid",
        "uid": "user.id",
        "euid": "user.effective.id",
        "gid": "group.id",
        "addr": "source.address",
    }
)
_SYSLOG: Mapping[str, str] = MappingProxyType(
    {**_PROCESS, "USER": "user.target.name", "COMMAND": "process.command_line"}
)


def native_key(name: str) -> str:
    """Return the event key of a Windows field that the table does not rename."""
    return NATIVE + name.replace(" ", "")


def sigma_key(module: str, channel: str | None, code: int | None, category: str | None) -> Callable[[str], str]:
    """Return the resolver from Sigma field names to event keys for one class of events.

    A dotted name is an event key already and resolves to itself. Windows names that no table knows are native ones;
    linux.audit's are `audit.<name>`; elsewhere a name stands for itself.
    """
    if module == "windows.eventlog":
        return _windows_key(channel, code)
    # Other modules have one vocabulary for all their categories.
    del category
    if module == "linux.audit":
        return _from(_AUDIT, "audit.")
    return _from(_SYSLOG if module == "linux.syslog" else _PROCESS, "")


def _from(known: Mapping[str, str], prefix: str) -> Callable[[str], str]:
    def resolve(name: str) -> str:
        return name if "." in name else known.get(name) or prefix + name

    return resolve


def _windows_key(channel: str | None, code: int | None) -> Callable[[str], str]:
    table = windows()
    known = dict(table.system)
    known.update({alias: table.system[name] for alias, name in table.system_aliases.items()})
    group = table.group(channel, code)
    if group:
        known.update(group_keys(group))

    def resolve(name: str) -> str:
        if "." in name:
            return name
        return known.get(name) or native_key(name)

    return resolve


def group_keys(group: Group) -> dict[str, str]:
    """Return Sigma name -> event key for one group: its renames, and its aliases in front of them."""
    renames = {**group.fields, **group.integers, **group.addresses, **group.guids}
    keys = dict(renames)
    for alias, native in group.aliases.items():
        keys[alias] = renames.get(native) or native_key(native)
    return keys
