"""The sensors: one module a source, and the one list of them."""

from __future__ import annotations

from pathlib import Path

from agent.sensors.audit import AuditSensor
from agent.sensors.base import Sensor
from agent.sensors.journald import SOCKET, JournalSensor
from agent.sensors.logfile import LogFileSensor


def linux_sensors(home: Path, boot_id: str) -> list[Sensor]:
    """Return all sensors of a Linux host; `home` is the agent's folder."""
    return [AuditSensor(home, boot_id), JournalSensor(), LogFileSensor(journal=SOCKET)]
