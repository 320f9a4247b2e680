"""deliveries that were built and not sent: the status `shadowed`

While a set-up is tried beside an older one, all deliveries are shadowed: like sent ones they are not listed in
`search_terms` by their status.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

IS_RARE = """
CREATE OR REPLACE FUNCTION is_rare(status delivery_status) RETURNS bool
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT status NOT IN ({common})
$$
"""


def upgrade() -> None:
    op.execute("ALTER TYPE delivery_status ADD VALUE IF NOT EXISTS 'shadowed'")
    # The value cannot be used before this transaction is committed, and a check of the function's body would use it.
    op.execute("SET LOCAL check_function_bodies = off")
    op.execute(IS_RARE.format(common="'sent', 'delivered', 'skipped', 'shadowed'"))


def downgrade() -> None:
    """A value of a type cannot be removed: what is shadowed becomes cancelled."""
    op.execute(IS_RARE.format(common="'sent', 'delivered', 'skipped'"))
    op.execute("UPDATE deliveries SET status = 'cancelled' WHERE status = 'shadowed'")
    op.execute("UPDATE delivery_events SET status_to = 'cancelled' WHERE status_to = 'shadowed'")
    op.execute("UPDATE delivery_events SET status_from = 'cancelled' WHERE status_from = 'shadowed'")
