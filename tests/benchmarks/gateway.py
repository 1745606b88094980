"""How many events a second the real gateway takes into the journal, over TLS, with batches of 500 records."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, pack
from appliance import clock
from appliance.clock import rfc3339
from tests.appliance.intake.box import Box, Station, exchange, running_box


def record(number: int) -> bytes:
    """Return a record like those that the Linux agent sends."""
    value = {
        "event.module": "linux.audit",
        "audit.type": "EXECVE",
        "event.id": f"{number:032x}",
        "@timestamp": rfc3339(clock.now()),
        "host.name": "PC-WOJT",
        "process.pid": number % 65536,
        "process.executable": "/usr/bin/find",
        "process.command_line": f"find /var/lib/{number} -type f -newer /tmp/{number * 7}",
        "process.parent.executable": "/usr/bin/bash",
        "process.working_directory": "/root",
        "user.name": "root",
        "user.id": 0,
    }
    return json.dumps(value).encode()


def send_for(box: Box, station: Station, seconds: float, body: bytes, sent: list[int]) -> None:
    """Send one body under ever new keys; append the count of answered batches."""
    connection, number, end = box.connect(station), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        status, _, headers = exchange(connection, BATCH_PATH, body, {KEY_HEADER: f"{station.id}-{number}"})
        if status == 200:
            number += 1
        else:
            time.sleep(float(headers.get("retry-after", "1")))
    connection.close()
    sent.append(number)


def main(argv: list[str]) -> int:
    """Print one JSON line: events and batches a second, the gateway's processor share and memory."""
    parser = argparse.ArgumentParser(prog="gateway")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--records", type=int, default=500)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, running_box(Path(folder) / "box") as box:
        stations = [box.station(number) for number in range(options.senders)]
        body, sent = pack(record(number) for number in range(options.records)), list[int]()
        threads = [
            threading.Thread(target=send_for, args=(box, station, options.seconds, body, sent)) for station in stations
        ]
        used, began = _cpu_seconds(box), time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.monotonic() - began
        result = {
            "events_per_second": round(sum(sent) * options.records / elapsed),
            "batches_per_second": round(sum(sent) / elapsed, 1),
            "body_bytes": len(body),
            "gateway_cores": round((_cpu_seconds(box) - used) / elapsed, 2),
            "gateway_rss_mb": round(_rss_kb(box) / 1024),
        }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _cpu_seconds(box: Box) -> float:
    assert box.process is not None
    fields = Path(f"/proc/{box.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _rss_kb(box: Box) -> int:
    assert box.process is not None
    lines = Path(f"/proc/{box.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
