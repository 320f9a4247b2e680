"""The fast Redis transport: a kombu transport that takes and acknowledges messages by the hundred.

What lies in Redis is what stock kombu puts there, so stock workers, Flower and this one share queues, and a setting
switches back at any moment.
"""

from typing import Literal

from kombu.transport import TRANSPORT_ALIASES, _transport_cache

Name = Literal["fast", "stock"]
_MODULES = {"fast": "celery_units.redis.transport", "stock": "kombu.transport.redis"}
_CLASSES = {"redis": "Transport", "rediss": "Transport", "sentinel": "SentinelTransport"}


def use_transport(name: Name) -> None:
    """What URLs of Redis and its Sentinels mean to kombu from now on. Other brokers stay what they are."""
    for scheme, transport in _CLASSES.items():
        TRANSPORT_ALIASES[scheme] = f"{_MODULES[name]}:{transport}"
        _transport_cache.pop(scheme, None)  # kombu looks up each name once
