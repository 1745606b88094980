"""One audit event as the agent's audit sensor sends it: all its kernel records merged into one flat record.

Kinds and their meaning: linux/audit.h and the audit project's "audit-record" list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from appliance.normalise.common import (
    SEPARATOR,
    Meaning,
    apply_meaning,
    content_id,
    given_id,
    hashed_id,
    set_name,
    stamp,
)
from appliance.normalise.flatten import flatten
from appliance.normalise.model import Event, Raw, Source, Value

MODULE = "linux.audit"
MAX_ARGUMENTS = 12
"""Arguments that also get a key of their own, `audit.a0` …, because Sigma's auditd rules ask for them so."""

KINDS: Mapping[str, Meaning] = MappingProxyType(
    {
        "EXECVE": Meaning("process", "start", "process_created"),
        "USER_AUTH": Meaning("authentication", "start", "authenticated"),
        "USER_LOGIN": Meaning("authentication", "start", "logged_in"),
        "LOGIN": Meaning("session", "start", "session_identity_set"),
        "USER_LOGOUT": Meaning("authentication", "end", "logged_out"),
        "USER_START": Meaning("session", "start", "session_opened"),
        "USER_END": Meaning("session", "end", "session_closed"),
        "USER_CMD": Meaning("process", "start", "sudo_command"),
        "USER_ACCT": Meaning("authentication", "info", "account_checked"),
        "CRED_ACQ": Meaning("authentication", "info", "credentials_acquired"),
        "CRED_REFR": Meaning("authentication", "info", "credentials_refreshed"),
        "CRED_DISP": Meaning("authentication", "info", "credentials_disposed"),
        "USER_CHAUTHTOK": Meaning("iam", ("user", "change"), "password_changed"),
        "USER_MGMT": Meaning("iam", ("user", "change"), "account_changed"),
        "ADD_USER": Meaning("iam", ("user", "creation"), "account_created"),
        "DEL_USER": Meaning("iam", ("user", "deletion"), "account_deleted"),
        "ADD_GROUP": Meaning("iam", ("group", "creation"), "group_created"),
        "DEL_GROUP": Meaning("iam", ("group", "deletion"), "group_deleted"),
        "GRP_MGMT": Meaning("iam", ("group", "change"), "group_changed"),
        "SERVICE_START": Meaning("configuration", "start", "service_started"),
        "SERVICE_STOP": Meaning("configuration", "end", "service_stopped"),
        "CONFIG_CHANGE": Meaning("configuration", "change", "audit_configuration_changed"),
        "DAEMON_START": Meaning("configuration", "start", "audit_started"),
        "DAEMON_END": Meaning("configuration", "end", "audit_stopped"),
        "KERN_MODULE": Meaning("driver", "start", "kernel_module_loaded"),
        "PATH": Meaning("file", "change", "file_changed"),
        "TTY": Meaning("process", "info", "terminal_input"),
        "USER_TTY": Meaning("process", "info", "terminal_input"),
        "SYSTEM_BOOT": Meaning("host", "start", "system_started"),
        "SYSTEM_SHUTDOWN": Meaning("host", "end", "system_stopped"),
        "AVC": Meaning("configuration", "denied", "access_denied"),
        "ANOM_ABEND": Meaning("process", "end", "process_crashed"),
    }
)
"""Kind of the main record to what it means."""

