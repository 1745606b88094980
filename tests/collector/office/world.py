"""Who is in the office: its computers, devices and what in the internet they know."""

from __future__ import annotations

from tests.collector.office.frames import Host

BEGIN = 1_789_948_800
"""A Monday's midnight, seconds of Unix time (UTC)."""
MINUTE, HOUR, DAY = 60, 3600, 86_400
_MAKERS = {
    "desk": "001b78",
    "server": "0050ba",
    "printer": "008077",
    "camera": "accc8e",
    "phone": "805ec0",
    "wall": "000c42",
}


def _host(third: int, last: int, maker: str) -> Host:
    return Host(f"10.20.{third}.{last}", bytes.fromhex(_MAKERS[maker]) + bytes([7, third, last]))


WALL = _host(0, 1, "wall")
SWITCH = _host(0, 2, "wall")
DC, DC2, FILES, PRINTS, EZD, UPDATES, EXCHANGE, BACKUP, NAS, MONITOR, TERMINALS, RECORDER, MAIL, PAGE, LINUX = (
    _host(0, 10 + number, "server") for number in range(15)
)
SERVERS = (DC, DC2, FILES, PRINTS, EZD, UPDATES, NAS, TERMINALS, MAIL, PAGE, LINUX)
DESKS = tuple(_host(1, 30 + number, "desk") for number in range(50))
ADMIN = DESKS[0]
PRINTERS = tuple(_host(2, 10 + number, "printer") for number in range(6))
CAMERAS = tuple(_host(3, 10 + number, "camera") for number in range(8))
PHONES = tuple(_host(4, 10 + number, "phone") for number in range(20))
EVERYBODY = Host("255.255.255.255", b"\xff" * 6)
_WORDS = ("urzad", "poczta", "mapy", "sklep", "prawo", "kadry", "bank", "przetargi", "szkola", "drogi", "woda", "gmina")
SITES = tuple(f"www.{one}-{other}.pl" for one in _WORDS for other in _WORDS if one != other)
SERVICES = (
    "settings-win.data.microsoft.com", "login.microsoftonline.com", "outlook.office365.com", "teams.microsoft.com",
    "ctldl.windowsupdate.com", "www.google.com", "update.googleapis.com", "safebrowsing.googleapis.com",
    "edf.eset.com", "update.eset.com", "ocsp.digicert.com", "officeclient.microsoft.com",
)  # fmt: skip
PARTS = ("cdn.jsdelivr.net", "fonts.gstatic.com", "d1x9k2f4g7h8z3.cloudfront.net", "static.xx.fbcdn.net")


def place_of(name: str) -> Host:
    """Where a name of the internet lies, behind the office's gateway."""
    number = sum(ord(sign) * (place + 7) for place, sign in enumerate(name))
    return Host(f"{31 + number % 150}.{number % 251}.{number // 7 % 251}.{1 + number % 250}", WALL.card)
