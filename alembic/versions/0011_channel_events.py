"""what each batch of feedback changes is apart from what each begin reads

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_events",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("events_sent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drained_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("channel", name=op.f("channel_events_pk")),
    )
    op.execute("INSERT INTO channel_events SELECT channel, events_sent_until, drained_at FROM channels")
    op.drop_column("channels", "events_sent_until")
    op.drop_column("channels", "drained_at")


def downgrade() -> None:
    op.add_column("channels", sa.Column("events_sent_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("channels", sa.Column("drained_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        INSERT INTO channels (channel, events_sent_until, drained_at) SELECT * FROM channel_events
        ON CONFLICT (channel) DO UPDATE
        SET events_sent_until = excluded.events_sent_until, drained_at = excluded.drained_at
    """)
    op.drop_table("channel_events")
