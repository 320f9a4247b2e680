"""the newest suppressions and what is open in quarantine are found without reading all of them

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("suppressions_channel_since", "suppressions", ["channel", "since"])
    still = sa.text("replayed_at IS NULL AND acknowledged_at IS NULL")
    op.create_index("quarantine_open", "quarantine", ["id"], postgresql_where=still)


def downgrade() -> None:
    op.drop_index("quarantine_open", table_name="quarantine")
    op.drop_index("suppressions_channel_since", table_name="suppressions")
