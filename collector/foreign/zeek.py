"""Zeek's JSON logs: streaming (`_path` in each) or a file for each log, which its name tells."""

from __future__ import annotations

from collector.foreign.entries import Ends, Raw, at, entry
from collector.heads.head import Entry

_COMMON = frozenset(
    {"_path", "_write_ts", "_system_name", "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"}
)
_UDP = frozenset({"dhcp", "ntp", "snmp", "syslog", "radius"})
"""Logs that do not say their transport and go over UDP."""


class Zeek:
    """Reads the lines of one file, whose name tells the log where a line does not."""

    def __init__(self, file: str) -> None:
        self._path = file.partition(".")[0]

    def read(self, raw: Raw) -> list[Entry]:
        """Return the log of one line; raises ValueError."""
        path = raw.get("_path", self._path)
        if not isinstance(path, str) or not path.isidentifier():
            raise ValueError("no log")
        transport = str(raw.get("proto") or ("udp" if path in _UDP else "tcp"))
        orig_h, resp_h = (str(raw.get(f"id.{side}_h", "")) for side in ("orig", "resp"))
        ends = Ends(orig_h, raw.get("id.orig_p"), resp_h, raw.get("id.resp_p"), transport)
        fields = {name: one for name, one in raw.items() if name not in _COMMON}
        return [entry(path, at(raw.get("ts")), str(raw.get("uid", "")), ends, fields)]

    def waited(self, _now: int) -> list[Entry]:
        """Nothing waits."""
        return []
