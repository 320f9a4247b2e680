"""Webhooks: one signed POST for each message."""

from workers.channels.webhook.channel import CONCURRENCY, WebhookChannel

__all__ = ["CONCURRENCY", "WebhookChannel"]
