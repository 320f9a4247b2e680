"""greetings of SES are no dead letters any more

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM dead_letters WHERE error = 'SES''s greeting to a new topic: all is well'")


def downgrade() -> None:
    """Nothing: the deleted rows had no information."""
