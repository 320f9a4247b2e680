"""the charts of the console begin before it was started

A console writes the sums of each minute, and the next one reads them.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_SUMS = ("read", "sent", "delivered", "failed")


def upgrade() -> None:
    op.create_table(
        "throughput_minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("minute", name=op.f("throughput_minutes_pk")),
    )


def downgrade() -> None:
    op.drop_table("throughput_minutes")
