"""What is taken out of a record whose category is on, while names of hosts or commands are off. Pure.

A record of Windows is flat, or a whole event as XML; both hold the same data under the same names.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.wire.event import Record, Value

HIDDEN = "-"
"""What stands in the place of what is off."""
_COMMANDS = frozenset(
    {"process.args", "process.command_line", "process.parent.args", "process.parent.command_line", "process.title",
     "audit.cmd", "audit.proctitle", "CommandLine", "ParentCommandLine", "ProcessCommandLine"}
)  # fmt: skip
"""Fields that hold nothing but a command."""
_PROGRAMS = frozenset({"ImagePath", "ServiceFileName"})
"""Data with a program and its arguments (7045, 4697)."""
_TASKS = frozenset({"TaskContent", "TaskContentNew"})
"""Data with a task of Windows as XML (4698, 4702)."""
_HOSTS = frozenset({"Data", "ContextInfo"})
"""Data that tell by which command PowerShell was started, among other things (400, 403, 600, 800, 4103)."""
_NAMES = frozenset({"DestinationHostname"})
"""Data with the name of a host that a program connects to (Sysmon 3)."""
_ORIGINS = frozenset({"Contents"})
"""Data with the address from which a file came, in the mark that browsers leave (Sysmon 15)."""
_VALUE = re.compile(r"(<Data(?:\s+Name=[\"']([^\"'<>]{0,100})[\"'])?\s*>)([^<]+)(?=</Data>)")
_TASK = re.compile(r"(<(Command|Arguments)>)([^<]*)")
_TASK_IN_XML = re.compile(r"(&lt;(Command|Arguments)&gt;)((?:(?!&lt;).)*)", re.DOTALL)
_LINE_END = r"[\r\n]|&#(?:x[dDaA]|1[03]);"
_HOST = re.compile(rf"((?:Host ?Application|CommandLine)\s{{0,4}}=[ \t]{{0,4}})((?:(?!{_LINE_END}).)+)")
_ORIGIN = re.compile(r"((?:ReferrerUrl|HostUrl)=)[^\s<]+")
_QUOTED = re.compile(r"\s*(\"[^\"]*\"|&quot;.*?&quot;)")
_BARE = re.compile(r"\s*(?:[^\"]*?\.(?:exe|com|bat|cmd|sys|dll|ps1|vbs|js)(?=\s|\Z)|\S+)", re.IGNORECASE)
_CRON = frozenset({"cron", "crond", "anacron", "atd"})
_RUN = re.compile(r"(\bCMD[A-Z]{0,3} )\(.*", re.DOTALL)


def without_commands(record: Record) -> Record:
    """Return a record without the commands and arguments that it tells; programs stay."""
    kept = _mapped({name: value for name, value in record.items() if name not in _COMMANDS}, _command)
    message = kept.get("message")
    if not isinstance(message, str):
        return kept
    if "COMMAND=" in message:
        kept["message"] = f"{message.partition('COMMAND=')[0]}COMMAND={HIDDEN}"
    elif str(record.get("log.syslog.appname", "")).lower() in _CRON:
        kept["message"] = _RUN.sub(rf"\1({HIDDEN})", message)
    return kept


def without_hosts(record: Record) -> Record:
    """Return a record without names of hosts that programs connect to."""
    return _mapped(record, _host)


def _mapped(record: Record, change: Callable[[str, str], str]) -> Record:
    kept: dict[str, Value] = {}
    for name, value in record.items():
        if name == "xml" and isinstance(value, str):
            kept[name] = _VALUE.sub(lambda found: found[1] + change(found[2] or "Data", found[3]), value)
        elif isinstance(value, str):
            kept[name] = change(name, value)
        elif isinstance(value, (list, tuple)) and name in _HOSTS:
            kept[name] = [change(name, one) if isinstance(one, str) else one for one in value]
        else:
            kept[name] = value
    return kept


def _command(name: str, value: str) -> str:
    """Return a value without its commands."""
    if name in _COMMANDS:
        return HIDDEN
    if name in _PROGRAMS:
        return _program(value)
    if name in _TASKS:
        return (_TASK if "<" in value else _TASK_IN_XML).sub(_task, value)
    return _HOST.sub(rf"\1{HIDDEN}", value) if name in _HOSTS else value


def _host(name: str, value: str) -> str:
    """Return a value without names of hosts."""
    if name in _NAMES:
        return HIDDEN
    return _ORIGIN.sub(rf"\1{HIDDEN}", value) if name in _ORIGINS else value


def _task(found: re.Match[str]) -> str:
    return found[1] + (HIDDEN if found[2] == "Arguments" else _program(found[3]))


def _program(text: str) -> str:
    """Return the program of a command, with a sign for the arguments that it had."""
    found = _QUOTED.match(text) or _BARE.match(text)
    program = found[0] if found is not None else ""
    return f"{program} {HIDDEN}" if text[len(program) :].strip() else program
