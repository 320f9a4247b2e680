"""The tables as `alembic/` creates them; `make check` compares the two. All are in one `metadata`."""

from notifier.outbox.tables import (
    actors,
    channels,
    feedback,
    history,
    notifications,
    search,
    status_updates,
    streams,
)
from notifier.outbox.tables.columns import metadata
from notifier.outbox.tables.feedback import FEEDBACK_COUNTS

__all__ = [
    "FEEDBACK_COUNTS",
    "actors",
    "channels",
    "feedback",
    "history",
    "metadata",
    "notifications",
    "search",
    "status_updates",
    "streams",
]
