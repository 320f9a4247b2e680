"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATUS = postgresql.ENUM(
    "pending",
    "sending",
    "sent",
    "delivered",
    "bounced",
    "complained",
    "unknown",
    "failed",
    "skipped",
    "suppressed",
    "expired",
    "cancelled",
    name="delivery_status",
    create_type=False,
)


def upgrade() -> None:
    STATUS.create(op.get_bind())
    op.create_table(
        "claims",
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("notification_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name="claims_pk"),
    )
    op.create_index("claims_lease_until", "claims", ["lease_until"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("status", STATUS, server_default="pending", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("next_attempt_at IS NULL OR status = 'pending'", name="deliveries_next_attempt"),
        sa.CheckConstraint("status <> 'sending' OR (token IS NOT NULL AND attempt > 0)", name="deliveries_sending"),
        sa.CheckConstraint("attempt >= 0 AND failures >= 0", name="deliveries_counts"),
        sa.PrimaryKeyConstraint("notification_id", name="deliveries_pk"),
        postgresql_partition_by="RANGE (notification_id)",
    )
    op.create_table(
        "delivery_events",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("status_from", STATUS, nullable=False),
        sa.Column("status_to", STATUS, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        postgresql_partition_by="RANGE (notification_id)",
    )
    op.create_index("delivery_events_notification_id", "delivery_events", ["notification_id"], unique=False)
    op.create_table(
        "due",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('retry', 'unknown')", name="due_kind"),
        sa.PrimaryKeyConstraint("notification_id", name="due_pk"),
    )
    op.create_index("due_kind_due_at", "due", ["kind", "due_at"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("sequence_number", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="notifications_pk"),
        postgresql_partition_by="RANGE (notification_id)",
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("notification_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="publications_pk"),
    )
    op.create_index("publications_due_at", "publications", ["due_at"], unique=False)
    op.create_table(
        "streams",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("discovered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="streams_pk"),
        sa.UniqueConstraint("arn", name="streams_arn_key"),
    )
    op.create_table(
        "shards",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("shard_id", sa.Text(), nullable=False),
        sa.Column("parent_shard_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("last_record_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caught_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("records_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_notified", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_unrouted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("discovered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="shards_finished"),
        sa.CheckConstraint("state IN ('open', 'finished', 'lost')", name="shards_state"),
        sa.CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name="shards_lease"),
        sa.CheckConstraint(
            "records_read = records_notified + records_unrouted + records_quarantined", name="shards_accounted"
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="shards_stream_id_fk"),
        sa.PrimaryKeyConstraint("id", name="shards_pk"),
        sa.UniqueConstraint("stream_id", "shard_id", name="shards_stream_id_shard_id_key"),
    )
    op.create_index("shards_open", "shards", ["stream_id"], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "gaps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("after_sequence_number", sa.Text(), nullable=True),
        sa.Column("after_record_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shard"], ["shards.id"], name="gaps_shard_fk"),
        sa.PrimaryKeyConstraint("id", name="gaps_pk"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("sequence_number", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shard"], ["shards.id"], name="quarantine_shard_fk"),
        sa.PrimaryKeyConstraint("id", name="quarantine_pk"),
        sa.UniqueConstraint("shard", "sequence_number", name="quarantine_shard_sequence_number_key"),
    )


def downgrade() -> None:
    op.drop_table("quarantine")
    op.drop_table("gaps")
    op.drop_index("shards_open", table_name="shards", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("shards")
    op.drop_table("streams")
    op.drop_index("publications_due_at", table_name="publications")
    op.drop_table("publications")
    op.drop_table("notifications")
    op.drop_index("due_kind_due_at", table_name="due")
    op.drop_table("due")
    op.drop_index("delivery_events_notification_id", table_name="delivery_events")
    op.drop_table("delivery_events")
    op.drop_table("deliveries")
    op.drop_index("claims_lease_until", table_name="claims")
    op.drop_table("claims")
    STATUS.drop(op.get_bind())
