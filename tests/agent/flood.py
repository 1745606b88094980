"""A tiny static program (x86_64) that starts itself over and over: some thousand program starts a second."""

from __future__ import annotations

import struct
from pathlib import Path

_LOAD, _HEADERS = 0x400000, 64 + 56
_BEFORE = bytes.fromhex(
    "833c2401" "7544"  # _start: cmpl $1, (%rsp); jne quit: one that has an argument ends at once
    "4c8b642408" "4883ec20" "4c892424" "4c89642408" "48c744241000000000"  # %r12 = argv[0]; argv = {%r12, %r12, NULL}
    "bb"  # mov $COUNT, %ebx
)  # fmt: skip
_AFTER = bytes.fromhex(
    "b83a000000" "0f05" "85c0" "7422"  # loop: vfork(); jz child
    "b83d000000" "48c7c7ffffffff" "31f6" "31d2" "4531d2" "0f05"  # wait4(-1, 0, 0, 0)
    "ffcb" "75dc"  # dec %ebx; jnz loop
    "b83c000000" "31ff" "0f05"  # quit: exit(0)
    "b83b000000" "4c89e7" "4889e6" "31d2" "0f05" "ebe6"  # child: execve(%r12, argv, NULL); jmp quit
)  # fmt: skip


def make(path: Path, count: int) -> Path:
    """Write the program that starts itself `count` times, and does nothing when it has an argument."""
    code = _BEFORE + struct.pack("<I", count) + _AFTER
    size = _HEADERS + len(code)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, _LOAD + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOAD, _LOAD, size, size, 4096)
    path.write_bytes(head + segment + code)
    path.chmod(0o755)
    return path
