"""status updates: documents that tell the product to which status a delivery changed

A delivery's row says of which statuses updates are wanted, so that every statement that changes its status can write
the update, also in a process that knows no routes. Both columns are null for deliveries of which none is wanted.

Retention deletes updates that no destination accepted, and counts them; a day stays while an update of it waits.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_OLD = "WHEN ''dead_letters'' THEN"
_FORGET = """
    WHEN ''status_updates'' THEN $sql$
INSERT INTO status_destinations AS d (destination, dropped)
SELECT destination, count(*) FROM gone GROUP BY destination ORDER BY destination
ON CONFLICT (destination) DO UPDATE SET dropped = d.dropped + excluded.dropped
$sql$
    ELSE ''SELECT''"""
_STAYS = """
  IF still_open IS NULL AND EXISTS (
    SELECT FROM status_updates
    WHERE notification_id >= first_id(wanted) AND notification_id < first_id(wanted + 1)) THEN
    RETURN ''status updates'';
  END IF;
  RETURN still_open;"""
_CHANGES = (
    ("old_rows(text)", _OLD, f"WHEN ''status_updates'' THEN ''at < $1'' {_OLD}"),
    ("forget_rows(text, int, int)", "ELSE ''SELECT''", _FORGET),
    ("day_kept(date)", "RETURN still_open;", _STAYS),
)
_CHANGE = """
DO $do$ DECLARE
  was CONSTANT text := pg_get_functiondef('{function}'::regprocedure);
  becomes CONSTANT text := replace(was, '{before}', '{after}');
BEGIN
  IF becomes = was THEN
    RAISE EXCEPTION '{function} is not as earlier migrations made it';
  END IF;
  EXECUTE becomes;
END $do$
"""


def upgrade() -> None:
    op.create_table(
        "status_updates",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("destination", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("notification_id", "number", "destination", name=op.f("status_updates_pk")),
    )
    op.create_index(op.f("status_updates_destination_due_at"), "status_updates", ["destination", "due_at"])
    op.create_index(
        op.f("status_updates_failing"),
        "status_updates",
        ["destination", "at"],
        postgresql_where=sa.text("failures > 0"),
    )
    op.create_table(
        "status_destinations",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("assigned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dropped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("destination", name=op.f("status_destinations_pk")),
    )
    op.add_column("deliveries", sa.Column("wanted_updates", sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("updates", sa.Integer(), nullable=True))
    for function, before, after in _CHANGES:
        op.execute(_CHANGE.format(function=function, before=before, after=after))


def downgrade() -> None:
    for function, before, after in _CHANGES:
        op.execute(_CHANGE.format(function=function, before=after, after=before))
    op.drop_column("deliveries", "updates")
    op.drop_column("deliveries", "wanted_updates")
    op.drop_table("status_destinations")
    op.drop_table("status_updates")
