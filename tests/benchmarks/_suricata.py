"""Suricata beside the sensor: the same file or the same card, one core each, and what both tell of the same flows.

Suricata 7 is installed by whoever measures (Debian: bookworm-backports). It gets no rules and tells by EVE what our
sensor has logs for. Both are whole programs here: the CPU time of a run over a file of one packet is taken
off, as start.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from tests.benchmarks import _live
from tests.benchmarks._told import compare

TURNS = 3
"""Runs of each, in turn; the least of each counts."""
_KINDS = (
    "dns", "http", "smb", "krb5", "dcerpc", "ssh", "rdp", "sip", "ftp", "smtp", "snmp", "tftp", "mqtt", "quic", "flow",
    "anomaly",
)  # fmt: skip
_PORTS = {"tls": "443", "smb": "139, 445", "dns": "53"}
_PARSED = (
    "http", "http2", "krb5", "dcerpc", "dhcp", "ssh", "rdp", "sip", "ftp", "smtp", "snmp", "tftp", "nfs", "ike", "mqtt",
    "quic", "ntp", "telnet", "modbus",
)  # fmt: skip
_READY = 60.0
"""Seconds for its start, and for its end."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a run took: CPU seconds, MiB at most."""

    cpu: float
    memory: float


def offline(program: Path, path: Path, folder: Path) -> None:
    """Print the CPU time of both over a file, in turn, the ratio, and what both tell."""
    setup, empty = _setup(folder), folder / "one.pcap"
    with path.open("rb") as stream:
        head = stream.read(40)
        empty.write_bytes(head + stream.read(struct.unpack_from("<I", head, 32)[0]))
    costs: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(TURNS):
        for file, name in ((path, "file"), (empty, "start")):
            costs[f"sensor {name}"].append(_run(_sensor(file), folder / f"sensor-{name}.json"))
            for old in folder.glob("eve.json"):
                old.unlink()
            costs[f"suricata {name}"].append(_run(_suricata(program, setup, folder, "-r", str(file)), folder / "said"))
            if name == "file":
                (folder / "eve.json").rename(folder / "whole.json")
    least = {name: min(runs).cpu for name, runs in costs.items()}
    spent = {who: least[f"{who} file"] - least[f"{who} start"] for who in ("sensor", "suricata")}
    for who, seconds in spent.items():
        memory = max(cost.memory for cost in costs[f"{who} file"])
        print(f"{who}: {seconds:.2f} s CPU, {least[f'{who} start']:.2f} s for its start, {memory:.0f} MiB")
    print(f"sensor : suricata, CPU time of the same file: {spent['sensor'] / spent['suricata']:.2f} : 1")
    compare(folder / "sensor-file.json", folder / "whole.json")


def _setup(folder: Path) -> Path:
    """Write Suricata's settings, which are YAML and so may be JSON, and an empty file of rules."""
    types: list[object] = [*_KINDS, {"tls": {"extended": True, "ja4": True}}, {"dhcp": {"extended": True}}]
    types.append({"stats": {"totals": True, "threads": False}})
    eve = {"enabled": True, "filetype": "regular", "filename": "eve.json", "community-id": True, "types": types}
    parsers: dict[str, dict[str, object]] = {name: {"enabled": True} for name in _PARSED}
    for name, ports in _PORTS.items():
        one: dict[str, object] = {"enabled": True, "detection-ports": {"dp": ports}}
        parsers[name] = {"tcp": one, "udp": one} if name == "dns" else one
    parsers["tls"] |= {"ja3-fingerprints": True, "ja4-fingerprints": True}
    said = {
        "stats": {"enabled": True, "interval": 3600},
        "outputs": [{"eve-log": eve}],
        "app-layer": {"protocols": parsers},
        "stream": {"memcap": "512mb", "checksum-validation": False, "midstream": True,
                   "reassembly": {"memcap": "512mb", "depth": "1mb"}},
        "flow": {"memcap": "256mb", "hash-size": 65536, "prealloc": 10000},
        "logging": {"default-log-level": "notice", "outputs": [{"console": {"enabled": True}}]},
        "af-packet": [{"interface": _live.CARD, "threads": 1, "cluster-id": 99, "cluster-type": "cluster_flow",
                       "tpacket-v3": True, "use-mmap": True, "ring-size": 100_000, "block-size": 1 << 20,
                       "defrag": False, "checksum-checks": False}],
        "max-pending-packets": 4096,
        "classification-file": str(folder / "empty"),
        "reference-config-file": str(folder / "empty"),
        "threshold-file": str(folder / "empty"),
    }  # fmt: skip
    (folder / "empty").touch()
    path = folder / "suricata.yaml"
    path.write_text("%YAML 1.1\n---\n" + json.dumps(said), "utf-8")
    return path


def _suricata(program: Path, setup: Path, folder: Path, *source: str) -> list[str]:
    rules = str(setup.parent / "empty")
    return [
        str(program),
        "-c",
        str(setup),
        "-S",
        rules,
        "-k",
        "none",
        "--runmode",
        "single",
        "-l",
        str(folder),
        *source,
    ]


def _sensor(path: Path) -> list[str]:
    return [sys.executable, "-m", "collector", "read", str(path)]


def _one_core() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def live(program: Path, packets: int, seconds: float, folder: Path) -> None:
    """Print what Suricata takes at a card, at the rates and from the sender that the sensor is measured with."""
    setup = _setup(folder)
    with _live.cards():
        for rate in _live.RATES:
            with _watching(program, setup, folder) as process:
                before = _seconds(process.pid)
                sent, took = _live.sent(packets, rate, seconds)
                time.sleep(1.0)  # what is in the ring is read
                spent = _seconds(process.pid) - before
            with (folder / "eve.json").open("rb") as said:
                (stats,) = (one["stats"] for line in said if (one := orjson.loads(line))["event_type"] == "stats")
            seen, size = stats["decoder"]["pkts"], stats["decoder"]["bytes"]
            print(
                f"suricata, live, {rate:,} packets/s: {sent / took:,.0f} sent,"
                f" {8 * size / took / 1e6:,.0f} Mbit/s seen,"
                f" {spent / took:.0%} of a core, {max(0, sent - seen):,} packets lost"
                f" ({stats['capture']['kernel_drops']:,} without room in the ring)",
                flush=True,
            )


@contextmanager
def _watching(program: Path, setup: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let Suricata watch the card; it says at its end what it has seen."""
    (folder / "eve.json").unlink(missing_ok=True)
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            _suricata(program, setup, folder, f"--af-packet={_live.CARD}"), stdout=out, stderr=subprocess.STDOUT,
            preexec_fn=_one_core,  # noqa: PLW1509 - no thread has begun
        )  # fmt: skip
    try:
        until = time.monotonic() + _READY
        while b"Engine started" not in said.read_bytes():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{program}: {said.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_READY)


def _seconds(process: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _run(command: list[str], out: Path) -> Cost:
    with out.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, preexec_fn=_one_core)  # noqa: PLW1509 - no thread has begun
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]}: {out.read_text('utf-8', 'replace')[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
