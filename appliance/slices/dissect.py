"""What tshark makes of a capture file, as JSON on standard output: `python -m appliance.slices.dissect FILE`.

A short-lived process that confines itself before it looks at the file. It loads nothing of the box but this package.
Exit codes: 0 there is an answer, 3 and 4 this system does not confine processes (`confine`); any other: the file broke
the reading.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyshark
from pyshark.capture.capture import TSharkCrashException

from agent.wire.parameters import MARK, without_secret
from appliance.slices.confine import NotConfined, confine

PACKETS, ROWS = 500, 100
"""Packets that are looked at, and those that are shown one by one."""
BUDGET = 8.0
"""Seconds of this process's own computing after which it looks at no further packet; past CPU_SECONDS it would end."""
TEXT, VALUES = 200, 5
NOTABLE = (
    "dns.qry.name", "dns.a", "dns.cname", "http.request.method", "http.host", "http.request.uri", "http.user_agent",
    "http.response.code", "http.server", "tls.handshake.extensions_server_name", "tls.handshake.version",
    "tls.handshake.ciphersuite", "x509sat.uTF8String", "x509sat.printableString", "smb2.tree", "smb2.filename",
    "smb2.acct", "smb.file", "dcerpc.cn_bind_to_uuid", "kerberos.CNameString", "kerberos.SNameString",
    "kerberos.realm", "ntlmssp.auth.username", "ntlmssp.auth.domain", "ntlmssp.auth.hostname", "ldap.baseObject",
    "rdp.rt_cookie", "ssh.protocol", "ftp.request.command", "ftp.response.code", "smtp.req.command",
    "sip.Method", "sip.From", "sip.To", "sip.User-Agent", "snmp.name", "mqtt.topic", "modbus.func_code",
    "dhcp.option.hostname", "tftp.source_file", "icmp.type", "data.len",
)  # fmt: skip
"""Fields of tshark whose values say what a flow was about; none carries a secret or the text of a message."""
COLUMNS = (
    "frame.number", "frame.time_relative", "_ws.col.Source", "_ws.col.Destination", "_ws.col.Protocol", "frame.len",
    "_ws.col.Info",
)  # fmt: skip
_SECRET = re.compile(
    r"(?i)(\b(?:PASS|ACCT|AUTH|LOGIN|AUTHENTICATE|SITE\s+\w*(?:PASS|PSWD|PWD)\w*)\b|\bpass(?:word)?:)(?= ).*"
)
"""Passwords in the line of a packet: commands of FTP, SMTP, POP3 and IMAP."""


def main(argv: list[str]) -> int:
    """Print what the file holds; return the exit code."""
    try:
        confine([Path(argv[0])])
    except NotConfined as error:
        return error.code
    sys.stdout.buffer.write(json.dumps(told(argv[0]), ensure_ascii=False).encode("utf-8"))
    return 0


def told(path: str) -> dict[str, Any]:
    """Return the summary of a file; `broken` when tshark could not read it to its end."""
    found: dict[str, Any] = {"packets": 0, "bytes": 0, "first": None, "last": None, "more": False}
    protocols, warnings, values = Counter[str](), Counter[tuple[str, str]](), dict[str, dict[str, None]]()
    broken = False
    for packet, crashed in _packets(path):
        broken |= crashed
        if packet is None:
            continue
        if found["packets"] == PACKETS or time.process_time() > BUDGET:
            found["more"] = True
            break
        found["packets"] += 1
        found["bytes"] += int(packet.length)
        at = round(float(packet.sniff_timestamp) * 1_000_000)
        found["first"], found["last"] = found["first"] or at, at
        protocols.update({layer.layer_name for layer in packet.layers if not layer.layer_name.startswith("_")})
        for layer in packet.layers:
            _note(layer, warnings, values)
    found["protocols"] = [[_text(name), count] for name, count in protocols.most_common(30)]
    found["warnings"] = [[*map(_text, key), count] for key, count in warnings.most_common(20)]
    found["fields"] = [
        [name, [*values[name]][:VALUES], max(0, len(values[name]) - VALUES)] for name in sorted(values) if values[name]
    ]
    return found | {"rows": _rows(path), "broken": broken}


def _packets(path: str) -> Iterator[tuple[Any, bool]]:
    """Yield (packet, False), and (None, True) where tshark ended with a fault."""
    parameters = ["-n", "-c", str(PACKETS + 1)]
    capture = pyshark.FileCapture(path, keep_packets=False, custom_parameters=parameters)
    try:
        for packet in capture:
            yield packet, False
        capture.close()
    except TSharkCrashException:
        yield None, True


def _note(layer: Any, warnings: Counter[tuple[str, str]], values: dict[str, dict[str, None]]) -> None:
    names = layer._all_fields  # by name at once; `get_field` compares all names each time
    for name in NOTABLE:
        for field in getattr(names.get(name), "all_fields", ()):
            known = values.setdefault(name, {})
            if len(known) < 1000:
                known[_text((field.showname_value or field.show or "").removesuffix("\\r\\n"))] = None
            known.pop("", None)
    messages = getattr(names.get("_ws.expert.message"), "all_fields", ())
    levels = getattr(names.get("_ws.expert.severity"), "all_fields", ())
    for message, level in zip(messages, levels, strict=False):
        warnings[_text(level.showname_value or ""), _text(message.show or "")] += 1


def _rows(path: str) -> list[list[str]]:
    """Return the first packets as lines: what COLUMNS name. pyshark's own summaries lose packets (0.6)."""
    command = ["tshark", "-n", "-r", path, "-c", str(ROWS), "-T", "fields"]
    for name in COLUMNS:
        command += ["-e", name]
    done = subprocess.run(command, check=False, capture_output=True)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    cells = (line.split("\t", len(COLUMNS) - 1) for line in lines)
    return [[_text(cell) for cell in row] for row in cells if len(row) == len(COLUMNS)]


def _text(value: object) -> str:
    """Return a text without secrets and invisible signs, cut."""
    masked = without_secret(_SECRET.sub(rf"\1 {MARK}", str(value)[: 4 * TEXT]))[0]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in masked[:TEXT])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
