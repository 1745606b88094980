"""Attacks inside the office and on its edge, each beside its harmless twin."""

from __future__ import annotations

from collector.protocols.model import Side
from tests.collector.packets import claim
from tests.collector.protocols.talk import Turn
from tests.e2e.attacks import AES, SERVER, STRANGER, guessed, roasting, spoken
from tests.e2e.cases import Case, fixture, played

PUMP, CAMERA, PRINTER = "10.66.0.20", "10.66.0.21", "10.66.0.22"
_NOTE, _LIST = "Kadry\\HOW_TO_DECRYPT.txt", "Kadry\\spis_urlopow_26.txt"


def _noted(source: str, *, tame: bool = False) -> list[bytes]:
    """A note is left on a share; tame: a list."""
    wild, other = _NOTE.encode("utf-16-le"), _LIST.encode("utf-16-le")
    turns = [(side, data.replace(wild, other) if tame else data) for side, data in fixture("smb", "ransom").turns]
    return spoken(source, SERVER, 445, turns)


def _proofs(source: str, count: int) -> list[bytes]:
    """Netlogon is asked for proofs, four a connection."""
    return [frame for n in range(count) for frame in played("dce_rpc", "zerologon", source, own=33000 + n)]


def _sprayed(source: str, accounts: int) -> list[bytes]:
    """One wrong password for each of so many accounts."""
    turns: list[Turn] = [(Side.RESP, b"220 FTP\r\n")]
    for number in range(accounts):
        turns += [(Side.ORIG, b"USER u%d\r\n" % number), (Side.RESP, b"331 password\r\n")]
        turns += [(Side.ORIG, b"PASS x\r\n"), (Side.RESP, b"530 no\r\n")]
    return spoken(source, SERVER, 21, turns)


def _shells(source: str, wrong: int) -> list[bytes]:
    """So many connections of SSH with three wrong passwords each, then one with the right one."""
    guesses = [played("ssh", "guessing", source, own=34000 + n) for n in range(wrong)]
    return [frame for frames in [*guesses, played("ssh", "success", source, own=34999)] for frame in frames]


def _twice(source: str, again: bytes) -> list[bytes]:
    """A request comes twice, the second time with these bytes."""
    first = [(Side.ORIG, b"GET /bip HTTP/1.1\r\nHost: bip.gmina.example\r\n\r\n")]
    second = [(Side.ORIG, again)]
    return [*spoken(source, SERVER, 80, first)[:4], *spoken(source, SERVER, 80, second)[3:]]


def _broken(source: str, count: int) -> list[bytes]:
    """So many connections of LDAP with a message that is none."""
    return [frame for n in range(count) for frame in played("ldap", "simple", source, own=35000 + n)]


def _between(first: str, second: str, card: str) -> list[bytes]:
    """A card claims the addresses of two others, which go on to claim them themselves."""
    others = [claim(first, "00:1b:78:00:00:01"), claim(second, "00:80:77:00:00:02")]
    return [*others, claim(first, card), claim(second, card)] * 3


def of_windows() -> list[Case]:
    """What a domain suffers."""
    return [
        Case(
            ("Domain Controller Asked for Computer Account Proofs by the Dozen",),
            "10.66.1.1",
            _proofs("10.66.1.1", 16),
            _proofs("10.66.4.1", 2),
        ),
        Case(
            ("Note of an Extortionist Written to a Share",),
            "10.66.1.2",
            _noted("10.66.1.2"),
            _noted("10.66.4.2", tame=True),
        ),
        Case(
            ("Passwords of the Domain Asked for over the Network",),
            "10.66.1.3",
            played("dce_rpc", "replication", "10.66.1.3"),
            played("dce_rpc", "replication", "10.66.4.3", most=5),
        ),
        Case(
            ("Service Ticket Asked for with Broken Ciphers Only", "Kerberos Sign-In with a Broken Cipher"),
            "10.66.1.4",
            played("kerberos", "roast", "10.66.1.4"),
            played("kerberos", "sign_in", "10.66.4.4"),
        ),
        Case(
            ("Tickets of Many Service Accounts Collected by One User",),
            "",
            roasting("10.66.1.5", services=9),
            roasting("10.66.4.5", AES, services=3),
        ),
        Case(
            ("Passwords Tried on Many Accounts on the Wire",),
            "10.66.1.6",
            _sprayed("10.66.1.6", 8),
            _sprayed("10.66.4.6", 3),
        ),
        Case(
            (
                "Thirty SSH Sign-Ins Failed from One Address on the Wire",
                "SSH Sign-In on the Wire after Thirty Failures",
            ),
            "10.66.1.7",
            _shells("10.66.1.7", 11),
            _shells("10.66.4.7", 1),
        ),
        Case(
            ("Old File Sharing Protocol (SMB1) Used",),
            "10.66.1.8",
            played("smb", "smb1", "10.66.1.8"),
            played("smb", "rename", "10.66.4.8"),
        ),
        Case(
            ("Password of a Domain Account Sent in the Clear (LDAP)",),
            "10.66.1.9",
            played("ldap", "simple", "10.66.1.9"),
            played("ldap", "ticket", "10.66.4.9"),
        ),
    ]


