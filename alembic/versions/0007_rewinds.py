"""streams that an operator let go, and shards that are read again

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


# A record that left quarantine is counted as notified or unrouted: its row is no quarantined one when it is deleted.
_KEPT = "SELECT shard, count(*) FROM gone GROUP BY shard"
_KEPT_IN_QUARANTINE = "SELECT shard, count(*) FROM gone WHERE replayed_at IS NULL GROUP BY shard"
_CHANGE = """
DO $do$ DECLARE
  was CONSTANT text := pg_get_functiondef('forget_rows(text, int, int)'::regprocedure);
  becomes CONSTANT text := replace(was, '{before}', '{after}');
BEGIN
  IF becomes = was THEN
    RAISE EXCEPTION 'forget_rows is not as migration 0006 made it';
  END IF;
  EXECUTE becomes;
END $do$
"""


def upgrade() -> None:
    op.execute(_CHANGE.format(before=_KEPT, after=_KEPT_IN_QUARANTINE))
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
    op.execute(_CHANGE.format(before=_KEPT_IN_QUARANTINE, after=_KEPT))
    op.drop_table("rewinds")
    op.drop_column("streams", "let_go_at")
