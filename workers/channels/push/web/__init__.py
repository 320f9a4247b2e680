"""Web Push: to browsers, through the push service of each."""

from workers.channels.push.web.channel import WebPushChannel

__all__ = ["WebPushChannel"]
