"""Community ids against the specification's own examples, and whose networks are the office's."""

from __future__ import annotations

import socket

import pytest

from collector.flows.record import Conn, Office, community_id


def _conn(proto: int, orig: str, resp: str, orig_p: int, resp_p: int) -> Conn:
    family = socket.AF_INET6 if ":" in orig else socket.AF_INET
    ends = socket.inet_pton(family, orig), socket.inet_pton(family, resp)
    none = (0, 0)
    return Conn(0, True, proto, *ends, orig_p, resp_p, (b"", b""), none, 0, 0, "", none, none, none, none)


@pytest.mark.parametrize(
    ("conn", "expected"),
    [
        (_conn(6, "128.232.110.120", "66.35.250.204", 34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (_conn(6, "66.35.250.204", "128.232.110.120", 80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (_conn(17, "192.168.1.52", "8.8.8.8", 54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (_conn(132, "192.168.170.8", "192.168.170.56", 7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
        (_conn(1, "192.168.0.89", "192.168.0.1", 8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (_conn(1, "192.168.0.1", "192.168.0.89", 0, 8), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (_conn(58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    ],
)
def test_community_ids_are_those_of_the_specification(conn: Conn, expected: str) -> None:
    assert community_id(conn.proto, (conn.orig, conn.orig_p), (conn.resp, conn.resp_p)) == expected


def test_the_offices_networks_are_what_the_settings_say() -> None:
    usual, own = Office(), Office(("198.51.100.0/24", "2001:db8::/32"))
    inside, public = socket.inet_aton("10.1.2.3"), socket.inet_aton("198.51.100.7")
    assert (usual.holds(inside), usual.holds(public)) == (True, False)
    assert (own.holds(inside), own.holds(public)) == (False, True)
    assert own.holds(socket.inet_pton(socket.AF_INET6, "2001:db8::5"))
    with pytest.raises(ValueError, match="host bits"):
        Office(("10.0.0.1/8",))
