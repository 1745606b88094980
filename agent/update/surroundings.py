"""Looks at what feeds this computer and whether its screen is kept on. What cannot be read is as if it were not there.

Facts: sysfs class power_supply (Documentation/ABI/testing/sysfs-class-power): a battery of scope `Device` is a mouse's.
logind keeps each inhibitor as lines NAME=VALUE in a file (systemd, src/login/logind-inhibit.c); programs that keep the
screen on hold one of `idle` in the mode `block`.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from agent.update.moment import Surroundings

SUPPLIES = Path("/sys/class/power_supply")
INHIBITORS = Path("/run/systemd/inhibit")
MOST = 64
"""Supplies or inhibitors that are looked at."""
_LONGEST = 4096


def look() -> Surroundings:
    """Return what is known now."""
    if sys.platform == "win32":
        return _windows()
    return linux(SUPPLIES, INHIBITORS)


def _windows() -> Surroundings:
    from agent.windows import power  # noqa: PLC0415 (on Windows alone)

    around = Surroundings()
    with contextlib.suppress(OSError):
        around = around._replace(**power.power()._asdict())
    with contextlib.suppress(OSError):
        around = around._replace(screen_kept_on=power.screen_kept_on())
    return around


def linux(supplies: Path, inhibitors: Path) -> Surroundings:
    """Return what these folders of the kernel and of logind tell."""
    mains, discharging, charges = False, False, []
    for one in _entries(supplies):
        if _text(one / "type") != "Battery":
            mains = mains or _text(one / "online") == "1"
        elif _text(one / "scope") != "Device":
            discharging = discharging or _text(one / "status") == "Discharging"
            charges += [int(text)] if (text := _text(one / "capacity")).isdecimal() and len(text) <= 3 else []
    charge = min(sum(charges) // len(charges), 100) if charges else None
    kept_on = any(_keeps_screen(_text(one)) for one in _entries(inhibitors))
    return Surroundings(discharging and not mains, charge, kept_on)


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from itertools.islice(folder.iterdir(), MOST)
    except OSError:
        return


def _keeps_screen(inhibitor: str) -> bool:
    said = dict(line.partition("=")[::2] for line in inhibitor.splitlines())
    return "idle" in said.get("WHAT", "").split(":") and said.get("MODE") == "block"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace").strip()
    except OSError:
        return ""
