"""Every event of a DynamoDB table becomes exactly one notification. The names that routes import."""

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


if not TYPE_CHECKING:  # with __getattr__ a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used: the command `notifier` must handle signals before that."""
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module 'notifier' has no attribute {name!r}")
        return getattr(import_module(f"notifier.{_MODULES[name]}"), name)
