"""The agent's main loop: waits on the sensors' descriptors, keeps what they read, and survives each of them."""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from agent.wire.event import ID, Record, event_id
from agent.wire.sending import hostinfo, own
from agent.wire.sending.backoff import Backoff
from agent.wire.sending.care import Care, change_fields
from agent.wire.sending.clockwatch import ClockWatch
from agent.wire.sending.memory import settle, trim
from agent.wire.sending.sensor import ALERTING, Availability, Bookmark, Gap, Item, Reading, Sensor, SensorLost, merged
from agent.wire.sending.spool import Spool, Spooled, spooled
from agent.wire.sending.spoolfile import SpoolFull
from agent.wire.sending.switches import Switches
from agent.wire.sending.uplink import BUSY_PAUSE, Uplink

LOG = logging.getLogger(__name__)
WRITE_EVERY = BUSY_PAUSE
"""Seconds between writings while records come all the time: as often as they are sent. After a quiet time the first
records are written at once."""
NAP = 0.05
"""Seconds between a descriptor's waking us and its reading: waking costs more than an event, so that all that comes
meanwhile is read with it, and the rest of the event that woke us has arrived."""
ROUND = 30.0
"""Seconds between the rounds in which each sensor looks after itself."""
MAX_HELD = 20_000
"""Records held in memory while the disk takes none; older ones go and are counted."""
_FAULTY = Availability("off", "sensor.reason.failed")
_GAPS_AFTER = 5.0
_STOP_SENDING = 1.8
_STOPS: dict[int, str] = {signal.SIGTERM.value: "SIGTERM", signal.SIGINT.value: "SIGINT"}
"""Signals that end it in order, and what each gives as the reason."""
if sys.platform != "win32":
    _STOPS[signal.SIGUSR1] = own.UNINSTALL


