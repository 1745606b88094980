"""Exceptions of several rules, or of every rule of a log source; events that rules of a hunt could not judge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exception_rule",
        sa.Column("exception_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("logsource", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["exception_id"], ["rule_exception.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("exception_id", "place"),
    )
    op.create_index("ix_exception_rule_rule_id", "exception_rule", ["rule_id"])
    op.execute(
        "INSERT INTO exception_rule (exception_id, place, rule_id, title, logsource) "
        "SELECT id, 0, rule_id, rule_title, logsource FROM rule_exception"
    )
    op.execute("UPDATE rule_exception SET logsource = '{}'")
    op.drop_index("ix_rule_exception_rule_id", "rule_exception")
    op.drop_column("rule_exception", "rule_id")
    op.drop_column("rule_exception", "rule_title")
    op.add_column("hunt", sa.Column("undirected", sa.BigInteger(), nullable=False, server_default="0"))
