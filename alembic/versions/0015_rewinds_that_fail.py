"""why a rewind does not go on, since when its shard is gone, and when it is taken again

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rewinds", sa.Column("gone_since", sa.DateTime(timezone=True)))
    op.add_column("rewinds", sa.Column("again_at", sa.DateTime(timezone=True)))
    op.add_column("rewinds", sa.Column("error", sa.Text()))


def downgrade() -> None:
    for name in ("error", "again_at", "gone_since"):
        op.drop_column("rewinds", name)
