"""This system's sections, checks and readers."""

from __future__ import annotations

import sys

from agent.inventory.gather import Host
from agent.inventory.round import Plan
from agent.inventory.section import HOUR


def plan(platform: str = sys.platform) -> Plan:
    """Return what a round looks at on a system, the present one unless another is named."""
    if platform == "win32":
        from agent.inventory.windows import SECTIONS as WINDOWS  # noqa: PLC0415 (one system's at a time)
        from agent.posture.windows import CHECKS as ON_WINDOWS  # noqa: PLC0415 (as above)

        return Plan(WINDOWS, ON_WINDOWS, 6 * HOUR)  # a search for updates takes minutes
    from agent.inventory.linux import SECTIONS as LINUX  # noqa: PLC0415 (as above)
    from agent.posture.linux import CHECKS as ON_LINUX  # noqa: PLC0415 (as above)

    return Plan(LINUX, ON_LINUX)


def host(platform: str = sys.platform) -> Host:
    """Return the readers of the present system."""
    if platform == "win32":
        from agent.inventory.windows import host as windows  # noqa: PLC0415 (as above)

        return windows.host()
    from agent.inventory.linux import host as linux  # noqa: PLC0415 (as above)

    return linux.HOST
