"""What alembic runs to migrate: on the connection it was given, never one of its own."""

from __future__ import annotations

from alembic import context

from appliance.state import pairs, saved
from appliance.state.models import Base

# A table stands in the metadata once its module is imported.
assert saved.SavedSearch.metadata is Base.metadata
assert pairs.StationPair.metadata is Base.metadata
context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
