"""Pushes through ntfy, as a channel of Notifier."""

from notifier_ntfy.push import Push

__all__ = ["Push"]
