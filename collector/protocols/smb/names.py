"""Names of SMB: commands (MS-SMB2 2.2.1.2, MS-CIFS 2.2.2.1), statuses (MS-ERREF 2.3.1), dialects, kinds of shares."""

from __future__ import annotations

from types import MappingProxyType

SMB2_COMMANDS = (
    "NEGOTIATE",
    "SESSION_SETUP",
    "LOGOFF",
    "TREE_CONNECT",
    "TREE_DISCONNECT",
    "CREATE",
    "CLOSE",
    "FLUSH",
    "READ",
    "WRITE",
    "LOCK",
    "IOCTL",
    "CANCEL",
    "ECHO",
    "QUERY_DIRECTORY",
    "CHANGE_NOTIFY",
    "QUERY_INFO",
    "SET_INFO",
    "OPLOCK_BREAK",
)
DIALECTS = MappingProxyType(
    {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1", 0x02FF: "2.x"}
)
SHARES = MappingProxyType({1: "DISK", 2: "PIPE", 3: "PRINT"})
MORE_PROCESSING = 0xC0000016
_STATUSES = MappingProxyType(
    {
        0x00000000: "SUCCESS",
        0x00000103: "PENDING",
        0x0000010B: "NOTIFY_CLEANUP",
        0x80000005: "BUFFER_OVERFLOW",
        0x80000006: "NO_MORE_FILES",
        0xC0000001: "UNSUCCESSFUL",
        0xC0000002: "NOT_IMPLEMENTED",
        0xC000000D: "INVALID_PARAMETER",
        0xC000000F: "NO_SUCH_FILE",
        0xC0000016: "MORE_PROCESSING_REQUIRED",
        0xC0000022: "ACCESS_DENIED",
        0xC0000033: "OBJECT_NAME_INVALID",
        0xC0000034: "OBJECT_NAME_NOT_FOUND",
        0xC0000035: "OBJECT_NAME_COLLISION",
        0xC000003A: "OBJECT_PATH_NOT_FOUND",
        0xC0000043: "SHARING_VIOLATION",
        0xC000005E: "NO_LOGON_SERVERS",
        0xC0000064: "NO_SUCH_USER",
        0xC000006A: "WRONG_PASSWORD",
        0xC000006C: "PASSWORD_RESTRICTION",
        0xC000006D: "LOGON_FAILURE",
        0xC000006E: "ACCOUNT_RESTRICTION",
        0xC000006F: "INVALID_LOGON_HOURS",
        0xC0000070: "INVALID_WORKSTATION",
        0xC0000071: "PASSWORD_EXPIRED",
        0xC0000072: "ACCOUNT_DISABLED",
        0xC00000AC: "PIPE_NOT_AVAILABLE",
        0xC00000BA: "FILE_IS_A_DIRECTORY",
        0xC00000BB: "NOT_SUPPORTED",
        0xC00000C9: "NETWORK_NAME_DELETED",
        0xC00000CA: "NETWORK_ACCESS_DENIED",
        0xC00000CC: "BAD_NETWORK_NAME",
        0xC00000D0: "REQUEST_NOT_ACCEPTED",
        0xC0000128: "FILE_CLOSED",
        0xC000015B: "LOGON_TYPE_NOT_GRANTED",
        0xC000018D: "TRUSTED_RELATIONSHIP_FAILURE",
        0xC0000193: "ACCOUNT_EXPIRED",
        0xC0000203: "USER_SESSION_DELETED",
        0xC0000224: "PASSWORD_MUST_CHANGE",
        0xC0000234: "ACCOUNT_LOCKED_OUT",
        0xC000035C: "NETWORK_SESSION_EXPIRED",
        0xC0000413: "AUTHENTICATION_FIREWALL_FAILED",
    }
)


def status_name(code: int) -> str:
    """Return the name of a status, its number in hexadecimal where it has none here."""
    return _STATUSES.get(code) or f"0x{code:08x}"


def failed(code: int) -> bool:
    """Tell whether a status is an error (warnings and information are none)."""
    return code >> 30 == 3
