"""The reader over an event log that can do what a real one does to it."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from agent.sensors.windows.channels import Channel
from agent.sensors.windows.eventlog import AT_MOST, EventLogSensor
from agent.sensors.windows.subscription import moment
from agent.sensors.windows.wevtapi import ACCESS_DENIED, QUERY_RESULT_STALE, Config, EventLogError
from agent.wire.sending.sensor import Gap, Item, Reading
from tests.agent.sensors.windows.fake import DAY, FakeLog, event

LISTED = (Channel("security", "Security", 1, (1102, 4624, 4688)), Channel("bits", "Bits", 3, (3,)))


POWERSHELL = "Microsoft-Windows-PowerShell/Operational"


class Reader:
    """A sensor on a fake log whose bookmarks are kept as the spool keeps them: with the records before them."""

    def __init__(self, log: FakeLog) -> None:
        self.log = log
        self.bookmarks: dict[str, str] = {}
        self.records: list[dict[str, Any]] = []
        self.gaps: list[str] = []
        self.sensor = self._sensor()

    def _sensor(self) -> EventLogSensor:
        return EventLogSensor(lambda: self.log, LISTED)

    def __enter__(self) -> Reader:
        self._keep(self.sensor.open(self.bookmarks))
        return self

    def __exit__(self, *_: object) -> None:
        self.sensor.close()
        assert not self.log.open, "handles left open"
        self.sensor = self._sensor()

    def _keep(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, Gap):
                self.gaps.append(item.cause)
            elif isinstance(item, Reading):
                self.records += [dict(item.record)] if item.record is not None else []
                if item.bookmark is not None:
                    self.bookmarks[item.bookmark.name] = item.bookmark.value

    def turn(self, seconds: float = 5.0) -> bool:
        """Read once when the sensor says that there is something; False when it does not within the time."""
        ready, _, _ = select.select([self.sensor.fileno()], [], [], seconds)
        if ready:
            self._keep(self.sensor.read())
        return bool(ready)

    def until(self, count: int) -> None:
        while len(self.records) < count:
            assert self.turn(), f"{len(self.records)} of {count} records"

    def tick(self) -> None:
        self._keep(self.sensor.tick())

    @property
    def numbers(self) -> list[int]:
        return [int(record["EventRecordID"]) for record in self.records]


def _moment_of(log: FakeLog, number: int) -> int:
    text = dict(log.channels["Security"].events)[number]
    found = moment(text.partition("SystemTime='")[2].partition("'")[0])
    assert found is not None
    return found


@pytest.fixture
def log() -> FakeLog:
    return FakeLog("Security", "Bits")


def test_the_first_start_takes_the_last_days_and_then_what_comes(log: FakeLog) -> None:
    log.add("Security", at=time.time() - 8 * DAY)
    log.add("Security", at=time.time() - 6 * DAY)
    log.add("Security", code=4663)
    reader = Reader(log)
    with reader:
        reader.until(1)
        log.add("Security")
        reader.until(2)
    assert reader.numbers == [2, 4]
    assert reader.gaps == []
    assert reader.records[0]["EventID"] == "4624"


def test_a_restart_goes_on_after_the_last_event_that_was_kept(log: FakeLog) -> None:
    for _ in range(70):
        log.add("Security")
    reader = Reader(log)
    with reader:
        reader.until(70)
    log.add("Security")
    with reader:
        reader.until(71)
        assert reader.turn(0.05) is False or reader.numbers[-1] == 71
    assert reader.numbers == list(range(1, 72))


def test_a_reading_is_bounded_and_the_rest_comes_with_the_next(log: FakeLog) -> None:
    for _ in range(AT_MOST + 10):
        log.add("Security")
    reader = Reader(log)
    with reader:
        assert reader.turn()
        assert AT_MOST // 2 < len(reader.records) <= AT_MOST
        reader.until(AT_MOST + 10)
    assert reader.numbers == list(range(1, AT_MOST + 11))


@pytest.mark.parametrize("anew", [False, True])
def test_a_log_that_was_cleared_between_two_runs_is_said_and_read_from_its_beginning(log: FakeLog, anew: bool) -> None:
    log.add("Security")
    reader = Reader(log)
    with reader:
        reader.until(1)
    log.clear("Security", anew=anew)
    if anew:
        log.channels["Security"].next_number = 2
    log.add("Security", code=1102)
    with reader:
        reader.until(2)
    assert reader.gaps == ["event_bookmark_lost:security"]
    assert reader.records[-1]["EventID"] == "1102"


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_log_made_anew_that_has_the_same_numbers_is_read_from_its_beginning(log: FakeLog, sign: int) -> None:
    """Its events are newer than the last one read, or older where the clock was set."""
    for _ in range(3):
        log.add("Security")
    reader = Reader(log)
    with reader:
        reader.until(3)
    log.clear("Security", anew=True)
    for later in (0, 1, 2, 3, 4, 5):
        log.add("Security", at=time.time() + sign * (600 + later))
    with reader:
        reader.until(9)
    assert reader.numbers == [1, 2, 3, 1, 2, 3, 4, 5, 6]
    assert reader.gaps == ["event_bookmark_lost:security"]


@pytest.mark.parametrize("code", [5, 8, 14, 21, 1717, 1722, 1726, 1753, 15001, 15007, 15037])
def test_what_windows_refuses_in_passing_does_not_touch_the_bookmark(log: FakeLog, code: int) -> None:
    for _ in range(3):
        log.add("Security", at=time.time() - 20 * DAY)
    reader = Reader(log)
    reader.bookmarks["winlog:security"] = f"{_moment_of(log, 2)} <BookmarkList><Bookmark RecordId='2'/></BookmarkList>"
    log.channels["Security"].refused = code
    with reader:
        assert reader.sensor.availability().state == "limited"
        assert reader.gaps == []
        log.channels["Security"].refused = 0
        log.add("Security")
        reader.tick()
        reader.until(2)
    assert (reader.numbers, reader.gaps) == ([3, 4], [])


def test_a_bookmark_at_an_event_that_could_not_be_read_is_as_good_as_another(log: FakeLog) -> None:
    log.add("Security")
    log.large.add(log.add("Security"))
    reader = Reader(log)
    with reader:
        reader.until(1)
    log.add("Security")
    with reader:
        reader.until(2)
    assert (reader.numbers, reader.gaps) == ([1, 3], ["event_too_large"])


def test_a_log_cleared_while_it_is_read_goes_on(log: FakeLog) -> None:
    log.add("Security")
    reader = Reader(log)
    with reader:
        reader.until(1)
        log.clear("Security")
        log.break_subscriptions("Security", QUERY_RESULT_STALE)
        log.add("Security", code=1102)
        reader.until(2)
        log.add("Security")
        reader.until(3)
    assert reader.gaps == ["event_bookmark_lost:security"]
    assert reader.numbers == [1, 2, 3]


def test_a_subscription_that_breaks_is_made_anew_without_a_loss(log: FakeLog) -> None:
    log.add("Security")
    reader = Reader(log)
    with reader:
        reader.until(1)
        log.break_subscriptions("Security", 1734)
        log.add("Security")
        reader.until(2)
    assert (reader.numbers, reader.gaps) == ([1, 2], [])


def test_a_channel_that_cannot_be_read_at_all_rests_until_the_next_round(log: FakeLog) -> None:
    log.add("Security")
    log.channels["Security"].broken = 1734
    reader = Reader(log)
    with reader:
        while reader.turn(0.1):
            assert log.channels["Security"].subscribed < 5, "it tries again and again"
        assert reader.sensor.availability().state == "limited"
        log.channels["Security"].broken = 0
        reader.tick()
        reader.until(1)
        assert reader.sensor.availability().state == "on"
    assert (reader.numbers, reader.gaps) == ([1], [])


def test_a_damaged_bookmark_is_a_lost_one(log: FakeLog) -> None:
    log.add("Security")
    reader = Reader(log)
    reader.bookmarks["winlog:security"] = "17 <no bookmark>"
    with reader:
        reader.until(1)
    assert reader.gaps == ["event_bookmark_lost:security"]


def test_channels_that_are_missing_or_refused_are_taken_up_when_they_come() -> None:
    log = FakeLog("Security")
    log.channels["Security"].refused = ACCESS_DENIED
    reader = Reader(log)
    with reader:
        assert reader.sensor.availability() == ("limited", "sensor.reason.no_security_log")
        log.channels["Security"].refused = 0
        log.channels["Bits"] = type(log.channels["Security"])()
        log.add("Bits", code=3)
        log.add("Security")
        reader.tick()
        reader.until(2)
        assert reader.sensor.availability().state == "on"
    assert {record["Channel"] for record in reader.records} == {"Bits", "Security"}


def test_a_channel_that_is_taken_away_is_left_and_its_bookmark_kept(log: FakeLog) -> None:
    log.add("Bits", code=3)
    reader = Reader(log)
    with reader:
        reader.until(1)
        gone = log.channels.pop("Bits")
        log.channels["Bits"] = type(gone)(refused=15007)
        log.break_subscriptions("Bits", 15007)
        assert reader.turn()
        log.channels["Bits"] = gone
        log.add("Bits", code=3)
        reader.tick()
        reader.until(2)
    assert (reader.numbers, reader.gaps) == ([1, 2], [])


def test_what_is_less_important_waits_in_windows_while_it_is_not_read(log: FakeLog) -> None:
    reader = Reader(log)
    reader.sensor.restrain(2)
    log.add("Bits", code=3)
    log.add("Security")
    with reader:
        reader.until(1)
        assert reader.records[0]["Channel"] == "Security"
        reader.sensor.restrain(3)
        reader.until(2)
    assert reader.records[1]["Channel"] == "Bits"


def test_events_that_cannot_be_read_cost_themselves_alone(log: FakeLog) -> None:
    log.add("Security")
    log.large.add(log.add("Security"))
    log.add("Security", "<Event><System><EventID>4624</EventID>")
    log.add("Security", event(4, data="<Data Name='X'>\x0f\x00&#x1;&lt;script&gt; ża\ud83d</Data>"))
    log.add("Security", event(5, data="<Data Name='X'>" + "x" * (1 << 20) + "</Data>"))
    log.add("Security", event(6, data="<Data Name='X'>" + "x" * (2 << 20) + "</Data>"))
    log.add("Security", event(7, data="<Data Name='TargetUserName'>&lt;script&gt;alert(1)&lt;/script&gt;</Data>"))
    reader = Reader(log)
    with reader:
        reader.until(3)
    assert reader.numbers == [1, 4, 7]
    assert reader.records[2]["TargetUserName"] == "<script>alert(1)</script>"
    assert sorted(reader.gaps) == ["event_too_large"] * 3 + ["event_unreadable"]
    assert reader.records[1]["X"] == "<script> ża"


def test_a_wanted_channel_that_is_off_or_missing_limits_the_sensor_until_it_is_on(log: FakeLog) -> None:
    listed = (Channel("security", "Security", 1, (4624,), wanted=True), Channel("bits", "Bits", 3, (3,), wanted=True))
    sensor = EventLogSensor(lambda: log, listed)
    bits = log.channels["Bits"]
    on, bits.config = bits.config, Config(enabled=False, max_bytes=1)
    sensor.open({})
    assert sensor.availability() == ("limited", "sensor.reason.channels_off")
    bits.config = on
    sensor.tick()
    assert sensor.availability() == ("on", "")
    del log.channels["Bits"]
    sensor.tick()
    assert sensor.availability() == ("limited", "sensor.reason.channels_off")
    sensor.close()


def test_where_there_is_no_event_log_the_sensor_does_not_open() -> None:
    with pytest.raises(OSError, match="wevtapi is a library of Windows"):
        EventLogSensor().open({})


def test_an_end_that_comes_as_something_is_found_ends_the_waiting(log: FakeLog) -> None:
    found, ended = threading.Event(), threading.Event()

    class Slow(FakeLog):
        def wait(self, signals: Sequence[int], seconds: float) -> int | None:
            found.set()
            assert ended.wait(5)
            return 1

    slow = Slow("Security", "Bits")
    sensor = EventLogSensor(lambda: slow, LISTED)
    sensor.open({})
    assert found.wait(5)
    assert sensor._waiting is not None
    ending = threading.Thread(target=sensor.close)
    go_on = sensor._waiting._go_on
    ending.start()
    assert go_on.wait(5)
    ended.set()
    ending.join(2)
    is_stuck = ending.is_alive()
    go_on.set()
    assert not is_stuck


def test_an_error_says_its_code() -> None:
    assert str(EventLogError("EvtNext", 1734)) == "[Errno 1734] EvtNext: Windows error 1734"


def piece(number: int, total: int, text: str, script: str) -> str:
    data = {
        "MessageNumber": number,
        "MessageTotal": total,
        "ScriptBlockText": text,
        "ScriptBlockId": script,
        "Path": "",
    }
    return "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in data.items())


def test_a_secret_that_powershell_wrote_into_two_events_is_hidden_in_both() -> None:
    log = FakeLog(POWERSHELL)
    sensor = EventLogSensor(lambda: log, (Channel("powershell", POWERSHELL, 1, (4104,)),))
    pieces = [
        (1, 3, "Get-Item x\nnet user jan ", "a1"), (1, 2, "Get-Item y\n", "b2"),
        (2, 3, "Zima2024 /add\nSet-LocalUser -Pass", "a1"),
        (2, 2, "Get-Item z", "b2"), (3, 3, "word Lato2024 -Name ola\n", "a1"), (2, 2, "Jesien24\nGet-Item u", "c3"),
    ]  # fmt: skip
    for one in pieces:
        log.add(POWERSHELL, code=4104, data=piece(*one))
    sensor.open({})
    try:
        items = sensor.read()
    finally:
        sensor.close()
    assert [item.record["ScriptBlockText"] for item in items if isinstance(item, Reading) and item.record] == [
        "Get-Item x\nnet user jan ", "Get-Item y\n", "*** /add\nSet-LocalUser ***", "Get-Item z",
        "word *** -Name ola\n", "***\nGet-Item u",
    ]  # fmt: skip
