"""The sensor at a card: the made mix over a pair of virtual cards, each rate for some seconds, sender and sensor apart.

Needs root. The sender is one process in a network namespace of its own, on the first core; the sensor, with all parsers
and analysers and each log as a line, is another on the second. Both end by themselves.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

from agent.wire.sending.memory import settle
from collector.analysers.registry import analysers
from collector.capture import card
from collector.heads.head import Entry
from collector.logs import line
from collector.settings import settings
from collector.watching.alone import Alone
from tests.benchmarks._traffic import frames

CARD, OTHER, SPACE = "czb-mirror", "czb-office", "czb-office"
RATES = (20_000, 40_000, 60_000, 80_000, 100_000, 150_000)
"""Packets a second; the last is about 1 Gbit/s."""
LOST = 0.01
"""Share of packets; a rate at which more are lost is the last."""
_MESSAGE = np.dtype(
    [("name", "u8"), ("names", "u8"), ("iov", "u8"), ("iovs", "u8"), ("control", "u8"), ("controls", "u8"),
     ("flags", "u8"), ("sent", "u8")]
)  # fmt: skip
"""`struct mmsghdr` of 64-bit Linux."""
_PIECE = np.dtype([("base", "u8"), ("size", "u8")])
_SOL_PACKET, _BYPASS_QDISC = 263, 20
_AT_ONCE = 256
_PROCESSES = multiprocessing.get_context("spawn")


class Seen(NamedTuple):
    """What the sensor says at the end: frames, their bytes, those without room in its ring or lost by the card before
    it, its CPU seconds, its logs.
    """

    frames: int
    bytes: int
    dropped: int
    missed: int
    cpu: float
    logs: int


def run(packets: int, seconds: float) -> None:
    """Print what the sensor took at each rate until it loses one packet in a hundred."""
    with cards():
        for rate in RATES:
            count, seen, took = _one(packets, rate, seconds)
            missing = max(0, count - seen.frames)
            print(
                f"live, {rate:,} packets/s: {count / took:,.0f} sent, {8 * seen.bytes / took / 1e6:,.0f} Mbit/s seen,"
                f" {seen.cpu / took:.0%} of a core, {seen.logs:,} logs, {missing:,} packets lost"
                f" ({seen.dropped:,} without room in the ring, {seen.missed:,} by the card)"
            )
            if missing > LOST * count:
                return


@contextmanager
def cards() -> Iterator[None]:
    """Have a pair of virtual cards, one of them in a namespace of its own."""
    for command in (
        f"netns add {SPACE}",
        f"link add {CARD} type veth peer name {OTHER} netns {SPACE}",
        f"link set {CARD} up",
        f"-n {SPACE} link set {OTHER} up",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], check=True)


def _one(packets: int, rate: int, seconds: float) -> tuple[int, Seen, float]:
    ours, theirs = _PROCESSES.Pipe()
    sensor = _PROCESSES.Process(target=_watch, args=(theirs,), daemon=True)
    sensor.start()
    assert ours.recv() == "ready"
    count, took = sent(packets, rate, seconds)
    time.sleep(1.0)  # what is in the ring is read
    ours.send("stop")
    seen = ours.recv()
    sensor.join(30)
    assert isinstance(seen, Seen)
    return count, seen, took


def sent(packets: int, rate: int, seconds: float) -> tuple[int, float]:
    """Let a process of the namespace send the mix; return how many frames went, and the seconds that it took."""
    program = f"from tests.benchmarks._live import send; send({packets}, {rate}, {seconds})"
    command = ["ip", "netns", "exec", SPACE, sys.executable, "-c", program]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 120).stdout.split()
    return int(told[0]), float(told[1])


def _watch(to: Connection) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    watching = Alone([CARD], settings((), ()), analysers())
    watching.open()
    missed = card.missed(CARD)
    settle()
    to.send("ready")
    logs, ticked = 0, time.monotonic()
    began: float | None = None
    while not to.poll():
        ready, _, _ = select.select([watching.fileno()], [], [], 0.2)
        found: list[Entry] = watching.read() if ready else []
        if ready and began is None:
            began = time.process_time()
        if time.monotonic() - ticked >= 1:
            found += [one for one in watching.tick() if isinstance(one, Entry)]
            ticked = time.monotonic()
        logs += sum(1 for entry in found if line(entry))
    totals = watching.totals()
    spent = time.process_time() - (began or time.process_time())
    to.send(Seen(totals.frames, totals.bytes, totals.dropped, card.missed(CARD) - missed, spent, logs))
    watching.close()


def send(packets: int, rate: int, seconds: float) -> None:
    """Send the mix again and again at a rate; print how many frames went, and the seconds that it took."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    made = list(frames(packets))
    data = np.frombuffer(b"".join(made), np.uint8)
    sizes = np.fromiter(map(len, made), np.uint64, len(made))
    pieces = np.zeros(len(made), _PIECE)
    pieces["size"] = sizes
    pieces["base"] = data.ctypes.data + np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.uint64)
    messages = np.zeros(len(made), _MESSAGE)
    messages["iov"] = pieces.ctypes.data + np.arange(len(made), dtype=np.uint64) * _PIECE.itemsize
    messages["iovs"] = 1
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((OTHER, 0))
        out.setsockopt(_SOL_PACKET, _BYPASS_QDISC, 1)
        began, gone = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            due = int(now * rate) - gone
            if due < 1:
                time.sleep(0.0005)
                continue
            at = gone % len(made)
            count = min(due, _AT_ONCE, len(made) - at)
            done = sendmmsg(out.fileno(), messages.ctypes.data + at * _MESSAGE.itemsize, count, 0)
            gone += max(0, done)
    print(gone, time.monotonic() - began)
