"""digests: deliveries whose event is in the message of another one, with the status `merged`

There are as many merged deliveries as sent ones: like these they are not listed in `search_terms` by their status.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

IS_RARE = """
CREATE OR REPLACE FUNCTION is_rare(status delivery_status) RETURNS bool
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT status NOT IN ({common})
$$
"""


def upgrade() -> None:
    op.execute("ALTER TYPE delivery_status ADD VALUE IF NOT EXISTS 'merged'")
    # The value cannot be used before this transaction is committed, and a check of the function's body would use it.
    op.execute("SET LOCAL check_function_bodies = off")
    op.execute(IS_RARE.format(common="'sent', 'delivered', 'skipped', 'shadowed', 'merged'"))
    op.add_column("deliveries", sa.Column("leader", sa.Uuid()))
    op.add_column("deliveries", sa.Column("members", sa.ARRAY(sa.Uuid())))
    op.create_table(
        "digests",
        sa.Column("key", sa.Uuid()),
        sa.Column("leader", sa.Uuid()),
        sa.Column("members", sa.ARRAY(sa.Uuid()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("to_timestamp(0)")),
        sa.Column("pause", sa.Double()),
        sa.PrimaryKeyConstraint("key", name=op.f("digests_pk")),
    )
    op.create_index(op.f("digests_leader"), "digests", ["leader"])
    op.create_index("digests_paused", "digests", ["closes_at"], postgresql_where=sa.text("leader IS NULL"))


def downgrade() -> None:
    """A value of a type cannot be removed: what is merged becomes skipped. What waits for a leader is sent alone."""
    op.drop_table("digests")
    op.execute(IS_RARE.format(common="'sent', 'delivered', 'skipped', 'shadowed'"))
    op.execute("UPDATE deliveries SET status = 'skipped' WHERE status = 'merged'")
    op.execute("UPDATE delivery_events SET status_to = 'skipped' WHERE status_to = 'merged'")
    op.execute("UPDATE delivery_events SET status_from = 'skipped' WHERE status_from = 'merged'")
    op.drop_column("deliveries", "members")
    op.drop_column("deliveries", "leader")
