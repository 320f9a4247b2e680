"""When a notification is sent: routes that wait, and hours at which nothing is sent."""

from notifier.timing.hours import business_hours, quiet_hours
from notifier.timing.later import Later

__all__ = ["Later", "business_hours", "quiet_hours"]