def of_devices() -> list[Case]:
    """What machines suffer, and passwords that anybody could read."""
    return [
        Case(
            ("Control System of the Waterworks Reached from the Internet",),
            PUMP,
            played("modbus", "pump", STRANGER, PUMP),
            played("modbus", "pump", "10.66.4.20", PUMP),
        ),
        Case(
            ("Controller Stopped or Reprogrammed (S7)",),
            "10.66.1.21",
            played("s7", "stop", "10.66.1.21", PUMP),
            played("s7", "stop", "10.66.4.21", PUMP, most=4),
        ),
        Case(
            ("Printer's Disk or Memory Read or Changed",),
            "10.66.1.22",
            played("printer", "disk", "10.66.1.22", PRINTER),
            played("printer", "job", "10.66.4.22", PRINTER),
        ),
        Case(
            ("Printer's Settings Changed over the Printing Port",),
            "10.66.1.23",
            played("printer", "display", "10.66.1.23", PRINTER),
            played("printer", "queue", "10.66.4.22", PRINTER),
        ),
        Case(
            ("Telnet Session", "Password Typed over Telnet"),
            "10.66.1.24",
            played("telnet", "switch", "10.66.1.24"),
            played("ssh", "success", "10.66.4.24"),
        ),
        Case(
            ("Password of a Mailbox Sent in the Clear",),
            "10.66.1.25",
            played("pop3", "sign_in", "10.66.1.25"),
            played("pop3", "tls", "10.66.4.25"),
        ),
        Case(
            ("Password of a Device Sent in the Clear (MQTT)",),
            "10.66.1.26",
            played("mqtt", "meter", "10.66.1.26"),
            played("mqtt", "five", "10.66.4.26"),
        ),
        Case(
            ("Password in the Address of a Page",),
            "10.66.1.27",
            played("http", "camera", "10.66.1.27", CAMERA),
            played("http", "pipeline", "10.66.4.27", CAMERA),
        ),
        Case(
            ("Password Sent in the Clear over HTTP",),
            "10.66.1.28",
            played("http", "page", "10.66.1.28"),
            played("http", "socket", "10.66.4.28"),
        ),
        Case(
            ("Somebody Answers the Search for a Proxy",),
            "10.66.1.29",
            played("dns", "llmnr", "10.66.1.29", "224.0.0.252", most=2),
            played("dns", "llmnr", "10.66.4.29", "224.0.0.252", most=1),
        ),
        Case(
            ("Bytes Sent Twice with Different Contents",),
            "10.66.1.30",
            _twice("10.66.1.30", b"GET /bip HTTP/1.1\r\nHost: zly.gmina.example\r\n\r\n"),
            _twice("10.66.4.30", b"GET /bip HTTP/1.1\r\nHost: bip.gmina.example\r\n\r\n"),
        ),
        Case(
            ("Many Messages of One Computer Break Their Protocol's Rules",),
            "10.66.1.31",
            _broken("10.66.1.31", 6),
            [frame for n in range(6) for frame in played("ldap", "ticket", "10.66.4.31", own=35000 + n)],
        ),
        Case(
            ("Password Sent in the Clear over FTP",),
            "10.66.1.32",
            guessed("10.66.1.32", 0),
            played("ftp", "tls", "10.66.4.32"),
        ),
        Case(
            ("Network Card Claims Addresses of Several Others", "Another Card Claims a Station's Address"),
            "",
            _between("10.66.1.90", "10.66.1.91", "08:00:27:00:00:90"),
            [claim("10.66.1.90", "00:1b:78:00:00:01"), claim("10.66.1.91", "00:80:77:00:00:02")] * 3,
        ),
    ]
