"""What a TCP port is for, as far as it matters to whoever guards an office.

Names: IANA's registry of services; for programs that registered none, the makers' own documentation of their defaults.
"""

from __future__ import annotations

OTHER = "other"
"""The purpose of a port that stands in no table."""
_PURPOSES: dict[str, tuple[int, ...]] = {
    # SSH, Telnet, RDP, Radmin, NetSupport, pcAnywhere, VNC, TeamViewer, WinRM, X11, DameWare, AnyDesk, MikroTik
    "remote control": (
        22,
        23,
        2222,
        3389,
        5800,
        5900,
        5901,
        5938,
        5985,
        5986,
        7070,
        4899,
        6129,
        6000,
        5631,
        5405,
        8291,
    ),
    "file sharing": (20, 21, 111, 139, 445, 548, 873, 990, 2049, 3260),
    "database": (1433, 1521, 3050, 3306, 5432, 6379, 9200, 11211, 27017, 50000),
    "mail": (25, 110, 143, 465, 587, 993, 995, 4190),
    "web": (
        80,
        81,
        443,
        591,
        3000,
        5000,
        5001,
        7001,
        8000,
        8008,
        8080,
        8081,
        8088,
        8443,
        8888,
        9000,
        9090,
        9443,
        10000,
    ),
    "directory": (88, 389, 464, 636, 3268, 3269),
    "names": (53, 853),
    "proxy": (1080, 3128, 8118, 9050, 9150),
    "VPN": (500, 1194, 1701, 1723, 4500, 51820),
    "printing": (515, 631, 9100, 9101, 9102),
    "video": (554, 1935, 8554, 34567, 37777, 37778),
    "telephony": (1720, 2000, 5060, 5061),
    "industrial": (102, 502, 1911, 2404, 4840, 20000, 44818, 47808),
    "containers": (2375, 2376, 2379, 6443, 10250),
    "backup": (6101, 6106, 9392, 10001, 13724),
    # Defaults of Metasploit, Cobalt Strike's team server, old trojans that still name their port, Android's debugger
    "backdoor": (1337, 4444, 5555, 6666, 6667, 12345, 27374, 31337, 50050, 54321),
}
PURPOSES = frozenset(_PURPOSES) | {OTHER}
_BY_PORT = {port: purpose for purpose, ports in _PURPOSES.items() for port in ports}


def purpose(port: int) -> str:
    """Return what a port is for."""
    return _BY_PORT.get(port, OTHER)
