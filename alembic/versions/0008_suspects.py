"""notifications that are built alone because a worker died with them

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suspects",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("builds", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("suspects_pk")),
    )


def downgrade() -> None:
    op.drop_table("suspects")
