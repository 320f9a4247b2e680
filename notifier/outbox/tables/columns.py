"""What the tables share: their metadata, and types and defaults of columns."""

from sqlalchemy import DateTime, Enum, MetaData, text

from notifier.notifications import Status

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
    }
)

STATUS = Enum(Status, name="delivery_status", values_callable=lambda kind: [each.value for each in kind])
TIME = DateTime(timezone=True)
NOW = text("now()")
ZERO = text("0")

BY_DAY = "RANGE (notification_id)"
"""Partitioned by the day (UTC) of the record's creation, which the id contains. A record that is read again finds the
row that it has: it has the same id, and so the same partition.
"""
