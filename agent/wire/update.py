"""The statement about a version that a box offers: signed with its update key (Ed25519), which its CA has signed.

A statement is JSON with sorted keys; the signatures are over a prefix and these bytes, as with commands.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import NamedTuple

MAX_PACKAGE = 8 << 20
"""Bytes of a version's package."""
PIECE = 32 << 10
"""Bytes of one piece of it, as an answer carries them."""
LONGEST = 1024
RINGS = (5, 25, 100)
"""Percent of the stations that a version goes to, one ring after the other."""
POWER, BUSY = "power", "busy"
"""Why a station puts a version off, as its heartbeat says it: a low battery; a meeting or a presentation."""
_PREFIX = b"czujka update 1\n"
_KEY_PREFIX = b"czujka update key 1\n"
_VERSION = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){2}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class BadManifest(ValueError):
    """What was sent is no statement about a version."""


class Manifest(NamedTuple):
    """A version: its package's SHA-256 and size, percent of stations it is for, the moment (µs) from which on."""

    version: str
    sha256: str
    size: int
    ring: int
    not_before: int

    def statement(self) -> str:
        """Return the text that is signed."""
        return json.dumps(self._asdict(), sort_keys=True, separators=(",", ":"))


def signed_bytes(statement: str) -> bytes:
    """Return what the update key's signature is over."""
    return _PREFIX + statement.encode("utf-8", "surrogatepass")


def key_bytes(public: bytes) -> bytes:
    """Return what the CA's signature of the update key (raw, 32 bytes) is over."""
    return _KEY_PREFIX + public


def is_version(text: str) -> bool:
    """Tell whether a text has the form X.Y.Z; nothing else becomes the name of a folder."""
    return _VERSION.match(text) is not None


def later(one: str, other: str) -> bool:
    """Tell whether a version is later than another, both of the form X.Y.Z."""
    return [int(part) for part in one.split(".")] > [int(part) for part in other.split(".")]


def place(agent_id: str, version: str) -> int:
    """Return where a station stands among the hundred parts of a roll-out; each version begins with others."""
    digest = blake2b(f"{version}\0{agent_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100


def parse(statement: object) -> Manifest:
    """Return the content of a statement; raises BadManifest."""
    if not isinstance(statement, str) or len(statement) > LONGEST:
        raise BadManifest("a statement is a short text")
    try:
        manifest = Manifest(**json.loads(statement))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadManifest("not the fields of a version") from error
    numbers = (manifest.size, manifest.ring, manifest.not_before)
    if any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in numbers):
        raise BadManifest("a number is none")
    if not isinstance(manifest.version, str) or not is_version(manifest.version):
        raise BadManifest("not a version")
    if not isinstance(manifest.sha256, str) or not _DIGEST.match(manifest.sha256):
        raise BadManifest("not a checksum")
    if not 0 < manifest.size <= MAX_PACKAGE or manifest.ring > 100:
        raise BadManifest("out of bounds")
    return manifest