class _Slot:
    """A sensor and its state here; a plain class, because `dataclasses` loads a megabyte of compiler."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.descriptor = -1
        self.open_at: float | None = 0.0
        self.lost_since: int | None = None
        self.backoff = Backoff(1.0, 60.0)
        self.availability = Availability("off")


class Runner:
    """Runs sensors into the spool until told to stop."""

    def __init__(
        self, spool: Spool, sensors: Sequence[Sensor], uplink: Uplink, boot_id: str, care: Care,
        *, switches: Switches | None = None, tell: Callable[[Sequence[Mapping[str, str]]], None] | None = None,
    ) -> None:  # fmt: skip
        """Keep what the `switches` let through; `tell` hears the sensors' states when they change."""
        self._spool = spool
        self._slots = [_Slot(sensor) for sensor in sensors]
        self._uplink = uplink
        self._boot_id = boot_id
        self._care = care
        self._switches = switches
        self._tell, self._told = tell, list[dict[str, str]]()
        self._selector = selectors.DefaultSelector()
        self._held: list[Spooled] = []
        self._bookmarks: dict[str, str] = {}
        self._moved: dict[str, str] = {}
        self._gaps: list[Gap] = []
        self._write_at: float | None = None
        self._written = 0.0
        self._unwritable = ""
        self._hostname = hostinfo.hostname()
        self._round_at = 0.0
        self._gaps_at = 0.0
        self._own_number = 0
        self._spool_name = spool.name
        self._clocks = ClockWatch()
        self._stop_reason = ""
        self._waker: socket.socket | None = None

    def stop(self, reason: str) -> None:
        """Let `run` end in order; may be called from any thread."""
        self._stop_reason = self._stop_reason or reason
        waker = self._waker
        if waker is not None:
            with contextlib.suppress(OSError):  # the loop has ended by itself
                waker.send(b"\0")

    def states(self) -> list[dict[str, str]]:
        """Return each sensor's name, state and reason, as the heartbeat says them; the spool's, too, when it fails."""
        told = [
            {"name": slot.sensor.about.name, "state": slot.availability.state, "reason": slot.availability.reason}
            for slot in list(self._slots)
        ]
        reason = self._unwritable
        return [*told, {"name": "spool", "state": "limited", "reason": reason}] if reason else told

    def look_soon(self) -> None:
        """Look at the sensors at the next turn, for another policy holds. May be called from another thread."""
        self._told = []
        self._round_at = 0.0

    def run(self) -> str:
        """Run until a signal of _STOPS or `stop`; return the reason. Call from the main thread."""
        ours, kernels = socket.socketpair()
        for end in (ours, kernels):
            end.setblocking(False)
        before = signal.set_wakeup_fd(kernels.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, self._on_signal) for number in _STOPS}
        self._selector.register(ours, selectors.EVENT_READ, None)
        self._waker = kernels
        try:
            self._start()
            while not self._stop_reason:
                self._turn(ours)
            return self._stop_reason
        finally:
            self._end()
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            self._selector.close()
            ours.close()
            kernels.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop_reason = self._stop_reason or _STOPS[number]

    def _start(self) -> None:
        self._bookmarks = dict(self._spool.bookmarks())
        before = self._spool.state("stopped")
        clean = None if before is None else before == "clean"
        self._own({**own.started(self._boot_id, clean_before=clean), **self._care.told()})
        if clean is False:
            alive = self._spool.number("alive")
            self._gaps.append(Gap("agent_killed", 0, alive, _micros()))
        self._look_around(time.monotonic())
        with contextlib.suppress(SpoolFull):
            self._spool.set_state("stopped", "no")
        self._write()
        self._uplink.start()
        self._care.watchdog.ready()
        settle()

    def _turn(self, wakeup: socket.socket) -> None:
        ready = self._selector.select(self._until())
        if any(key.data is not None for key, _ in ready):
            time.sleep(NAP)
        for key, _ in ready:
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    wakeup.recv(64)
            else:
                self._read(key.data)
        now = time.monotonic()
        self._care.watchdog.main_turned()
        for slot in self._slots:
            if slot.descriptor >= 0 and slot.sensor.wait() is not None:
                self._take(slot, slot.sensor.tick)
        if now >= self._round_at or any(s.open_at is not None and s.open_at <= now for s in self._slots):
            self._look_around(now)
        if self._switches is not None and self._switches.behind and not self._unwritable:
            self._narrow(self._switches)
        if self._write_at is not None and now >= self._write_at:
            self._write()

    def _narrow(self, switches: Switches) -> None:
        """Take out of what waits what may no more be sent, a step at a time."""
        try:
            self._held = switches.narrow(self._held)
        except SpoolFull as full:
            self._hold(full)
        if switches.settled:
            self._keep(switches.blind_time(_micros()))
            self._uplink.wake()

    def _until(self) -> float:
        now = time.monotonic()
        moments = [self._round_at, self._care.watchdog.due()]
        if self._switches is not None and self._switches.behind and not self._unwritable:
            moments.append(now)
        moments += [slot.open_at for slot in self._slots if slot.open_at is not None]
        moments += [now + wait for s in self._slots if s.descriptor >= 0 and (wait := s.sensor.wait()) is not None]
        if self._write_at is not None:
            moments.append(self._write_at)
        return max(0.0, min(moments) - now)

    def _read(self, slot: _Slot) -> None:
        if slot.descriptor >= 0:
            self._take(slot, slot.sensor.read)

    def _take(self, slot: _Slot, items: Callable[[], Sequence[Item]]) -> None:
        try:
            self._keep(items())
        except SensorLost as lost:
            self._lose(slot, str(lost), lost.seconds)
        except OSError as error:
            self._lose(slot, str(error), slot.backoff.failed())
        except Exception:  # one sensor's fault must not silence the others
            LOG.exception("sensor_fault name=%s", slot.sensor.about.name)
            self._lose(slot, "fault", slot.backoff.failed())

    def _lose(self, slot: _Slot, reason: str, seconds: float) -> None:
        LOG.warning("sensor_lost name=%s reason=%s", slot.sensor.about.name, reason)
        self._close(slot)
        slot.open_at = time.monotonic() + seconds
        slot.lost_since = slot.lost_since or _micros()

    def _close(self, slot: _Slot) -> None:
        if slot.descriptor >= 0:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(slot.descriptor)
        slot.descriptor = -1
        try:
            slot.sensor.close()
        except Exception:  # the others must still be closed
            LOG.exception("sensor_not_closed name=%s", slot.sensor.about.name)

    def _look_around(self, now: float) -> None:
        """Open what can be opened, let every sensor look after itself, note the clock and the losses."""
        if self._switches is not None:
            self._switches.tell(slot.sensor for slot in self._slots)
        for slot in self._slots:
            if slot.descriptor >= 0 and now >= self._round_at:
                self._take(slot, slot.sensor.tick)
            slot.availability = self._availability(slot)
            if slot.descriptor >= 0 and slot.availability.state == "off":
                self._lose(slot, slot.availability.reason, ROUND)
            elif slot.descriptor < 0 and slot.availability.state != "off" and now >= (slot.open_at or 0.0):
                self._open(slot)
            elif slot.descriptor < 0 and now >= (slot.open_at or 0.0):
                slot.open_at = now + ROUND
        if self._tell is not None and (states := self.states()) != self._told:
            self._told = states
            self._tell(states)
        if now >= self._round_at:
            self._round_at = now + ROUND
            self._hostname = hostinfo.hostname()
            self._check_clock()
            self._restrain()
            trim()
            with contextlib.suppress(SpoolFull):
                self._spool.tidy(_micros())
            if self._spool.has_gaps:  # noted by the sending side, perhaps on a host where nothing else happens
                self._wish_write()

    def _availability(self, slot: _Slot) -> Availability:
        off = self._switches.off(slot.sensor.about.name) if self._switches is not None else None
        if off is not None:
            return off
        try:
            return slot.sensor.availability()
        except Exception:  # one sensor's fault must not silence the others
            if slot.availability != _FAULTY:
                LOG.exception("sensor_not_looked_at name=%s", slot.sensor.about.name)
            return _FAULTY

    def _open(self, slot: _Slot) -> None:
        try:
            items = slot.sensor.open(self._bookmarks)
            slot.descriptor = slot.sensor.fileno()
            self._selector.register(slot.descriptor, selectors.EVENT_READ, slot)
        except Exception as error:  # one sensor's fault must not silence the others
            known = isinstance(error, (OSError, SensorLost))
            LOG.warning("sensor_not_opened name=%s error=%s", slot.sensor.about.name, error, exc_info=not known)
            self._close(slot)
            slot.availability = _FAULTY
            slot.open_at = time.monotonic() + slot.backoff.failed()
            slot.lost_since = slot.lost_since or (None if known else _micros())
            return
        slot.open_at = None
        slot.backoff.worked()
        if slot.lost_since is not None:
            self._gaps.append(Gap(f"sensor_restarted:{slot.sensor.about.name}", 0, slot.lost_since, _micros()))
            slot.lost_since = None
            self._wish_write()
        self._keep(items)

    def _keep(self, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Gap):
                self._gaps.append(item)
            else:
                self._keep_reading(item)
        if items:
            self._wish_write()

    def _keep_reading(self, reading: Reading) -> None:
        record = reading.record
        if record is not None and self._switches is not None:
            record = self._switches.permitted(record)
        if record is not None:
            record.setdefault("host.name", self._hostname)
            self._held.append(spooled(record, reading.priority))
        if reading.bookmark is not None:
            self._bookmarks[reading.bookmark.name] = self._moved[reading.bookmark.name] = reading.bookmark.value

    def _wish_write(self) -> None:
        soon = self._written + WRITE_EVERY
        if self._write_at is None or (soon < self._write_at and not self._unwritable):
            self._write_at = soon

    def _write(self) -> None:
        """Move what is held to the spool; when the disk takes nothing, hold on to it and try again."""
        now = time.monotonic()
        anew, self._spool_name = self._spool_name != self._spool.name, self._spool.name
        moved = self._bookmarks if anew else self._moved  # a spool in the place of a damaged one may lack some
        marks = [Bookmark(name, value) for name, value in moved.items()]
        try:
            self._spool.add(self._held, marks, self._gaps)
            self._write_gaps(now)
        except SpoolFull as full:
            self._hold(full)
            return
        if self._unwritable:
            LOG.warning("spool_writes_again")
        self._unwritable = ""
        self._held, self._moved, self._gaps, self._write_at, self._written = [], {}, [], None, now
        if self._gaps_at:
            self._write_at = self._gaps_at
        self._uplink.wake()

    def _write_gaps(self, now: float) -> None:
        """Turn noted losses into events a few seconds after the first, so that many become one."""
        gaps = self._spool.gaps() if self._spool.has_gaps else []
        if not gaps:
            self._gaps_at = 0.0
        elif not self._gaps_at:
            self._gaps_at = now + _GAPS_AFTER
        elif now >= self._gaps_at:
            self._gaps_at = 0.0
            self._spool.gaps_to_records([(gap, own.telemetry_gap(self._boot_id, gap)) for gap in gaps])

    def _hold(self, full: SpoolFull) -> None:
        reason = "sensor.reason.spool_full" if full.no_room else "sensor.reason.spool_broken"
        if self._unwritable != reason:
            advice = "zwolnij miejsce na dysku agenta" if full.no_room else "sprawdź dysk agenta i prawa do folderu"
            LOG.error("spool_not_writable error=%s held=%d (%s)", full, len(self._held), advice)
        self._unwritable = reason
        self._write_at = time.monotonic() + 1.0
        excess = len(self._held) - MAX_HELD
        if excess > 0:
            self._gaps = merged(
                [*self._gaps, *(Gap("disk_full", 1, one.at, one.at, one.priority) for one in self._held[:excess])]
            )
            del self._held[:excess]

    def _restrain(self) -> None:
        """Read less, or more again, by what waits and by what this process uses; end in order when nothing helps."""
        for change in self._care.round(self._spool.share, [slot.sensor for slot in self._slots]):
            self._own(own.throttled(self._boot_id, change_fields(change)))
        if self._care.exhausted and not self._stop_reason:
            self._stop_reason = "memory"

    def _check_clock(self) -> None:
        jump = self._clocks.look()
        if jump.slept:
            LOG.info("host_resumed slept=%.1f", jump.slept)
            self._own(own.host_resumed(self._boot_id, int(jump.slept * 1_000_000)))
        if jump.set:
            LOG.warning("clock_changed seconds=%.1f", jump.set)
            self._own(own.clock_changed(self._boot_id, int(jump.set * 1_000_000)))

    def _own(self, record: Record) -> None:
        self._own_number += 1
        moment = record.get("@timestamp")
        record[ID] = event_id(self._spool.name, "own", time.monotonic_ns(), moment, self._own_number)
        self._held.append(spooled(record, ALERTING))
        self._wish_write()

    def _end(self) -> None:
        """Stop sensors first, so that the host is as before even when the box is slow to take the rest."""
        self._care.watchdog.stopping()
        for slot in self._slots:
            if slot.descriptor >= 0:
                self._take(slot, slot.sensor.read)
            if slot.descriptor >= 0:
                self._take(slot, slot.sensor.finish)
            self._close(slot)
        self._own(own.stopping(self._boot_id, self._stop_reason or "fault"))
        self._gaps_at = 1e-9  # what is known to be lost is told now, not at the next start
        self._write()
        with contextlib.suppress(SpoolFull):
            self._spool.set_state("stopped", "clean")
        left = not self._uplink.stop(_STOP_SENDING)
        LOG.info("agent_stopped reason=%s spooled=%d all_sent=%s", self._stop_reason, self._spool.depth, not left)


def _micros() -> int:
    return time.time_ns() // 1000