_CALLS: Mapping[str, Meaning] = MappingProxyType(
    {
        **dict.fromkeys(("rename", "renameat", "renameat2"), Meaning("file", "change", "file_renamed")),
        **dict.fromkeys(("unlink", "unlinkat", "rmdir"), Meaning("file", "deletion", "file_deleted")),
        **dict.fromkeys(
            ("link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "mknod", "mknodat"),
            Meaning("file", "creation", "file_created"),
        ),
        **dict.fromkeys(
            ("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "setxattr"),
            Meaning("file", "change", "file_attributes_changed"),
        ),
        **dict.fromkeys(
            ("connect", "bind", "accept", "accept4"), Meaning("network", "connection", "network_connection")
        ),
        "openat2": Meaning("file", "access", "file_opened"),
        **dict.fromkeys(("truncate", "ftruncate", "creat"), Meaning("file", "change", "file_modified")),
        **dict.fromkeys(("init_module", "finit_module"), Meaning("driver", "start", "kernel_module_loaded")),
        "delete_module": Meaning("driver", "end", "kernel_module_unloaded"),
        "ptrace": Meaning("process", "access", "process_controlled"),
        **dict.fromkeys(
            ("process_vm_readv", "process_vm_writev"), Meaning("process", "access", "process_memory_accessed")
        ),
        **dict.fromkeys(
            ("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"),
            Meaning("process", "change", "process_rights_changed"),
        ),
    }
)
_OPENING: Mapping[str, int] = MappingProxyType({"open": 1, "openat": 2})
"""Call that opens a file to the register that holds its flags; openat2 keeps them in memory, out of audit's sight."""
_OPENED = Meaning("file", "access", "file_opened")
_CREATED = Meaning("file", "creation", "file_created")
_MODIFIED = Meaning("file", "change", "file_modified")
_HEX = re.compile(r"[0-9a-f]{1,16}")
_WRITING = 0o1003
"""O_WRONLY, O_RDWR and O_TRUNC of open(2)."""
_OLDER_NAMES: Mapping[str, str] = MappingProxyType({"mknodat": "mknod", "openat2": "openat"})
"""Call to the older one that does the same, which rules name: the C library and some processors know only the newer."""
_IN_PROGRESS = -115
"""EINPROGRESS: a connection whose outcome is not known yet."""
_OTHER_CALL = Meaning("process", "info", "system_call")


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one audit record."""
    event = flatten(record)
    event["event.module"] = MODULE
    kind = event.get("audit.type")
    kind = kind if isinstance(kind, str) else ""
    _set_keys(event)
    apply_meaning(event, _meaning(kind, event))
    _set_types(event, kind)
    _set_arguments(event, kind)
    _set_outcome(event)
    set_name(event, "process.executable", "process.name", "/")
    set_name(event, "process.parent.executable", "process.parent.name", "/")
    _set_account(event, kind)
    stamp(event, record, source, record.get("@timestamp"))
    event["event.id"] = given_id(record, source) or _identity(event) or content_id(event)
    return event


def _meaning(kind: str, event: Event) -> Meaning | None:
    if kind == "SYSCALL":
        call = str(event.get("audit.syscall"))
        if call in _OPENING:
            return _opened(call, event)
        return _CALLS.get(call, _OTHER_CALL)
    return KINDS.get(kind)


def _opened(call: str, event: Event) -> Meaning:
    """Tell a file that was made or opened for writing from one that was opened to be read."""
    roles = event.get("audit.nametype", ())
    if "CREATE" in (roles if isinstance(roles, tuple) else (roles,)):
        return _CREATED
    flags = event.get(f"audit.syscall.a{_OPENING[call]}")
    if isinstance(flags, str) and _HEX.fullmatch(flags) and int(flags, 16) & _WRITING:
        return _MODIFIED
    return _OPENED


def _set_keys(event: Event) -> None:
    """Part the keys of a rule that has several; each is a value of its own."""
    keys = event.get("audit.key")
    if isinstance(keys, str) and "," in keys:
        event["audit.key"] = tuple(keys.split(","))


def _set_types(event: Event, kind: str) -> None:
    """Name every kind of kernel record that the merged event stands for; Sigma's `type` may ask for any of them."""
    kinds = [kind] if kind else []
    for key, implied in (
        ("audit.syscall", "SYSCALL"),
        ("file.path", "PATH"),
        ("process.working_directory", "CWD"),
        ("destination.ip", "SOCKADDR"),
    ):
        if key in event and implied not in kinds:
            kinds.append(implied)
    if kinds:
        event["audit.types"] = tuple(kinds)
    call = event.get("audit.syscall")
    if isinstance(call, str):
        event["audit.calls"] = (call, _OLDER_NAMES[call]) if call in _OLDER_NAMES else call
    if call == "connect":
        event["network.direction"], event["network.initiated"] = "egress", "true"


def _set_arguments(event: Event, kind: str) -> None:
    registers = [event.pop(f"audit.syscall.a{index}", None) for index in range(4)]
    args = event.get("process.args")
    values: list[Value | None] = registers
    if kind == "EXECVE":
        values = list(args) if isinstance(args, tuple) else [args]
    for index, value in enumerate(values[:MAX_ARGUMENTS]):
        if value is not None:
            event.setdefault(f"audit.a{index}", value)
    if "process.command_line" not in event and isinstance(args, tuple):
        event["process.command_line"] = " ".join(map(str, args))


def _set_outcome(event: Event) -> None:
    success = event.get("audit.success", event.get("audit.res"))
    if event.get("audit.syscall") == "connect" and event.get("audit.exit") == _IN_PROGRESS:
        event["event.outcome"] = "unknown"
    elif success in (True, "yes", "success", "1", 1):
        event["event.outcome"] = "success"
    elif success in (False, "no", "failed", "0", 0):
        event["event.outcome"] = "failure"


def _set_account(event: Event, kind: str) -> None:
    """Take the account that a user-space record speaks of as the user of an authentication."""
    account = event.get("audit.acct")
    if not isinstance(account, str) or not account:
        return
    if kind in ("USER_AUTH", "USER_LOGIN", "USER_LOGOUT", "USER_ACCT", "USER_START", "USER_END"):
        event["user.name"] = account
        event.pop("user.id", None)
    else:
        event["user.target.name"] = account


def _identity(event: Event) -> str | None:
    serial = event.get("audit.serial")
    if serial is None:
        return None
    return hashed_id(f"{event['host.name']}{SEPARATOR}{MODULE}{SEPARATOR}{event['@timestamp']}{SEPARATOR}{serial}")
