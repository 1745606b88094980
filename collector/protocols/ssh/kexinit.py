"""What the two sides of SSH offer each other before encryption (RFC 4253, 7.1), and their HASSH (Salesforce)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from struct import unpack_from

from collector.protocols.model import Malformed

MAX_LIST = 4096
"""Bytes of one list of algorithms."""
KEX, HOST_KEY, CIPHER_UP, CIPHER_DOWN, MAC_UP, MAC_DOWN, COMPRESSION_UP, COMPRESSION_DOWN = range(8)


@dataclass(frozen=True, slots=True)
class KexInit:
    """The eight lists of algorithms of one side, each as it came: names between commas, the best first."""

    lists: tuple[str, ...]

    @property
    def algorithms(self) -> str:
        """What the fingerprint of a client is made of."""
        return ";".join(self.lists[place] for place in (KEX, CIPHER_UP, MAC_UP, COMPRESSION_UP))

    @property
    def server_algorithms(self) -> str:
        """What the fingerprint of a server is made of."""
        return ";".join(self.lists[place] for place in (KEX, CIPHER_DOWN, MAC_DOWN, COMPRESSION_DOWN))


def read(payload: bytes) -> KexInit:
    """Return what a KEXINIT offers. Raises Malformed, struct.error, UnicodeError."""
    at, lists = 17, []
    for _ in range(8):
        (size,) = unpack_from("!I", payload, at)
        at += 4
        if size > MAX_LIST or at + size > len(payload):
            raise Malformed("ssh_list_too_long")
        names = payload[at : at + size].decode("ascii")
        if not names.isprintable():
            raise Malformed("ssh_bad_algorithm_name")
        lists.append(names)
        at += size
    return KexInit(tuple(lists))


def fingerprint(algorithms: str) -> str:
    """Return the HASSH of a side's algorithms."""
    return hashlib.md5(algorithms.encode("ascii"), usedforsecurity=False).hexdigest()


def agreed(client: KexInit, server: KexInit, place: int) -> str | None:
    """Return the algorithm of one kind that both sides take: the client's first that the server has (RFC 4253, 7.1)."""
    offered = set(server.lists[place].split(","))
    return next((name for name in client.lists[place].split(",") if name and name in offered), None)
