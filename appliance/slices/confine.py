"""Takes from this process what reading a stranger's packets does not need: network, rights, files, time, memory.

tshark's dissectors are thousands of parsers in C; what they are fed may have been made to break them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

from appliance.slices.landlock import restrict

NOBODY = 65534
NO_SANDBOX, OPEN_FILES, RIGHTS_ALONE = 3, 4, 5
"""Exit codes of a process that could not be confined: there would be a network, there would be its user's files; and of
one that may open what every user of the system may.
"""
CPU_SECONDS = 20
MEMORY = 2 << 30
"""Bytes of address space of each process; tshark maps about 500 MiB before it reads anything."""
OUTPUT = 1 << 20
"""Bytes of a file that it may write; its output is one."""
DESCRIPTORS = 64
PROGRAMS = (
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/wireshark", "/etc/localtime",
    "/etc/ssl/openssl.cnf", "/etc/gnutls", "/etc/nsswitch.conf", "/etc/protocols", "/etc/services", "/dev/urandom",
)  # fmt: skip
"""What tshark and Python load and read while they run."""
_PACKAGE = Path(__file__).parent.parent
_NEW_USER, _NEW_NET, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_NO_NEW_PRIVILEGES = 38


class NotConfined(OSError):
    """The system does not take from a process what it must not have; nothing may be read then. `code` says what."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def confine(files: Iterable[Path] = ()) -> bool:
    """Confine this process and all that it starts, for good: of files it may read these. Raises NotConfined.

    Without Landlock files are kept away by rights alone, which takes root: the process goes on as nobody, and may open
    what every user may. Returns whether Landlock is there.
    """
    root = os.geteuid() == 0
    alone = _unshared(_NEW_NET | _NEW_IPC)
    if ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise NotConfined(NO_SANDBOX, "the process could gain rights")
    programs = (*map(Path, PROGRAMS), Path(sys.prefix), Path(sys.base_prefix), _PACKAGE)
    restricted = restrict((*programs, *files))
    if not restricted and not root:
        raise NotConfined(OPEN_FILES, "nothing keeps this user's files away")
    if root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # Without root's rights it takes a user namespace, which some systems do not allow.
    if not alone and not _unshared(_NEW_USER | _NEW_NET | _NEW_IPC):
        raise NotConfined(NO_SANDBOX, "no namespace without a network")
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    return restricted


def main() -> int:
    """Confine this process as one that reads packets; return what became of it as an exit code."""
    try:
        return 0 if confine() else RIGHTS_ALONE
    except NotConfined as error:
        return error.code


def _unshared(flags: int) -> bool:
    done: int = ctypes.CDLL(None).unshare(flags)
    return done == 0


if __name__ == "__main__":
    sys.exit(main())
