"""Every event of a DynamoDB table becomes exactly one notification."""

from notifier.events import Event
from notifier.messages import Email, Sms, Webhook
from notifier.retry import RetryPolicy
from notifier.routes import route

__all__ = ["Email", "Event", "RetryPolicy", "Sms", "Webhook", "route"]
