"""The spine under load: throughput, latency from process to alert, start, memory.

`./czujka bench spine [--events N] [--probes N]`. Figures are of this machine in this run;
docs/benchmarks.md keeps the last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, encode_record, pack
from agent.wire.event import Record
from tests.conftest import corpora_root
from tests.e2e.box import Box, wait_for

BATCH = 500
_MAIL = "min_level = 4\n"


def main(argv: list[str]) -> int:
    """Run all measurements and print them."""
    options = argparse.ArgumentParser(prog="czujka bench spine")
    options.add_argument("--events", type=int, default=150_000)
    options.add_argument("--probes", type=int, default=60)
    chosen = options.parse_args(argv)
    folders = [
        str(corpora_root() / "sigmahq" / name) for name in ("rules", "rules-emerging-threats", "rules-threat-hunting")
    ]
    sigmahq = f"{_MAIL}[rules]\nfolders = {json.dumps(folders)}\n"
    windows = f"{_MAIL}[rules]\nfolders = {json.dumps([str(corpora_root() / 'sigmahq' / 'rules' / 'windows')])}\n"
    for name, settings in (("own rules", _MAIL), ("SigmaHQ's Windows rules", windows), ("SigmaHQ", sigmahq)):
        if settings != _MAIL and not Path(folders[0]).is_dir():
            print("SigmaHQ: left out, no corpora")
            continue
        with tempfile.TemporaryDirectory() as folder:
            _measure(name, Path(folder), settings, chosen.events)
    with tempfile.TemporaryDirectory() as folder:
        _latency(Path(folder), chosen.probes)
    return 0


def _measure(name: str, folder: Path, settings: str, events: int) -> None:
    box = Box(folder, settings=settings)
    with box:
        box.stop()
        print(f"{name}: ready in {box.start():.1f} s (second start)")
        time.sleep(3)
        print(f"{name}: memory idle {_memory(box)}")
        for place, when in enumerate(("first", "then")):
            rate = _rate(box, place * events // BATCH, events)
            print(f"{name}: {when} {events} events, {rate:.0f} events/s, gateway to store")
        print(f"{name}: memory after load {_memory(box)}")


def _rate(box: Box, first: int, events: int) -> float:
    """Send batches from number `first` on, and return how many events are stored in a second."""
    bodies = [
        pack(encode_record(record) for record in _events(number, BATCH))
        for number in range(first, first + events // BATCH)
    ]
    began = time.monotonic()
    _send(box, bodies, first)
    _stored(box, first * BATCH + events)
    return events / (time.monotonic() - began)


def _latency(folder: Path, probes: int) -> None:
    if os.geteuid() != 0:
        print("latency: left out, needs root for the kernel audit")
        return
    with Box(folder, agent=True, settings=_MAIL) as box:
        wait_for("the agent is on", lambda: _agent_on(box), 30)
        stop = threading.Event()
        background = threading.Thread(target=_background, args=(box, stop, 2000))
        background.start()
        arrivals: list[float] = []
        listener = threading.Thread(target=_listen, args=(box, stop, arrivals), daemon=True)
        listener.start()
        time.sleep(2)
        taken = []
        for number in range(probes):
            before, began = len(arrivals), time.monotonic()
            subprocess.run(["sh", "-c", f"echo ZWNobyB{number} | base64 -d | sh"], check=False, capture_output=True)
            wait_for("the alert is on the stream", lambda seen=before: len(arrivals) > seen, 20)  # type: ignore[misc]
            taken.append(arrivals[before] - began)
            time.sleep(random.uniform(0.3, 0.8))
        stop.set()
        background.join()
        taken.sort()
        print(
            f"process → alert on the stream at 2,000 events/s: p50 {statistics.median(taken):.3f} s, "
            f"p95 {taken[int(len(taken) * 0.95)]:.3f} s, worst {taken[-1]:.3f} s ({probes} probes)"
        )


def _agent_on(box: Box) -> bool:
    agents = box.get("agents")["items"]
    return any(sensor["name"] == "audit" and sensor["state"] == "on" for agent in agents for sensor in agent["sensors"])


def _listen(box: Box, stop: threading.Event, arrivals: list[float]) -> None:
    # The box ends while the stream is open.
    ended = contextlib.suppress(httpx.TransportError)
    with ended, box.api() as client, client.stream("GET", "stream", timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and "alert" in line:
                arrivals.append(time.monotonic())
            if stop.is_set():
                return


def _background(box: Box, stop: threading.Event, rate: int) -> None:
    client = _client(box)
    number, began = 1_000_000, time.monotonic()
    sent = 0
    while not stop.is_set():
        _post(client, f"bg:{number}", pack(encode_record(record) for record in _events(number, 200)))
        number += 1
        sent += 200
        ahead = sent / rate - (time.monotonic() - began)
        if ahead > 0:
            stop.wait(ahead)


def _send(box: Box, bodies: list[bytes], first: int) -> None:
    halves = [list(enumerate(bodies, first))[part::2] for part in range(2)]
    threads = [threading.Thread(target=_send_part, args=(box, part)) for part in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send_part(box: Box, part: list[tuple[int, bytes]]) -> None:
    client = _client(box)
    for number, body in part:
        _post(client, f"bench:{number}", body)


def _client(box: Box) -> httpx.Client:
    context = box.trust()
    context.load_cert_chain(box.home.pki / "importer.pem", box.home.pki / "importer.key")
    return httpx.Client(base_url=f"https://127.0.0.1:{box.gateway_port}", verify=context, timeout=30)


def _post(client: httpx.Client, key: str, body: bytes) -> None:
    while True:
        answer = client.post(BATCH_PATH, content=body, headers={KEY_HEADER: key})
        if answer.status_code == 200:
            return
        time.sleep(min(float(answer.headers.get("retry-after", 1)), 1))


def _count(box: Box) -> int:
    return int(box.get("events/count", q="host.name:BENCH-*")["count"])


def _stored(box: Box, events: int) -> None:
    """Wait until all is stored. Asked seldom: each question costs what is measured some of the machine."""
    end = time.monotonic() + 600
    while _count(box) < events:
        assert time.monotonic() < end
        time.sleep(0.5)


def _memory(box: Box) -> str:
    assert box.process is not None
    processes = {"supervisor": psutil.Process(box.process.pid), **box.roles()}
    sizes = {name: process.memory_info().rss / 1e6 for name, process in processes.items()}
    return f"{sum(sizes.values()):.0f} MB (" + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()) + ")"


def _events(batch: int, count: int) -> Iterator[Record]:
    rng = random.Random(batch)
    for number in range(count):
        yield _event(rng, batch * count + number)


def _event(rng: random.Random, number: int) -> Record:
    """A benign Windows record whose command line, ids and times are all its own."""
    host = f"BENCH-{rng.randrange(300):03d}"
    common: Record = {
        "event.module": "windows.eventlog",
        "Computer": host,
        "EventRecordID": number,
        "TimeCreated": f"2026-11-20T{number // 3_600_000 % 24:02d}:{number // 60_000 % 60:02d}:"
        f"{number // 1000 % 60:02d}.{number % 1000:03d}Z",
    }
    if rng.random() < 0.5:
        return common | {
            "Channel": "Security",
            "Provider_Name": "Microsoft-Windows-Security-Auditing",
            "EventID": 4624,
            "TargetUserName": f"user{rng.randrange(5000)}",
            "TargetDomainName": "UG",
            "TargetUserSid": f"S-1-5-21-1-2-3-{rng.randrange(1000, 9000)}",
            "LogonType": 3,
            "IpAddress": f"10.0.{rng.randrange(255)}.{rng.randrange(255)}",
            "IpPort": str(rng.randrange(1024, 65000)),
            "LogonProcessName": "Kerberos",
            "WorkstationName": host,
        }
    folder = rng.choice(("Microsoft Office\\root\\Office16", "EZD\\bin", "Mozilla Firefox", "7-Zip"))
    image = f"C:\\Program Files\\{folder}\\app{rng.randrange(400)}.exe"
    return common | {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "UtcTime": "2026-11-20 10:00:00.000",
        "ProcessGuid": f"{{{rng.getrandbits(128):032x}}}",
        "ProcessId": rng.randrange(4, 60000),
        "Image": image,
        "CommandLine": f'"{image}" /plik "D:\\Sprawy\\{rng.getrandbits(48):x}.docx" /okno {number}',
        "CurrentDirectory": f"C:\\Users\\user{rng.randrange(5000)}\\",
        "User": f"UG\\user{rng.randrange(5000)}",
        "ParentImage": "C:\\Windows\\explorer.exe",
        "ParentCommandLine": f"C:\\Windows\\explorer.exe /n{number}",
        "ParentProcessId": rng.randrange(4, 60000),
        "Hashes": f"SHA256={rng.getrandbits(256):064X}",
        "IntegrityLevel": "Medium",
    }
