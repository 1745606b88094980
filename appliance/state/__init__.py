"""What the box remembers about people, agents and alerts. SQLAlchemy over SQLite WAL, or another database by URL."""

from __future__ import annotations

# Every table must be known wherever one is: alembic compares them all.
from appliance.state import holds

__all__ = ["holds"]
