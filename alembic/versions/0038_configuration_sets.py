"""whether events flow is known for each configuration set

The events of one configuration set say nothing of those of another: an unknown outcome is sent again only if events
of the set that its attempt used are known to flow.

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_TABLES = ("deliveries", "unmatched_feedback")


def upgrade() -> None:
    op.create_table(
        "configuration_set_events",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("configuration_set", sa.Text(), nullable=False),
        sa.Column("events_sent_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "configuration_set", name=op.f("configuration_set_events_pk")),
    )
    for table in _TABLES:
        op.add_column(table, sa.Column("configuration_set", sa.Text()))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "configuration_set")
    op.drop_table("configuration_set_events")
