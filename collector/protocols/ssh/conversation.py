"""One SSH connection: banners, offers, the server's key, and how often somebody tried to sign in (RFC 4253)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from struct import unpack_from

from collector.protocols.model import Flow, Log, Malformed, Side, Value
from collector.protocols.ssh import kexinit
from collector.protocols.ssh.attempts import Attempts

MAX_PACKET = 35_000
"""Bytes of a packet before encryption (RFC 4253, 6.1)."""
MAX_BEFORE_BANNER = 4096
"""Bytes that a server may say before its banner."""
MAX_BANNER = 255
MAX_PACKETS = 32
"""Packets of a side before encryption."""
_KEXINIT, _NEWKEYS, _REPLY, _GROUP_REPLY = 20, 21, 31, 33
_MODERN = ("SSH-2.", "SSH-1.99")


class SshConversation:
    """Reads both sides until they encrypt, then only how long the segments are."""

    def __init__(self, flow: Flow) -> None:
        self.done = False
        self._began = 0
        self._buffers = (bytearray(), bytearray())
        self._banners = ["", ""]
        self._offers: list[kexinit.KexInit | None] = [None, None]
        self._host_key = ""
        self._encrypted = [False, False]
        self._packets = [0, 0]
        self._attempts = Attempts()

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next segment of a side."""
        self._began = self._began or at
        size = len(data)
        if not self._encrypted[side]:
            buffer = self._buffers[side]
            buffer += data
            if not self._banners[side] and not self._banner(side, buffer):
                return ()
            if not self._is_modern(side):
                # The first version is named and left alone: its use is the news.
                return self._finish() if all(self._banners) else ()
            self._unencrypted(side, buffer)
            if not self._encrypted[side]:
                return ()
            size = len(buffer)
            buffer.clear()
        if size:
            if side == Side.ORIG:
                self._attempts.client()
            else:
                self._attempts.server(size)
        return self._finish() if self._attempts.over else ()

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """After a hole sizes say nothing more."""
        return self._finish()

    def close(self, at: int) -> Iterable[Log]:
        """Tell the connection."""
        return () if self.done else self._finish()

    def _is_modern(self, side: Side) -> bool:
        return self._banners[side].startswith(_MODERN)

    def _banner(self, side: Side, buffer: bytearray) -> bool:
        """Take the banner from the beginning of a side; False while it has not come whole."""
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end]).rstrip(b"\r")
            del buffer[: end + 1]
            if line.startswith(b"SSH-"):
                text = line[:MAX_BANNER].decode("utf-8", "backslashreplace")
                self._banners[side] = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
                return True
            self._packets[side] += 1
            if self._packets[side] > MAX_PACKETS:
                raise Malformed("malformed_ssh_identification")
        if len(buffer) > MAX_BEFORE_BANNER:
            raise Malformed("malformed_ssh_identification")
        return False

    def _unencrypted(self, side: Side, buffer: bytearray) -> None:
        at = 0
        while len(buffer) - at >= 6 and not self._encrypted[side]:
            (size,) = unpack_from("!I", buffer, at)
            if not 2 <= size <= MAX_PACKET:
                raise Malformed("ssh_packet_too_long")
            if len(buffer) - at - 4 < size:
                break
            self._packets[side] += 1
            if self._packets[side] > MAX_PACKETS:
                raise Malformed("ssh_too_many_packets")
            stop = at + 4 + size - buffer[at + 4]
            self._packet(side, bytes(buffer[at + 5 : max(stop, at + 5)]))
            at += 4 + size
        del buffer[:at]

    def _packet(self, side: Side, payload: bytes) -> None:
        kind = payload[0]
        if kind == _KEXINIT:
            self._offers[side] = kexinit.read(payload)
        elif kind == _NEWKEYS:
            self._encrypted[side] = True
        elif side == Side.RESP and kind == self._key_message():
            (size,) = unpack_from("!I", payload, 1)
            digest = hashlib.md5(payload[5 : 5 + size], usedforsecurity=False).hexdigest()
            self._host_key = ":".join(digest[place : place + 2] for place in range(0, 32, 2))

    def _key_message(self) -> int:
        """The number of the message that brings the server's key, which depends on the exchange agreed upon."""
        return _GROUP_REPLY if "group-exchange" in (self._agreed(kexinit.KEX) or "") else _REPLY

    def _agreed(self, place: int) -> str | None:
        client, server = self._offers
        return kexinit.agreed(client, server, place) if client and server else None

    def _finish(self) -> list[Log]:
        self.done = True
        if not any(self._banners):
            return []
        old = any(banner and not banner.startswith(_MODERN) for banner in self._banners)
        fields: dict[str, Value] = {"version": 1 if old else 2}
        said: dict[str, Value | None] = {
            "client": self._banners[Side.ORIG],
            "server": self._banners[Side.RESP],
            "kex_alg": self._agreed(kexinit.KEX),
            "host_key_alg": self._agreed(kexinit.HOST_KEY),
            "cipher_alg": self._agreed(kexinit.CIPHER_UP),
            "mac_alg": self._agreed(kexinit.MAC_UP),
            "compression_alg": self._agreed(kexinit.COMPRESSION_UP),
            "host_key": self._host_key,
            "auth_success": self._attempts.success,
            "auth_attempts": self._attempts.count if self._attempts.success is not None else None,
            **self._fingerprints(),
        }
        fields |= {name: value for name, value in said.items() if value is not None and value != ""}
        return [Log("ssh", self._began, fields)]

    def _fingerprints(self) -> dict[str, Value]:
        client, server = self._offers
        fields: dict[str, Value] = {"hasshVersion": "1.1"} if client or server else {}
        if client:
            fields["hassh"] = kexinit.fingerprint(client.algorithms)
            fields["hasshAlgorithms"] = client.algorithms
        if server:
            fields["hasshServer"] = kexinit.fingerprint(server.server_algorithms)
            fields["hasshServerAlgorithms"] = server.server_algorithms
        return fields
