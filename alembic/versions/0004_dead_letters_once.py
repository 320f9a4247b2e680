"""a dead letter is kept once, however often it comes

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM dead_letters d USING dead_letters first WHERE first.raw = d.raw AND first.id < d.id")
    op.add_column(
        "dead_letters",
        sa.Column("digest", sa.LargeBinary(), sa.Computed("sha256(raw)", persisted=True), nullable=False),
    )
    op.create_unique_constraint(op.f("dead_letters_digest_key"), "dead_letters", ["digest"])


def downgrade() -> None:
    op.drop_column("dead_letters", "digest")
