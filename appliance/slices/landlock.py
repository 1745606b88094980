"""Files that a process may open from now on, by the kernel's Landlock (landlock(7), Linux 5.13 and later)."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from struct import pack

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Numbers of the system calls, the same on all machines."""
_ASK_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Rights over files that each version of the interface can take away; all of them are taken."""
_SCOPES = (6, 3)
"""The version that can also forbid signals and abstract sockets to the outside, and how that is asked for."""
_FILE = _EXECUTE | _WRITE | _READ
_DEVICE = Path("/dev/null")


def version() -> int:
    """Return the interface's version, 0 where the kernel has none."""
    return max(0, _call(_CREATE, None, 0, _ASK_VERSION))


def restrict(readable: Iterable[Path]) -> bool:
    """Let this process and all that it starts open nothing but what lies here, to read and execute; for good.

    What is open stays open. The process must have given up gaining rights (PR_SET_NO_NEW_PRIVS). False where the
    kernel cannot do it.
    """
    known = version()
    if not known:
        return False
    handled = sum(rights for since, rights in _RIGHTS if known >= since)
    scopes = _SCOPES[1] if known >= _SCOPES[0] else 0
    # Fields that an older kernel does not know may be there as long as they are 0: files, network, scopes.
    wanted = pack("<QQQ", handled, 0, scopes)
    rules = _call(_CREATE, wanted, len(wanted), 0)
    if rules < 0:
        return False
    try:
        allowed = [_allow(rules, path, _EXECUTE | _READ | _READ_DIR) for path in readable]
        allowed.append(_allow(rules, _DEVICE, _READ | _WRITE))
        return all(allowed) and _call(_RESTRICT, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> bool:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there, or not for this user, need not be allowed
        return True
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _FILE
        return _call(_ADD, rules, _BENEATH, pack("<Qi", rights, place), 0) == 0
    finally:
        os.close(place)


def _call(number: int, *arguments: int | bytes | None) -> int:
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    done: int = call(ctypes.c_long(number), *map(_argument, arguments))
    return done


def _argument(value: int | bytes | None) -> ctypes.c_long | ctypes.c_char_p:
    return ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value)
