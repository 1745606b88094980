"""Messages of the box itself in the outbox, beside those about alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    # SQLite makes the outbox anew, and to drop the old one takes its tries along.
    remade = op.get_bind().dialect.name == "sqlite"
    if remade:
        op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM attempt")
    with op.batch_alter_table("outbox") as table:
        table.alter_column("alert_id", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("notice_id", sa.Integer(), nullable=True))
        table.create_foreign_key("outbox_notice", "notice", ["notice_id"], ["id"], ondelete="CASCADE")
    if remade:
        op.execute("INSERT INTO attempt SELECT * FROM kept")
        op.execute("DROP TABLE kept")
