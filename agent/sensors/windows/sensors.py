"""The sensors of a Windows host, which help each other: the event log tells the file monitor who and what installed."""

from __future__ import annotations

from pathlib import Path

from agent.fim import installs
from agent.fim.installs import Installs
from agent.inventory.sensor import InventorySensor
from agent.sensors.windows import accesses, alive
from agent.sensors.windows.accesses import Accesses
from agent.sensors.windows.enrich import Enricher
from agent.sensors.windows.eventlog import EventLogSensor, Witness
from agent.sensors.windows.files import WindowsFileSensor
from agent.wire.sending.sensor import Sensor


def windows_sensors(home: Path) -> list[Sensor]:
    """Return the sensors; `home` is the agent's folder."""
    enricher, installed = Enricher(), Installs()
    seen = Accesses(enricher.command_of)
    witnesses: dict[str, list[Witness]] = {}
    for witness, numbers in ((seen.note, accesses.EVENTS), (installed.note, installs.EVENTS)):
        for number in numbers:
            witnesses.setdefault(number, []).append(witness)
    log = EventLogSensor(enricher=enricher, witnesses=witnesses, running=alive.ask)
    return [log, WindowsFileSensor(home, seen, installed), InventorySensor(home)]
