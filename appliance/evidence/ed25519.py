"""Whether an Ed25519 signature holds (RFC 8032, 5.1.7), in plain Python, for where `cryptography` is not installed.

Part of the standalone verifier (appliance/evidence/standalone.py): the standard library of Python 3.9, nothing else.
"""

from __future__ import annotations

import hashlib

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def _add(one: Point, two: Point) -> Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(factor: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    for bit in bin(factor)[2:]:
        total = _add(total, total)
        total = _add(total, point) if bit == "1" else total
    return total


def _recover(y: int, odd: int) -> Point | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and odd):
        return None
    x = x if x & 1 == odd else P - x
    return x, y, 1, x * y % P


BASE = _recover(4 * pow(5, P - 2, P) % P, 0)


def plain_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether an Ed25519 signature holds (RFC 8032, 5.1.7), in plain Python."""
    if len(public) != 32 or len(signature) != 64 or BASE is None:
        return False
    number = int.from_bytes(public, "little")
    point, scalar = _recover(number & (1 << 255) - 1, number >> 255), int.from_bytes(signature[32:], "little")
    if point is None or scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    x, y, z, t = _times(challenge, point)
    x, y, z, t = _add(_times(scalar, BASE), (P - x, y, z, P - t))
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little") == signature[:32]
