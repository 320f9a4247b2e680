"""Checks of SES: the account, the senders, and the way of its events to the queue."""

PAGE = "docs/feedback.md"
WHERE = "SES"
ABSENT = frozenset(("NotFoundException",))
