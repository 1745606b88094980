"""What stations no longer confirm: sections that could not be read, when verdicts came, why nothing was compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("station_section", sa.Column("problem", sa.String(64), nullable=False, server_default=""))
    op.add_column("station_finding", sa.Column("told_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE station_finding SET told_at = seen_at")
    op.add_column("station_matched", sa.Column("reason", sa.String(32), nullable=False, server_default=""))
    op.add_column("station_matched", sa.Column("detail", sa.String(300), nullable=False, server_default=""))
    # What was compared by the rules of before is compared anew.
    op.execute("DELETE FROM station_matched")
