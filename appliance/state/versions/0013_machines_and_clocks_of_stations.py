"""By what a machine is known again, which station replaced which, and how a station's clock was measured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agent", sa.Column("machine", sa.String(64), nullable=False, server_default=""))
    op.add_column("agent", sa.Column("replaced_by", sa.String(36), nullable=True))
    op.add_column("agent", sa.Column("rtt_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("agent", sa.Column("skew_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "station_pair",
        sa.Column("old", sa.String(36), primary_key=True),
        sa.Column("new", sa.String(36), primary_key=True),
        sa.Column("replaced", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
