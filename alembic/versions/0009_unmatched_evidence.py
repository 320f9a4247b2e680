"""an event whose notification is not there is settled when that is recorded again

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = {
    "look_at": sa.DateTime(timezone=True),
    "attempt": sa.Integer(),
    "sent_at": sa.DateTime(timezone=True),
    "recipient": sa.Text(),
    "permanent": sa.Boolean(),
    "detail": sa.Text(),
    "topic": sa.Text(),
}
_INDEXES = {"unmatched_feedback_look_at": "look_at", "unmatched_feedback_waiting": "notification_id"}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("unmatched_feedback", sa.Column(name, kind, nullable=True))
    for index, column in _INDEXES.items():
        op.create_index(index, "unmatched_feedback", [column], postgresql_where=sa.text("look_at IS NOT NULL"))


def downgrade() -> None:
    for index in _INDEXES:
        op.drop_index(index, "unmatched_feedback")
    for name in _COLUMNS:
        op.drop_column("unmatched_feedback", name)
