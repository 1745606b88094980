"""The sensors: one module a source, and the one list of them.

Two variables of the environment change it. `CZUJKA_AGENT_SENSORS` names the sensors to run, with commas (`audit`,
`fim`, `journald`, `logfile`, `inventory`, `eventlog`); the others are left out. `CZUJKA_AGENT_LOG_FOLDER` is the folder
whose log files are followed instead of those in /var/log, and then also where a systemd journal runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from agent.inventory.sensor import InventorySensor
from agent.wire.sending.sensor import Sensor

SENSORS = "CZUJKA_AGENT_SENSORS"
LOG_FOLDER = "CZUJKA_AGENT_LOG_FOLDER"


def host_sensors(home: Path, boot_id: str, environment: Mapping[str, str] = os.environ) -> list[Sensor]:
    """Return the sensors of this host, whatever its system; `home` is the agent's folder."""
    if sys.platform == "win32":
        from agent.sensors.windows.sensors import windows_sensors  # noqa: PLC0415 (reads what Windows alone has)

        return _wanted(windows_sensors(home), environment)
    return linux_sensors(home, boot_id, environment)


def linux_sensors(home: Path, boot_id: str, environment: Mapping[str, str] = os.environ) -> list[Sensor]:
    """Return the sensors of a Linux host; `home` is the agent's folder."""
    from agent.sensors.audit import AuditSensor  # noqa: PLC0415 (these read what Linux alone has)
    from agent.sensors.fim import FileSensor  # noqa: PLC0415 (as above)
    from agent.sensors.journald import SOCKET, JournalSensor  # noqa: PLC0415 (as above)
    from agent.sensors.logfile import LogFileSensor  # noqa: PLC0415 (as above)
    from agent.sensors.processes import Processes  # noqa: PLC0415 (as above)

    folder = environment.get(LOG_FOLDER)
    logs = LogFileSensor(Path(folder)) if folder else LogFileSensor(journal=SOCKET)
    processes = Processes()
    audit, files = AuditSensor(home, boot_id, processes=processes), FileSensor(home, processes)
    sensors: list[Sensor] = [audit, JournalSensor(), logs, files, InventorySensor(home)]
    return _wanted(sensors, environment)


def _wanted(sensors: list[Sensor], environment: Mapping[str, str]) -> list[Sensor]:
    wanted = {name.strip() for name in environment.get(SENSORS, "").split(",")} - {""}
    return [sensor for sensor in sensors if not wanted or sensor.about.name in wanted]
