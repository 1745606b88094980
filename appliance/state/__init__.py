"""What the box remembers about people, agents and alerts. SQLAlchemy over SQLite WAL, or another database by URL."""

from __future__ import annotations

# Whoever has one table knows all of them: foreign keys and migrations go by the whole.
from appliance.state import collecting, exceptions, holds, hunts, indicators, slices, stations, updates

__all__ = ["collecting", "exceptions", "holds", "hunts", "indicators", "slices", "stations", "updates"]
