"""feedback, suppressions, states of channels, operations

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("due_due_kind"), "due")
    op.create_check_constraint(op.f("due_kind"), "due", "kind IN ('retry', 'unknown', 'held')")
    op.create_table(
        "actors",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("actors_pk")),
        sa.UniqueConstraint("name", name=op.f("actors_name_key")),
    )
    op.create_table(
        "channels",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rates_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("events_sent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drained_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state = 'parked' OR probe_at IS NULL", name=op.f("channels_probe")),
        sa.CheckConstraint("state IN ('running', 'parked', 'paused')", name=op.f("channels_state")),
        sa.PrimaryKeyConstraint("channel", name=op.f("channels_pk")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("dead_letters_pk")),
    )
    op.create_table(
        "duplicates",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("notification_id", "message_id", name=op.f("duplicates_pk")),
    )
    op.create_table(
        "feedback",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "message_id", "kind", "occurred_at", name=op.f("feedback_pk")),
        postgresql_partition_by="RANGE (notification_id)",
    )
    op.create_table(
        "feedback_hours",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sends", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bounces", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hard_bounces", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("complaints", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("channel", "hour", name=op.f("feedback_hours_pk")),
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("operations_pk")),
    )
    op.create_table(
        "suppressions",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('hard_bounce', 'complaint', 'unsubscribe', 'manual')", name=op.f("suppressions_reason")
        ),
        sa.PrimaryKeyConstraint("channel", "address", "topic", name=op.f("suppressions_pk")),
    )
    op.create_table(
        "unmatched_feedback",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "kind", "occurred_at", name=op.f("unmatched_feedback_pk")),
    )


def downgrade() -> None:
    op.execute("UPDATE due SET kind = 'unknown' WHERE kind = 'held'")
    op.drop_constraint(op.f("due_kind"), "due")
    op.create_check_constraint(op.f("due_due_kind"), "due", "kind IN ('retry', 'unknown')")
    op.drop_table("unmatched_feedback")
    op.drop_table("suppressions")
    op.drop_table("operations")
    op.drop_table("feedback_hours")
    op.drop_table("feedback")
    op.drop_table("duplicates")
    op.drop_table("dead_letters")
    op.drop_table("channels")
    op.drop_table("actors")
