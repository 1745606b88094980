"""Programs that report home by the clock, and harmless ones that do the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from collector.analysers.beacon import MOST_PULSES, MOST_SINGLE, STARTS, Beacon
from collector.analysers.targets import LITTLE, MANY
from collector.heads.head import Entry
from collector.protocols.model import Log
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.collector.analysers.logs import (
    BEGIN,
    DAY,
    FAR,
    SECOND,
    STATION,
    again,
    conn,
    dns,
    notices,
    rules,
)
from tests.collector.packets import NOON, batch

Wait = Callable[[random.Random], float]
RUNS = 20
NAME = "cdn.raporty.example"


def around(seconds: float, jitter: float) -> Wait:
    return lambda chance: seconds * chance.uniform(1 - jitter, 1 + jitter)


def starts(wait: Wait, hours: float, chance: random.Random) -> Iterator[int]:
    at = 0.0
    while at < hours * 3600:
        yield BEGIN + int(at * SECOND)
        at += wait(chance)


def beats(wait: Wait, hours: float, seed: int = 1, name: str = NAME, **options: int | str) -> Iterator[Entry]:
    """Connections with the logs in which their names stand."""
    chance = random.Random(seed)
    for at in starts(wait, hours, chance):
        one = conn(at, sent=900 + chance.randint(-40, 40), **options)  # type: ignore[arg-type]  # as conn takes them
        if name:
            yield Entry(Log("ssl", at, {"server_name": name}), one.uid, one.flow)
        yield one


def found(share_of: Callable[[int], Iterator[Entry]]) -> float:
    return sum(bool(notices(Beacon(), share_of(seed))) for seed in range(RUNS)) / RUNS


@pytest.mark.parametrize("jitter", [0, 0.1, 0.2, 0.3])
@pytest.mark.parametrize(("seconds", "hours"), [(60, 24), (600, 24), (3600, 48)])
def test_a_beacon_with_jitter_is_found(seconds: float, hours: float, jitter: float) -> None:
    assert found(lambda seed: beats(around(seconds, jitter), hours, seed)) >= 0.95


def test_a_beacon_that_only_waits_shorter_is_found() -> None:
    """Cobalt Strike's jitter shortens the wait only."""
    assert found(lambda seed: beats(lambda chance: 300 * (1 - chance.uniform(0, 0.3)), 24, seed)) == 1


def test_connections_by_chance_are_not() -> None:
    assert found(lambda seed: beats(lambda chance: chance.expovariate(1 / 300), 48, seed)) == 0
    assert found(lambda seed: beats(around(300, 0.9), 48, seed)) <= 0.02


def test_it_is_told_once_with_what_it_looks_like() -> None:
    analyser = Beacon()
    noticed = notices(analyser, beats(around(600, 0.1), 60))
    assert [log.fields["note"] for log in noticed] == ["Conn::Beacon"]
    fields = noticed[0].fields
    assert (fields["src"], fields["dst"], fields["sub"], fields["hosts"]) == (STATION, FAR, NAME, 1)
    assert isinstance(fields["interval"], float)
    assert isinstance(fields["jitter"], float)
    assert 560 < fields["interval"] < 640
    assert 0.02 < fields["jitter"] < 0.2
    assert rules(noticed) == {"zeek_notice_conn_beacon"}
    assert notices(again(analyser, Beacon()), beats(around(600, 0.1), 60)) == []


def test_a_bare_address_needs_hours_a_name_a_day() -> None:
    assert len(notices(Beacon(), beats(around(60, 0.1), 4, name=""))) == 1
    assert notices(Beacon(), beats(around(60, 0.1), 8)) == []


def test_nights_and_a_restart_do_not_hide_it() -> None:
    analyser = Beacon()
    for day in range(3):
        office = list(beats(around(900, 0.2), 8, seed=day))
        shifted = [
            Entry(Log(one.log.path, one.log.at + day * DAY, one.log.fields), one.uid, one.flow) for one in office
        ]
        noticed = notices(analyser, shifted)
        if noticed:
            return
        analyser = again(analyser, Beacon())  # type: ignore[assignment]  # of the same kind
    pytest.fail("not found in three days")


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("settings-win.data.microsoft.com", 443),
        ("update.eset.com", 443),
        ("aus5.mozilla.org", 443),
        (NAME, 123),
        (NAME, 993),
        (NAME, 995),
        (NAME, 5060),
    ],
)
def test_updates_protection_time_and_mail_are_harmless(name: str, port: int) -> None:
    assert notices(Beacon(), beats(around(600, 0), 60, name=name, port=port)) == []


