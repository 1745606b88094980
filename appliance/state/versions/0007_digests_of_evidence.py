"""What an alert rests on has the digest of the whole event, for the evidence chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert_event", sa.Column("digest", sa.String(64), nullable=True))
