"""Letters of the box itself in the outbox, beside messages about alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite makes the outbox anew, and to drop the old one takes its tries along.
    remade = op.get_bind().dialect.name == "sqlite"
    if remade:
        op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM attempt")
    with op.batch_alter_table("outbox") as table:
        table.alter_column("alert_id", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("letter", sa.JSON(), nullable=True))
    if remade:
        op.execute("INSERT INTO attempt SELECT * FROM kept")
        op.execute("DROP TABLE kept")
