"""What the agent asks the kernel's audit to report, as data, and the kernel's form of it.

Source: linux/audit.h (struct audit_rule_data), auditctl(8). Each line of the tables says why it is there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Union

from agent.sensors.auditcalls import ARCHES, numbers

KEY, CALL_KEY, NET_KEY, FILE_KEY = "czujka", "czujka_calls", "czujka_net", "czujka_files"
KEYS = frozenset({KEY, CALL_KEY, NET_KEY, FILE_KEY})
"""Keys of the agent's rules: program starts, rare calls, connections, files. A rule may carry more behind its first."""
SEPARATOR = "\x01"
"""Stands between the keys of one rule."""
_HEAD = 1040
"""Bytes of struct audit_rule_data before its strings; the last four give their length."""
_EXIT_LIST, _ALWAYS = 4, 2
_EQUAL, _AT_LEAST, _AT_MOST, _UNEQUAL, _ANY_BIT = 0x40000000, 0x60000000, 0x50000000, 0x30000000, 0x08000000
_AUID, _ARCH, _SUCCESS, _WATCH, _PERM, _DIR, _FAMILY, _KEY = 9, 11, 104, 105, 106, 107, 113, 210
_A0, _A1, _A2 = 200, 201, 202
_STRINGS = frozenset({_WATCH, _DIR, _KEY})
_WRITE_OR_ATTRIBUTES = 2 | 8
_UNSET = 0xFFFFFFFF
_FIRST_PERSON = 1000
_FAMILY_SINCE = (5, 3)
"""Kernel that first can look at a socket address's family; before, its length has to do."""
_MACHINES: Mapping[str, tuple[str, str]] = {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64", "arm")}

Field = tuple[int, int, Union[int, str]]
"""A condition of a rule: field, operator, value."""


class Calls(NamedTuple):
    """System calls, the conditions on them, and the rule's key."""

    names: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    key: str = CALL_KEY
    both: bool = False
    """Whether 32-bit programs are watched too. Each rule costs every call of every program."""


_BY_PERSON: tuple[Field, ...] = ((_AUID, _AT_LEAST, _FIRST_PERSON), (_AUID, _UNEQUAL, _UNSET))
_TO_ROOT = ("setuid", "setreuid", "setresuid", "setgid", "setregid", "setresgid")

CALLS: tuple[Calls, ...] = (
    # Every program that starts: what nearly all rules decide on.
    Calls(("execve", "execveat"), ((_SUCCESS, _EQUAL, 1),), KEY, both=True),
    # Modules have all power; files in memory leave no trace; reading another's memory is how passwords are taken.
    Calls(
        ("init_module", "finit_module", "delete_module", "memfd_create", "process_vm_readv", "process_vm_writev"),
        both=True,
    ),
    # Taking control of another process: PTRACE_ATTACH and PTRACE_SEIZE. Other requests come in thousands after them.
    Calls(("ptrace",), ((_A0, _EQUAL, 16),), both=True),
    Calls(("ptrace",), ((_A0, _EQUAL, 0x4206),), both=True),
    # Addresses of a program no longer random (ADDR_NO_RANDOMIZE), so that a known hole works each time.
    Calls(("personality",), ((_A0, _EQUAL, 0x40000),)),
    # Device files made by hand reach a disk past its rights: the bit that S_IFCHR and S_IFBLK share.
    Calls(("mknod",), ((_A1, _ANY_BIT, 0x2000),)),
    Calls(("mknodat",), ((_A2, _ANY_BIT, 0x2000),)),
    # The kernel's messages emptied or switched off (actions 4 to 6).
    Calls(("syslog",), ((_A0, _AT_LEAST, 4), (_A0, _AT_MOST, 6))),
    # Sockets of the kernel's cryptography (AF_ALG, 38), a known way to more rights.
    Calls(("socket",), ((_A0, _EQUAL, 38),)),
    # A person's process that takes root's numbers.
    Calls(_TO_ROOT, ((_A0, _EQUAL, 0), (_SUCCESS, _EQUAL, 1), *_BY_PERSON)),
)  # fmt: skip

CONNECTIONS: tuple[tuple[int, int, str], ...] = ((2, 16, "network_connect_4"), (10, 28, "network_connect_6"))
"""Address family, length of its address, and the key that SigmaHQ's rules know such a rule by (Neo23x0/auditd)."""

FILE_CALLS = (
    "open", "openat", "openat2", "creat", "truncate", "truncate64", "ftruncate", "ftruncate64", "rename", "renameat",
    "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod",
    "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "chown32", "fchown", "fchown32", "lchown",
    "lchown32", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip
"""Calls that change a file. A rule is looked at for these only, so that folders cost the other calls nothing."""

FILES: Mapping[str, str] = {
    "/etc/passwd": "accounts",
    "/etc/shadow": "passwords of accounts",
    "/etc/group": "who belongs to the administrators",
    "/etc/gshadow": "passwords of groups",
    "/etc/sudoers": "who may become root",
    "/etc/doas.conf": "who may become root",
    "/etc/ld.so.preload": "a library loaded into every program",
    "/etc/crontab": "commands at fixed times",
    "/etc/profile": "commands at every sign-in",
    "/etc/bash.bashrc": "commands at every start of a shell",
    "/etc/rc.local": "commands at every start",
    "/etc/hosts": "names led to other computers",
    "/etc/nsswitch.conf": "where names and accounts are looked up",
    "/etc/login.defs": "rules of passwords",
    "/etc/sysctl.conf": "protections of the kernel",
    "/etc/rsyslog.conf": "where logs go",
    "/etc/libaudit.conf": "what is audited",
    "/proc/sysrq-trigger": "restarts or stops the computer past everything",
    "/proc/sys/kernel/sysrq": "allows that",
}
"""Watched file to what it decides."""

TREES = ("/etc", "/root/.ssh", "/var/spool/cron")
"""Folders that the kernel reports on with all below them: a rule for each watched folder would cost every call more."""

FOLDERS: Mapping[str, str] = {
    "/etc/sudoers.d": "who may become root",
    "/etc/ssh": "how this computer is reached from afar",
    "/root/.ssh": "keys that sign in as root",
    "/etc/pam.d": "how passwords are checked",
    "/etc/security": "how passwords are checked",
    "/etc/cron.d": "commands at fixed times",
    "/etc/cron.hourly": "commands at fixed times",
    "/etc/cron.daily": "commands at fixed times",
    "/etc/cron.weekly": "commands at fixed times",
    "/etc/cron.monthly": "commands at fixed times",
    "/var/spool/cron": "commands at fixed times",
    "/etc/systemd": "services that start by themselves",
    "/etc/profile.d": "commands at every sign-in",
    "/etc/init.d": "services that start by themselves",
    "/etc/ld.so.conf.d": "where libraries are looked for",
    "/etc/modprobe.d": "modules of the kernel",
    "/etc/modules-load.d": "modules of the kernel",
    "/etc/sysctl.d": "protections of the kernel",
    "/etc/rsyslog.d": "where logs go",
    "/etc/audit": "what is audited",
    "/etc/apt/sources.list.d": "where software comes from",
    "/etc/udev/rules.d": "commands at the plugging in of a device",
}
"""Watched folder, with all below it, to what it decides."""


def rules(machine: str = os.uname().machine, release: str = os.uname().release, root: Path = Path("/")) -> list[bytes]:
    """Return every rule for this machine in the kernel's form; [] for an unknown one. Program starts come first.

    A file or folder that is not there has no rule.
    """
    arches = _MACHINES.get(machine)
    if arches is None:
        return []
    calls = [rule for one in (*CALLS, *_connections(release)) for rule in _call_rules(one, arches)]
    there = [path for path in TREES if _is_folder(root / path.lstrip("/"))]
    outside = [path for path in FILES if not _in_tree(path) and (root / path.lstrip("/")).exists()]
    return [
        *calls,
        *(_watch(_DIR, path, arches) for path in there),
        *(_watch(_WATCH, path, arches) for path in outside),
    ]


def watched(path: str) -> bool:
    """Say whether a path that the kernel reported as below one of `TREES` is watched, or may be by another name."""
    if ".." in path.split("/") or not _in_tree(path):
        return True
    return path in FILES or any(path == folder or path.startswith(f"{folder}/") for folder in FOLDERS)


def _in_tree(path: str) -> bool:
    return any(path == tree or path.startswith(f"{tree}/") for tree in TREES)


def required(machine: str = os.uname().machine) -> int:
    """Return how many of the first rules the agent cannot do without: those of program starts."""
    return len(_MACHINES.get(machine, ()))


def _connections(release: str) -> Iterator[Calls]:
    """Yield connections of the two Internet families, made or refused."""
    known = tuple(int(part) for part in release.split("-", maxsplit=1)[0].split(".")[:2] if part.isdigit())
    for family, length, key in CONNECTIONS:
        field = (_FAMILY, _EQUAL, family) if known >= _FAMILY_SINCE else (_A2, _EQUAL, length)
        yield Calls(("connect",), (field,), SEPARATOR.join((NET_KEY, key)), both=True)


def _call_rules(one: Calls, arches: tuple[str, ...]) -> Iterator[bytes]:
    codes = {name: int(code, 16) for code, name in ARCHES.items()}
    for arch in arches if one.both else arches[:1]:
        known = numbers(arch, one.names)
        if known:
            yield pack(known, ((_ARCH, _EQUAL, codes[arch]), *one.fields, (_KEY, _EQUAL, one.key)))


def _watch(field: int, path: str, arches: tuple[str, ...]) -> bytes:
    """Return the rule of a file or folder, for both word sizes at once: the kernel itself tells what writes."""
    known = tuple({number for arch in arches for number in numbers(arch, FILE_CALLS)})
    return pack(known, ((_PERM, _EQUAL, _WRITE_OR_ATTRIBUTES), (field, _EQUAL, path), (_KEY, _EQUAL, FILE_KEY)))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def pack(calls: tuple[int, ...], fields: tuple[Field, ...]) -> bytes:
    """Return `-a always,exit` with these calls and conditions as a struct audit_rule_data."""
    mask = [0] * 64
    for call in calls:
        mask[call // 32] |= 1 << (call % 32)
    strings = [os.fsencode(value) for _, _, value in fields if isinstance(value, str)]
    values = [len(os.fsencode(value)) if isinstance(value, str) else value for _, _, value in fields]
    pad = [0] * (64 - len(fields))
    words = [
        _EXIT_LIST, _ALWAYS, len(fields), *mask,
        *(kind for kind, _, _ in fields), *pad, *values, *pad, *(operator for _, operator, _ in fields), *pad,
        sum(map(len, strings)),
    ]  # fmt: skip
    return struct.pack(f"={len(words)}I", *words) + b"".join(strings)


def trimmed(rule: bytes) -> bytes:
    """Return a rule as the kernel lists it without netlink's padding."""
    if len(rule) < _HEAD:
        return rule
    return rule[: _HEAD + struct.unpack_from("=I", rule, _HEAD - 4)[0]]


def is_ours(rule: bytes) -> bool:
    """Say whether a rule of the kernel carries a key of ours."""
    if len(rule) < _HEAD:
        return False
    words = struct.unpack_from(f"={_HEAD // 4}I", rule)
    count = min(words[2], 64)
    place = _HEAD
    for kind, length in zip(words[67 : 67 + count], words[131 : 131 + count]):
        if kind == _KEY:
            return rule[place : place + length].decode(errors="replace").split(SEPARATOR)[0] in KEYS
        place += length if kind in _STRINGS else 0
    return False
