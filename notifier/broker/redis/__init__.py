"""The fast Redis transport: a kombu transport that takes and acknowledges messages by the hundred.

What lies in Redis is what stock kombu puts there, so stock workers, Flower and this one share queues, and a setting
switches back at any moment.
"""

from typing import Literal

from kombu.transport import TRANSPORT_ALIASES, _transport_cache

Name = Literal["fast", "stock"]
_CLASSES = {"fast": "notifier.broker.redis.transport:Transport", "stock": "kombu.transport.redis:Transport"}


def use_transport(name: Name) -> None:
    """What URLs with redis:// and rediss:// mean to kombu from now on. Other brokers stay what they are."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = _CLASSES[name]
        _transport_cache.pop(scheme, None)  # kombu looks up each name once
