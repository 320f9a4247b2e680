"""Every event of a DynamoDB table becomes exactly one notification, unless you ask for more. What routes import."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.events import Event
    from notifier.mail import Attachment, Identity, Invitation
    from notifier.messages import Chat, Email, Push, Sms, Webhook
    from notifier.retry import RetryPolicy
    from notifier.routes import Digest, route
    from notifier.routes.limits import Limit
    from notifier.timing import Later, business_hours, quiet_hours

__all__ = [
    "Attachment",
    "Chat",
    "Digest",
    "Email",
    "Event",
    "Identity",
    "Invitation",
    "Later",
    "Limit",
    "Push",
    "RetryPolicy",
    "Sms",
    "Webhook",
    "business_hours",
    "quiet_hours",
    "route",
]

_MODULES = {
    "Attachment": "mail",
    "Chat": "messages",
    "Digest": "routes",
    "Email": "messages",
    "Event": "events",
    "Identity": "mail",
    "Invitation": "mail",
    "Later": "timing",
    "Limit": "routes.limits",
    "Push": "messages",
    "RetryPolicy": "retry",
    "Sms": "messages",
    "Webhook": "messages",
    "business_hours": "timing",
    "quiet_hours": "timing",
    "route": "routes",
}


if not TYPE_CHECKING:  # with __getattr__ a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used: the command `notifier` must handle signals before that."""
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module 'notifier' has no attribute {name!r}")
        return getattr(import_module(f"notifier.{_MODULES[name]}"), name)
