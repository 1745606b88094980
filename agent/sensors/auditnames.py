"""Names of audit record kinds, architectures and the system calls that rules speak of.

Source: linux/audit.h, libaudit's audit-records.h and the kernel's system call tables.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPES: Mapping[int, str] = {
    1006: "LOGIN",
    1100: "USER_AUTH",
    1101: "USER_ACCT",
    1102: "USER_MGMT",
    1103: "CRED_ACQ",
    1104: "CRED_DISP",
    1105: "USER_START",
    1106: "USER_END",
    1107: "USER_AVC",
    1108: "USER_CHAUTHTOK",
    1109: "USER_ERR",
    1110: "CRED_REFR",
    1112: "USER_LOGIN",
    1113: "USER_LOGOUT",
    1114: "ADD_USER",
    1115: "DEL_USER",
    1116: "ADD_GROUP",
    1117: "DEL_GROUP",
    1123: "USER_CMD",
    1124: "USER_TTY",
    1127: "SYSTEM_BOOT",
    1128: "SYSTEM_SHUTDOWN",
    1129: "SYSTEM_RUNLEVEL",
    1130: "SERVICE_START",
    1131: "SERVICE_STOP",
    1132: "GRP_MGMT",
    1133: "GRP_CHAUTHTOK",
    1135: "ACCT_LOCK",
    1136: "ACCT_UNLOCK",
    1137: "USER_DEVICE",
    1200: "DAEMON_START",
    1201: "DAEMON_END",
    1202: "DAEMON_ABORT",
    1203: "DAEMON_CONFIG",
    1300: "SYSCALL",
    1302: "PATH",
    1303: "IPC",
    1304: "SOCKETCALL",
    1305: "CONFIG_CHANGE",
    1306: "SOCKADDR",
    1307: "CWD",
    1309: "EXECVE",
    1314: "KERNEL_OTHER",
    1319: "TTY",
    1320: "EOE",
    1321: "BPRM_FCAPS",
    1322: "CAPSET",
    1323: "MMAP",
    1324: "NETFILTER_PKT",
    1325: "NETFILTER_CFG",
    1326: "SECCOMP",
    1327: "PROCTITLE",
    1328: "FEATURE_CHANGE",
    1330: "KERN_MODULE",
    1331: "FANOTIFY",
    1334: "BPF",
    1400: "AVC",
    1700: "ANOM_PROMISCUOUS",
    1701: "ANOM_ABEND",
    1702: "ANOM_LINK",
    2100: "ANOM_LOGIN_FAILURES",
    2401: "ROLE_ASSIGN",
    2404: "CRYPTO_KEY_USER",
    2407: "CRYPTO_SESSION",
    2402: "ROLE_REMOVE",
}

ARCHES: Mapping[str, str] = {"c000003e": "x86_64", "40000003": "i386", "c00000b7": "aarch64", "40000028": "arm"}

_CALLS: Mapping[str, Mapping[int, str]] = {
    "x86_64": {
        2: "open", 41: "socket", 42: "connect", 43: "accept", 49: "bind", 56: "clone", 57: "fork", 58: "vfork",
        59: "execve", 62: "kill", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink",
        88: "symlink", 90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown", 99: "sysinfo", 101: "ptrace",
        103: "syslog", 105: "setuid", 106: "setgid", 133: "mknod", 135: "personality", 155: "pivot_root",
        161: "chroot", 165: "mount", 166: "umount2", 170: "sethostname", 175: "init_module", 176: "delete_module",
        188: "setxattr", 227: "clock_settime", 246: "kexec_load", 257: "openat", 258: "mkdirat", 259: "mknodat",
        263: "unlinkat", 264: "renameat", 268: "fchmodat", 272: "unshare", 308: "setns", 310: "process_vm_readv",
        311: "process_vm_writev", 313: "finit_module", 316: "renameat2", 319: "memfd_create", 320: "kexec_file_load",
        321: "bpf", 322: "execveat", 323: "userfaultfd", 425: "io_uring_setup",
    },
    "i386": {5: "open", 10: "unlink", 11: "execve", 14: "mknod", 26: "ptrace", 38: "rename", 103: "syslog",
             116: "sysinfo", 128: "init_module", 136: "personality", 350: "finit_module", 356: "memfd_create",
             358: "execveat"},
    "aarch64": {33: "mknodat", 35: "unlinkat", 53: "fchmodat", 56: "openat", 92: "personality", 97: "unshare",
                105: "init_module", 116: "syslog", 117: "ptrace", 179: "sysinfo", 203: "connect", 221: "execve",
                273: "finit_module", 276: "renameat2", 279: "memfd_create", 280: "bpf", 281: "execveat"},
    "arm": {11: "execve", 26: "ptrace", 387: "execveat"},
}  # fmt: skip


def syscall_name(arch: str, number: str) -> str:
    """Return the name of a system call, or the number as it stands when it is not in the table."""
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        return number[:32]
    return _CALLS.get(arch, {}).get(int(number), number)
