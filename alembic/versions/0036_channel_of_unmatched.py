"""the channel of an event that waits for its notification

A route may have several channels, and the notification is recorded again on the first of them, whichever sent the
message.

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unmatched_feedback", sa.Column("channel", sa.Text()))


def downgrade() -> None:
    op.drop_column("unmatched_feedback", "channel")
