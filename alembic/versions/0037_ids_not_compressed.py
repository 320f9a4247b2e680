"""ids of claims and of publications are not compressed

Postgres tries to compress each array that makes a row larger than 2 KB, and those of ids do not get smaller. The rows
that exist stay as they are.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TABLES = ("claims", "publications")


def upgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN notification_ids SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN notification_ids SET STORAGE EXTENDED")
