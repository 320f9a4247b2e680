"""since when an unknown outcome waits for a bridge with its route, and whether the newest stream of a table is on

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("due", sa.Column("routeless_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("table_listings", sa.Column("stream_on", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("table_listings", "stream_on")
    op.drop_column("due", "routeless_since")
