"""Stations that put a newer version of the agent off, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_update_wait",
        sa.Column("agent_id", sa.String(36), primary_key=True),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
    )