def test_a_name_that_only_dns_told_is_known_too() -> None:
    told = dns(BEGIN - SECOND, "client.wns.windows.com", answers=["wns.example.net", FAR])
    assert notices(Beacon(), [told, *beats(around(600, 0), 60, name="")]) == []


def test_a_service_that_only_the_hello_names_is_none() -> None:
    analyser = Beacon()
    notices(analyser, [dns(BEGIN, f"w{n}.example", answers=[f"185.7.1.{n}"]) for n in range(LITTLE)])
    (found,) = notices(analyser, beats(around(600, 0), 60, name="www.microsoft.com"))
    assert found.fields["sub"] == "www.microsoft.com"


def test_what_several_computers_use_is_a_service_also_after_a_restart() -> None:
    analyser = Beacon()
    office = [one for seed in range(MANY) for one in beats(around(600, 0), 30, seed, source=f"192.168.10.{seed + 40}")]
    office.sort(key=lambda one: one.log.at)
    assert notices(analyser, office) == []
    later = [Entry(Log(one.log.path, one.log.at + 2 * DAY, one.log.fields), one.uid, one.flow) for one in office]
    assert notices(again(analyser, Beacon()), later[: len(later) // 2]) == []


def test_other_harmless_patterns() -> None:
    chance = random.Random(3)
    inside = beats(around(60, 0), 48, target="192.168.10.9")
    from_outside = beats(around(60, 0), 48, source="185.1.1.1", target="192.168.10.80")
    unanswered = beats(around(60, 0), 48, got=0)
    assert notices(Beacon(), [*inside, *from_outside, *unanswered]) == []
    reading = [conn(at, sent=chance.randint(300, 9000)) for at in starts(around(300, 0.1), 48, chance)]
    burst = [conn(BEGIN + n * SECOND) for n in range(3000)]
    assert notices(Beacon(), reading) == []
    assert notices(Beacon(), burst) == []


def test_logs_in_another_order_change_nothing() -> None:
    entries = list(beats(around(600, 0.1), 30, name=""))
    swapped = [entries[place ^ 1] for place in range(len(entries) & ~1)]
    assert len(notices(Beacon(), swapped)) == len(notices(Beacon(), entries)) == 1


def test_memory_is_bounded() -> None:
    analyser = Beacon()
    for number in range(MOST_PULSES + 100):
        target = f"185.{number >> 8 & 255}.{number & 255}.9"
        assert notices(analyser, [conn(BEGIN + number * SECOND + n, target) for n in range(5)]) == []
    for number in range(MOST_SINGLE + 100):
        analyser._pulse(str(number), 1, 1)
    assert len(analyser._pulses) == MOST_PULSES
    assert len(analyser._single) == MOST_SINGLE
    assert len(str(analyser.memory())) < 100_000


@pytest.mark.parametrize("memory", [[], {"pulses": [["a", 1, 2, 3, [], []]]}, {"pulses": [[1]]}, {"pulses": 5}])
def test_memory_that_is_none_is_refused(memory: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Beacon().recall(memory)  # type: ignore[arg-type]  # it is what must be refused


def test_a_beacon_in_packets_is_noticed() -> None:
    packets, times = [], []
    for number in range(STARTS + 4):
        there = Ether() / IP(src=STATION, dst=FAR) / TCP(sport=40_000 + number, dport=8443)
        back = Ether() / IP(src=FAR, dst=STATION) / TCP(sport=8443, dport=40_000 + number)
        at = NOON + number * 600 * 1_000_000_000
        for place, (frame, flags, seq, ack, load) in enumerate(
            [
                (there, "S", 1, 0, b""),
                (back, "SA", 1, 2, b""),
                (there, "PA", 2, 2, b"x" * 200),
                (back, "PA", 2, 202, b"y" * 100),
                (there, "FA", 202, 102, b""),
                (back, "FA", 102, 203, b""),
            ]
        ):
            made = frame.copy()
            made[TCP].flags, made[TCP].seq, made[TCP].ack = flags, seq, ack
            packets.append(made / load if load else made)
            times.append(at + place * 1_000_000)
    watch = Watch(PROTOCOLS, analysers=[Beacon()])
    noticed = [*watch.take(batch(packets, times)), *watch.finish()]
    assert [one.log.fields["note"] for one in noticed if one.log.path == "notice"] == ["Conn::Beacon"]
