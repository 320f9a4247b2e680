"""The fast Redis transport: a kombu transport that reserves and acknowledges messages by the hundred.

It stores messages in Redis as stock kombu does. So stock workers, Flower and workers on this transport share queues,
and an application can switch between the two at any time.
"""

from typing import Literal

from kombu.transport import TRANSPORT_ALIASES, _transport_cache

Name = Literal["fast", "stock"]
_MODULES = {"fast": "celery_units.redis.transport", "stock": "kombu.transport.redis"}
_CLASSES = {"redis": "Transport", "rediss": "Transport", "sentinel": "SentinelTransport"}


def use_transport(name: Name) -> None:
    """Choose the transport that kombu makes from now on for URLs of Redis and of its Sentinels.

    Call it before the Celery app makes its first connection. Other brokers keep their transports.

        use_transport("fast")
        app = Celery("shop", broker="redis://localhost/0")
    """
    for scheme, transport in _CLASSES.items():
        TRANSPORT_ALIASES[scheme] = f"{_MODULES[name]}:{transport}"
        _transport_cache.pop(scheme, None)  # kombu keeps what it has looked up
