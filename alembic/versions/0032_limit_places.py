"""how many messages a recipient got, for routes that limit it

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_places",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("since", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "recipient", name=op.f("limit_places_pk")),
    )
    op.create_index(op.f("limit_places_ends_at"), "limit_places", ["ends_at"])


def downgrade() -> None:
    op.drop_table("limit_places")
