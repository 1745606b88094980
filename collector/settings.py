"""What the command line and the sensor's folder say: the office's networks, and what is not to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collector.capture.leaveout import BadRule, Rule, read_rules
from collector.flows.record import OFFICE, Office
from collector.slices.files import Limits

LEAVE_OUT = "leave-out.conf"
"""In the sensor's folder: one rule a line, `#` begins a comment. They hold beside those of the command line."""


class Unusable(ValueError):
    """Settings that cannot be used; the text says why, in Polish."""


class Settings(NamedTuple):
    """What to watch; where heads of flows are kept on disk, and how much of them."""

    office: Office
    rules: tuple[Rule, ...] = ()
    slices: tuple[Path, Limits] | None = None


def settings(networks: Sequence[str], leave_out: Sequence[str], folder: Path | None = None) -> Settings:
    """Return what is wanted; raises Unusable."""
    try:
        office = Office(tuple(networks) or OFFICE)
    except ValueError as error:
        raise Unusable(f"To nie jest sieć: {error}") from error
    try:
        return Settings(office, read_rules([*leave_out, *(_lines(folder / LEAVE_OUT) if folder else ())]))
    except BadRule as error:
        raise Unusable(f"Błąd: {error}. Przykłady: host=10.1.0.5  vlan=40  host=10.2.0.0/16,port=3260") from error


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"Nie można czytać {path}: {error}") from error
    return [rule for line in text.splitlines() if (rule := line.partition("#")[0].strip())]
