"""Servers inside that are new and encrypt badly: self-signed or expired certificates, methods no longer safe (T1557).

Every office has such servers: printers, cameras, switches, programs that were set up long ago. Those seen while the
sensor learns are known, by their certificate and by their address; only one that appears later is told. Remote
Desktop's certificates are made by the computer itself and count as usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.analysers.bounded import DAY, Learning, Quiet, Recent
from collector.analysers.fields import known, texts
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value
from collector.protocols.x509.trust import GOOD, SELF_ISSUED, SELF_SIGNED

LEARNING = 3 * DAY
"""Time of watching until what is there is known: long enough for machines that are used every second day."""
OLD = frozenset({"SSLv2", "SSLv3", "TLSv10", "TLSv11", "DTLSv10"})
"""Versions that RFC 8996 and those before it forbid."""
WEAK = ("_RC4_", "_DES_", "_DES40_", "_3DES_", "_NULL_", "_EXPORT_", "_anon_")
"""Parts of the names of ciphers that are no longer safe (RFC 7465, RFC 9325)."""
RDP = 3389
OWN = frozenset({SELF_SIGNED, SELF_ISSUED})
"""What is usual of Remote Desktop."""
PAUSE = 30 * DAY
MOST_WAITING, MOST_KNOWN = 4096, 2048
MARK = 16
"""Signs of a certificate's fingerprint that are kept."""


class SslInside:
    """Notices `SSL::Unusual_Inside`."""

    name = "ssl_inside"
    paths = frozenset({"conn", "conn_long", "ssl"})

    def __init__(self) -> None:
        self._waiting: Recent[str, tuple[list[str], Mapping[str, Value]]] = Recent(MOST_WAITING)
        self._known: Recent[str, bool] = Recent(MOST_KNOWN)
        self._learning = Learning(LEARNING)
        self._quiet = Quiet(PAUSE, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a handshake, or the connection that tells whether its server is inside."""
        flow = entry.flow
        self._learning.awake = True
        if flow is None:
            return
        if entry.log.path == "ssl":
            found = faults(entry.log.fields, flow.resp_p)
            if found:
                self._waiting[entry.uid] = (found, entry.log.fields)
            return
        waiting = self._waiting.pop(entry.uid)
        if waiting is None or not entry.log.fields.get("local_resp"):
            return
        usual = self._usual(flow, *waiting)
        if self._learning.over and not usual and self._quiet.may(f"{flow.resp_h} {flow.resp_p}", entry.log.at):
            yield _notice(flow, *waiting, entry.log.at)

    def tick(self, now: int) -> Iterable[Log]:
        """Count the time of watching."""
        self._learning.tick(now)
        return ()

    def memory(self) -> Memory:
        """Return the servers that are known, for how long the sensor has watched, and what was noticed."""
        return {"known": list(self._known), "watched": self._learning.watched, "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        self._learning.watched = int(kept.get("watched", 0))
        for one in list(kept.get("known", []))[:MOST_KNOWN]:
            self._known[str(one)] = True

    def _usual(self, flow: Flow, found: list[str], fields: Mapping[str, Value]) -> bool:
        """Tell whether this server or this certificate is known for such faults; from now on both are."""
        certificate = [one[:MARK] for one in texts(fields.get("cert_chain_fps"))[:1]]
        keys = [f"{flow.resp_h} {flow.resp_p} {one}" for one in found]
        # A certificate says who it is wherever it stands; a weak method does not.
        same = bool(certificate) and certificate[0] in self._known
        usual = same or all(key in self._known for key in keys)
        for key in (*keys, *certificate):
            self._known[key] = True
        return usual


def faults(fields: Mapping[str, Value], port: int) -> list[str]:
    """Return what is bad about a handshake, in the words of its log."""
    if not fields.get("established"):
        return []
    status, version, cipher = (str(fields.get(name, "")) for name in ("validation_status", "version", "cipher"))
    found = [status] if status and status != GOOD and not (port == RDP and status in OWN) else []
    if version in OLD:
        found.append(version)
    if any(part in f"{cipher}_" for part in WEAK):
        found.append(cipher)
    return found


def _notice(flow: Flow, found: list[str], fields: Mapping[str, Value], at: int) -> Log:
    said = {name: fields.get(name, "") for name in ("version", "cipher", "subject", "issuer", "server_name")}
    where: dict[str, Value] = {"src": flow.orig_h, "dst": flow.resp_h, "p": flow.resp_p}
    return notice("SSL::Unusual_Inside", at, {**where, "sub": ", ".join(found), **known(said)})
