"""who builds a suspect, until when, and how many deaths that has cost

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("suspects", "builds")  # it counted builds, also those that had ended well: nothing to carry over
    op.add_column("suspects", sa.Column("deaths", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("suspects", sa.Column("begun_by", sa.Uuid(), nullable=True))
    op.add_column("suspects", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("suspects", "lease_until")
    op.drop_column("suspects", "begun_by")
    op.drop_column("suspects", "deaths")
    op.add_column("suspects", sa.Column("builds", sa.Integer(), server_default=sa.text("1"), nullable=False))
