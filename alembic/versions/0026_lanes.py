"""publications have a lane: those of a channel go to one queue for each lane

A publication without one is of the normal lane. So bridges of the last version go on beside those of this one.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("lane", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("publications", "lane")
