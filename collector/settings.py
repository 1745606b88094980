"""What the command line and the sensor's folder say: the office's networks, and what is not to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collector.capture.leaveout import BadRule, Rule, read_rules
from collector.flows.record import OFFICE, Office
from collector.protocols.x509.trust import Trust, roots
from collector.sides import Sides
from collector.slices.files import Limits

LEAVE_OUT = "leave-out.conf"
"""In the sensor's folder: one rule a line, `#` begins a comment. They hold beside those of the command line."""


MAX_TRUST = 4 << 20
"""Bytes of a file of roots; those that browsers trust take 0.25 MB."""


class Unusable(ValueError):
    """Settings that cannot be used; the text says why, in Polish."""


class Settings(NamedTuple):
    """What to watch; where heads of flows are kept on disk, and how much of them; the roots that are trusted, DER;
    whether somebody named the office's networks."""

    office: Office
    rules: tuple[Rule, ...] = ()
    slices: tuple[Path, Limits] | None = None
    trust: tuple[bytes, ...] = ()
    named: bool = False

    @property
    def sides(self) -> Sides:
        """What says which ends of flows are the office's."""
        return Sides(self.office, named=self.named)


def settings(networks: Sequence[str], leave_out: Sequence[str], folder: Path | None = None) -> Settings:
    """Return what is wanted; raises Unusable."""
    try:
        office = Office(tuple(networks) or OFFICE)
    except ValueError as error:
        raise Unusable(f"To nie jest sieć: {error}") from error
    try:
        rules = read_rules([*leave_out, *(_lines(folder / LEAVE_OUT) if folder else ())])
        return Settings(office, rules, named=bool(networks))
    except BadRule as error:
        raise Unusable(f"Błąd: {error}. Przykłady: host=10.1.0.5  vlan=40  host=10.2.0.0/16,port=3260") from error


def trusted(file: str | None) -> tuple[bytes, ...]:
    """Return the certificates of a file of trusted roots (PEM), none without a file; raises Unusable."""
    if file is None:
        return ()
    try:
        with Path(file).open("rb") as stream:
            found = roots(stream.read(MAX_TRUST))
        Trust(found)
    except OSError as error:
        raise Unusable(f"Nie można czytać {file}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise Unusable(f"W pliku {file} nie ma certyfikatów w postaci PEM albo jest w nim zły certyfikat.") from error
    return tuple(found)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"Nie można czytać {path}: {error}") from error
    return [rule for line in text.splitlines() if (rule := line.partition("#")[0].strip())]
