"""A sensor that is nobody but for the right to open raw sockets; a module of its own, since its process loads it."""

from __future__ import annotations

import codecs
import ctypes
import os
import select
import struct
from multiprocessing.connection import Connection
from pathlib import Path

from collector.settings import settings
from collector.watching.alone import Alone

NOBODY = 65534
NET_RAW = 1 << 13
_KEEP, _VERSION = 8, 0x20080522


def watch(card: str, to: Connection) -> None:
    """Become nobody who may open raw sockets, and tell what passes."""
    codecs.lookup("ascii")  # nobody may not read this interpreter's own modules, where it is root's
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_KEEP, 1, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    assert libc.capset(struct.pack("<Ii", _VERSION, 0), struct.pack("<6I", NET_RAW, NET_RAW, 0, 0, 0, 0)) == 0
    watching = Alone([card], settings((), ()))
    watching.open()
    to.send("open")
    while watching.totals().frames < 1:
        assert select.select([watching], [], [], 10)[0]
        watching.read()
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    to.send(([entry.log.path for entry in watching.finish()], status["CapEff"], status["Uid"].split()))
    watching.close()
