"""What a station's row says of its machine: how it is known again, and how its clock was measured."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column


class OfMachine:
    """Columns of the agents' table. Times are microseconds."""

    machine: Mapped[str] = mapped_column(String(64), default="")
    """A hash of the installation of its system, as it said at its enrolment."""
    replaced_by: Mapped[str | None] = mapped_column(String(36))
    """The station that its machine is now."""
    skew_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """How far its clock is behind the box's; below zero when it is ahead."""
    rtt_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """How long the exchange took by which the clock was measured; 0 when only a heartbeat told the time."""
    skew_at: Mapped[int | None] = mapped_column(BigInteger)
    """When it was measured."""
