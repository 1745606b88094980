"""The spine under load: throughput, latency from process to alert, start, memory.

`./czujka bench spine [--events N] [--probes N] [--streams NAME ...] [--rules NAME ...]`. Two streams: `office` is the
mix of a busy office, every value its own (`unique` in `_streams`, which the contest uses), and one event in 1,000 an
attack; `sign-ins` is a storm, half of it network sign-ins, each of which four correlations take in. Figures are of this
machine in this run; docs/benchmarks.md keeps the last.
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import httpx
import orjson
import psutil

from agent.wire.envelope import BATCH_PATH, KEY_HEADER, encode_record, pack
from agent.wire.event import Record
from appliance.detect import Engine, load_rules
from appliance.normalise import normalise
from rules import ROOT
from tests.appliance.detect.corpus import SOURCE
from tests.benchmarks import _streams
from tests.conftest import corpora_root
from tests.e2e.box import Box, wait_for

BATCH = 500
ATTACKS = 0.001
_MAIL = "min_level = 4\n"
_ALL = ("rules", "rules-emerging-threats", "rules-threat-hunting")
_FOLDERS: Mapping[str, Sequence[str]] = {"own": (), "windows": ("rules/windows",), "sigmahq": _ALL}


def main(argv: list[str]) -> int:
    """Run all measurements and print them."""
    options = argparse.ArgumentParser(prog="czujka bench spine")
    options.add_argument("--events", type=int, default=150_000)
    options.add_argument("--probes", type=int, default=60)
    options.add_argument("--streams", nargs="*", choices=_STREAMS, default=list(_STREAMS))
    options.add_argument("--rules", nargs="*", choices=_FOLDERS, default=list(_FOLDERS))
    chosen = options.parse_args(argv)
    corpora = corpora_root()
    for stream in chosen.streams:
        if not corpora.is_dir():
            print(f"{stream}: left out, no corpora")
            continue
        bodies = _bodies(_STREAMS[stream](corpora, 2 * chosen.events))
        for rules in chosen.rules:
            with tempfile.TemporaryDirectory() as folder:
                _measure(f"{stream}, {rules}", Path(folder), _settings(corpora, _FOLDERS[rules]), bodies)
    if chosen.probes:
        with tempfile.TemporaryDirectory() as folder:
            _latency(Path(folder), chosen.probes)
    return 0


def _settings(corpora: Path, folders: Sequence[str]) -> str:
    return f"{_MAIL}[rules]\nfolders = {json.dumps([str(corpora / 'sigmahq' / name) for name in folders])}\n"


def _bodies(lines: Iterable[bytes]) -> list[bytes]:
    waiting, bodies = iter(lines), []
    while batch := list(islice(waiting, BATCH)):
        bodies.append(pack(batch))
    return bodies


def _measure(name: str, folder: Path, settings: str, bodies: Sequence[bytes]) -> None:
    """Send one half, then the other, and print how many events a second are stored."""
    box = Box(folder, settings=settings)
    half = len(bodies) // 2
    with box:
        box.stop()
        print(f"{name}: ready in {box.start():.1f} s (second start)")
        time.sleep(3)
        print(f"{name}: memory idle {_memory(box)}")
        for when, first in (("first", 0), ("then", half)):
            before, began = _processors(box), time.monotonic()
            _send(box, bodies[first : first + half], first)
            _stored(box, (first + half) * BATCH)
            taken = time.monotonic() - began
            spent = {role: 1e6 * (now - before[role]) / half / BATCH for role, now in _processors(box).items()}
            costs = ", ".join(f"{role} {micros:.0f}" for role, micros in spent.items())
            print(f"{name}: {when} {half * BATCH} events, {half * BATCH / taken:.0f} events/s, µs of CPU each: {costs}")
        print(f"{name}: memory after load {_memory(box)}", flush=True)


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


def _send(box: Box, bodies: Sequence[bytes], first: int) -> None:
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
    return int(box.get("events/count", q="event.module:windows.eventlog")["count"])


def _stored(box: Box, events: int) -> None:
    """Wait until all is stored. Asked seldom: each question costs what is measured some of the machine."""
    end = time.monotonic() + 600
    while _count(box) < events:
        assert time.monotonic() < end
        time.sleep(0.5)


def _processes(box: Box) -> dict[str, psutil.Process]:
    assert box.process is not None
    return {"supervisor": psutil.Process(box.process.pid), **box.roles()}


def _memory(box: Box) -> str:
    sizes = {name: process.memory_info().rss / 1e6 for name, process in _processes(box).items()}
    return f"{sum(sizes.values()):.0f} MB (" + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()) + ")"


def _processors(box: Box) -> dict[str, float]:
    """Seconds of CPU of each role, of the pipeline's helpers together, and of this process, which sends."""
    roles = _processes(box)
    helpers = [process for process in roles["pipeline"].children() if "helper" in " ".join(process.cmdline())]
    spent = {name: _seconds(process) for name, process in roles.items()}
    return spent | {"helpers": sum(map(_seconds, helpers)), "sender": _seconds(psutil.Process())}


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def office(corpora: Path, count: int) -> Iterator[bytes]:
    """The mix of a busy office as records for the gateway."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(load_rules([ROOT / "sigma", corpora / "sigmahq" / "rules" / "windows"], Path(folder)))

    def fires(record: _streams.Record) -> bool:
        return bool(engine.match(normalise(orjson.dumps(record), SOURCE)))

    for number, line in enumerate(_streams.unique(_streams.samples(corpora), fires, count, ATTACKS)):
        # The stream draws these from 60,000: two events with one number on one host would be one event to the box.
        yield orjson.dumps(orjson.loads(line) | {"event.module": "windows.eventlog", "EventRecordID": number})


def _sign_ins(_corpora: Path, count: int) -> Iterator[bytes]:
    return (encode_record(record) for number in range(count // BATCH) for record in _events(number, BATCH))


_STREAMS = {"office": office, "sign-ins": _sign_ins}


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
