"""Numbers of the system calls that audit rules watch or that Sigma rules speak of.

Source: the kernel's system call tables, as `ausyscall` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping

ARCHES: Mapping[str, str] = {"c000003e": "x86_64", "40000003": "i386", "c00000b7": "aarch64", "40000028": "arm"}
"""Architecture as audit writes it, hexadecimal, to its name; the order of the numbers in `CALLS`."""

CALLS: Mapping[str, tuple[int | None, int | None, int | None, int | None]] = {
    "accept": (43, None, 202, 285),
    "accept4": (288, 364, 242, 366),
    "bind": (49, 361, 200, 282),
    "bpf": (321, 357, 280, 386),
    "chmod": (90, 15, None, 15),
    "chown": (92, 182, None, 182),
    "chown32": (None, 212, None, 212),
    "chroot": (161, 61, 51, 61),
    "clock_settime": (227, 264, 112, 262),
    "clone": (56, 120, 220, 120),
    "clone3": (435, 435, 435, 435),
    "connect": (42, 362, 203, 283),
    "creat": (85, 8, None, 8),
    "delete_module": (176, 129, 106, 129),
    "execve": (59, 11, 221, 11),
    "execveat": (322, 358, 281, 387),
    "fchmod": (91, 94, 52, 94),
    "fchmodat": (268, 306, 53, 333),
    "fchmodat2": (452, 452, 452, 452),
    "fchown": (93, 95, 55, 95),
    "fchown32": (None, 207, None, 207),
    "fchownat": (260, 298, 54, 325),
    "finit_module": (313, 350, 273, 379),
    "fork": (57, 2, None, 2),
    "fremovexattr": (199, 237, 16, 237),
    "fsetxattr": (190, 228, 7, 228),
    "ftruncate": (77, 93, 46, 93),
    "ftruncate64": (None, 194, None, 194),
    "init_module": (175, 128, 105, 128),
    "io_uring_setup": (425, 425, 425, 425),
    "kexec_file_load": (320, None, 294, 401),
    "kexec_load": (246, None, 104, 347),
    "kill": (62, 37, 129, 37),
    "lchown": (94, 16, None, 16),
    "lchown32": (None, 198, None, 198),
    "link": (86, 9, None, 9),
    "linkat": (265, 303, 37, 330),
    "lremovexattr": (198, 236, 15, 236),
    "lsetxattr": (189, 227, 6, 227),
    "memfd_create": (319, 356, 279, 385),
    "mkdir": (83, 39, None, 39),
    "mkdirat": (258, 296, 34, 323),
    "mknod": (133, 14, None, 14),
    "mknodat": (259, 297, 33, 324),
    "mount": (165, 21, 40, 21),
    "open": (2, 5, None, 5),
    "openat": (257, 295, 56, 322),
    "openat2": (437, 437, 437, 437),
    "personality": (135, 136, 92, 136),
    "pivot_root": (155, 217, 41, 218),
    "process_vm_readv": (310, 347, 270, 376),
    "process_vm_writev": (311, 348, 271, 377),
    "ptrace": (101, 26, 117, 26),
    "removexattr": (197, 235, 14, 235),
    "rename": (82, 38, None, 38),
    "renameat": (264, 302, 38, 329),
    "renameat2": (316, 353, 276, 382),
    "rmdir": (84, 40, None, 40),
    "setgid": (106, 46, 144, 46),
    "setgid32": (None, 214, None, 214),
    "sethostname": (170, 74, 161, 74),
    "setns": (308, 346, 268, 375),
    "setregid": (114, 71, 143, 71),
    "setregid32": (None, 204, None, 204),
    "setresgid": (119, 170, 149, 170),
    "setresgid32": (None, 210, None, 210),
    "setresuid": (117, 164, 147, 164),
    "setresuid32": (None, 208, None, 208),
    "setreuid": (113, 70, 145, 70),
    "setreuid32": (None, 203, None, 203),
    "setuid": (105, 23, 146, 23),
    "setuid32": (None, 213, None, 213),
    "setxattr": (188, 226, 5, 226),
    "socket": (41, 359, 198, 281),
    "symlink": (88, 83, None, 83),
    "symlinkat": (266, 304, 36, 331),
    "sysinfo": (99, 116, 179, 116),
    "syslog": (103, 103, 116, 103),
    "truncate": (76, 92, 45, 92),
    "truncate64": (None, 193, None, 193),
    "umount2": (166, 52, 39, 52),
    "unlink": (87, 10, None, 10),
    "unlinkat": (263, 301, 35, 328),
    "unshare": (272, 310, 97, 337),
    "userfaultfd": (323, 374, 282, 388),
    "vfork": (58, 190, None, 190),
}
"""Call to its number on x86_64, i386, aarch64 and arm; None where the architecture has none of this name."""

_NAMES: Mapping[str, Mapping[int, str]] = {
    arch: {number: name for name, numbers in CALLS.items() if (number := numbers[place]) is not None}
    for place, arch in enumerate(ARCHES.values())
}


def syscall_name(arch: str, number: str) -> str:
    """Return the name of a system call, or the number as it stands when it is not in the table."""
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        return number[:32]
    return _NAMES.get(arch, {}).get(int(number), number)


def numbers(arch: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of calls on an architecture (by name), without those that it has not."""
    place = tuple(ARCHES.values()).index(arch)
    return tuple(number for name in names if (number := CALLS[name][place]) is not None)
