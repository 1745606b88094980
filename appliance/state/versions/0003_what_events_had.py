"""What events had, by class and day, and what each rule did; when a rule was last put to the test."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rule_day",
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("evaluated", sa.BigInteger(), nullable=False),
        sa.Column("nanoseconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "day"),
    )
    op.create_table(
        "event_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(length=255), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("module", "channel", "code", "category"),
    )
    op.create_table(
        "event_day",
        sa.Column("kind_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kind_id"], ["event_kind.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind_id", "day"),
    )
    op.create_table(
        "event_field",
        sa.Column("kind_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["kind_id"], ["event_kind.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind_id", "name"),
    )
    with op.batch_alter_table("rule_state") as table:
        table.add_column(sa.Column("tested_at", sa.BigInteger(), nullable=True))
        # Was set at each match only: when a rule was last looked at follows from the events of its log source.
        table.drop_column("evaluated_at")
