"""What stations may collect, and what they were asked to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_switch",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agent_id", sa.String(36), nullable=True),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("collected", sa.Boolean(), nullable=True),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("collection_switch_agent", "collection_switch", ["agent_id", "category"])
    op.create_table(
        "station_command",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agent_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("argument", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.String(120), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("station_command_agent", "station_command", ["agent_id", "ended_at"])
