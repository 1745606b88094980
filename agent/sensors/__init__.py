"""The sensors: one module a source, and the one list of them.

Two variables of the environment change it. `CZUJKA_AGENT_SENSORS` names the sensors to run, with commas (`audit`,
`fim`, `journald`, `logfile`); the others are left out. `CZUJKA_AGENT_LOG_FOLDER` is the folder whose log files are
followed instead of those in /var/log, and then also where a systemd journal runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agent.sensors.audit import AuditSensor
from agent.sensors.fim import FileSensor
from agent.sensors.journald import SOCKET, JournalSensor
from agent.sensors.logfile import LogFileSensor
from agent.sensors.processes import Processes
from agent.wire.sending.sensor import Sensor

SENSORS = "CZUJKA_AGENT_SENSORS"
LOG_FOLDER = "CZUJKA_AGENT_LOG_FOLDER"


def linux_sensors(home: Path, boot_id: str, environment: Mapping[str, str] = os.environ) -> list[Sensor]:
    """Return the sensors of a Linux host; `home` is the agent's folder."""
    folder = environment.get(LOG_FOLDER)
    logs = LogFileSensor(Path(folder)) if folder else LogFileSensor(journal=SOCKET)
    processes = Processes()
    audit, files = AuditSensor(home, boot_id, processes=processes), FileSensor(home, processes)
    sensors: list[Sensor] = [audit, JournalSensor(), logs, files]
    wanted = {name.strip() for name in environment.get(SENSORS, "").split(",")} - {""}
    return [sensor for sensor in sensors if not wanted or sensor.about.name in wanted]
