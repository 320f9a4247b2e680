"""deliveries that went on to another channel: deliveries.channel, deliveries.first_channel

Both are null for a delivery that has not left its first channel, so nothing is written for existing rows.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE deliveries ADD COLUMN channel text, ADD COLUMN first_channel text")


def downgrade() -> None:
    """Deliveries stay on the channel to which they went on: `notifications` has it."""
    op.execute("ALTER TABLE deliveries DROP COLUMN channel, DROP COLUMN first_channel")
