"""deliveries that wait for a time, because their route wants to

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("brought_forward", sa.Boolean()))
    op.drop_constraint(op.f("due_kind"), "due")
    op.create_check_constraint(op.f("due_kind"), "due", "kind IN ('retry', 'scheduled', 'unknown', 'held')")


def downgrade() -> None:
    op.execute("UPDATE due SET kind = 'retry' WHERE kind = 'scheduled'")
    op.drop_constraint(op.f("due_kind"), "due")
    op.create_check_constraint(op.f("due_kind"), "due", "kind IN ('retry', 'unknown', 'held')")
    op.drop_column("deliveries", "brought_forward")
