"""The tables of the service."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Status(StrEnum):
    PENDING = "pending"
    SENT = "sent"


class Notification(Base):
    __tablename__ = "notification"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[Status] = mapped_column(default=Status.PENDING)
    recipient: Mapped[str]
    message_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Checkpoint(Base):
    __tablename__ = "checkpoint"

    shard_id: Mapped[str] = mapped_column(primary_key=True)
    sequence_number: Mapped[str]
