"""Every event of a DynamoDB table becomes exactly one notification."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.events import Event
    from notifier.messages import Email, Sms, Webhook
    from notifier.retry import RetryPolicy
    from notifier.routes import route

__all__ = ["Email", "Event", "RetryPolicy", "Sms", "Webhook", "route"]

_MODULES = {
    "Email": "messages",
    "Event": "events",
    "RetryPolicy": "retry",
    "Sms": "messages",
    "Webhook": "messages",
    "route": "routes",
}


if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Imported when it is asked for: the command `notifier` must react to signals before."""
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module 'notifier' has no attribute {name!r}")
        return getattr(import_module(f"notifier.{_MODULES[name]}"), name)
