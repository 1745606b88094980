"""Takes from this process what reading a stranger's packets does not need: network, rights, files, time, memory.

tshark's dissectors are thousands of parsers in C; what they are fed may have been made to break them.
"""

from __future__ import annotations

import ctypes
import os
import resource

NOBODY = 65534
NOT_CONFINED = 3
"""Exit code of a process that could not be confined."""
CPU_SECONDS = 20
MEMORY = 2 << 30
"""Bytes of address space of each process; tshark maps about 500 MiB before it reads anything."""
OUTPUT = 1 << 20
"""Bytes of a file that it may write; its output is one."""
OPEN_FILES = 64
_NEW_USER, _NEW_NET, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_NO_NEW_PRIVILEGES = 38


class NotConfined(OSError):
    """The system does not give a process without a network; nothing may be read then."""


def confine() -> None:
    """Confine this process and all that it starts, for good. Raises NotConfined."""
    alone = _unshared(_NEW_NET | _NEW_IPC)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # Without root's rights it takes a user namespace, which some systems do not allow.
    if not alone and not _unshared(_NEW_USER | _NEW_NET | _NEW_IPC):
        raise NotConfined("no namespace without a network")
    if ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise NotConfined("the process could gain rights")
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _unshared(flags: int) -> bool:
    done: int = ctypes.CDLL(None).unshare(flags)
    return done == 0
