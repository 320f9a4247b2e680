"""Every event of a DynamoDB table becomes exactly one notification."""

from notifier.events import Event
from notifier.messages import Email

__all__ = ["Email", "Event"]
