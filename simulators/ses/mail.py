"""A mail as the simulator keeps it. Named tuples, because thousands are made in a second."""

from datetime import UTC, datetime
from typing import NamedTuple

Tags = tuple[tuple[str, str], ...]
Headers = tuple[tuple[str, str], ...]


class Envelope(NamedTuple):
    """All of a mail but its body: what the journal and the events need."""

    operation: str
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    headers: Headers
    tags: Tags
    configuration_set: str | None
    templated: bool
    # Why the template could not be rendered. SES reports that by an event, after it has accepted the mail.
    failure: str | None
    tenant: str | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        return self.to + self.cc + self.bcc

    def tag(self, name: str) -> str | None:
        return next((value for key, value in self.tags if key == name), None)


class Content(NamedTuple):
    text: str | None
    html: str | None
    attachments: tuple[str, ...] = ()


class Mail(NamedTuple):
    envelope: Envelope
    content: Content


class Receipt(NamedTuple):
    """An accepted mail: its message id, and when it was accepted, in seconds since the epoch."""

    message_id: str
    at: float
    envelope: Envelope

    @property
    def time(self) -> str:
        return stamp(self.at)


def stamp(at: float) -> str:
    """Seconds since the epoch as AWS writes them: 2026-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
