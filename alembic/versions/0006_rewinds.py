"""streams that an operator let go, and shards that are read again

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("streams", sa.Column("let_go_at", sa.DateTime(timezone=True)))
    op.create_table(
        "rewinds",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("position", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("examined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("routed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("released", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text()),
        sa.CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name=op.f("rewinds_lease")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("rewinds_ended")),
        sa.ForeignKeyConstraint(["shard"], ["shards.id"], name=op.f("rewinds_shard_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("rewinds_pk")),
    )
    op.create_index(
        op.f("rewinds_open"), "rewinds", ["shard"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    op.drop_table("rewinds")
    op.drop_column("streams", "let_go_at")
