"""The messages of a worker in the broker. Each stays until it is acknowledged."""

from uuid import UUID

import redis

from notifier.broker import Broker, queue_name


class Inbox:
    def __init__(self, broker_url: str) -> None:
        self._url = broker_url

    def take(self, queue: str = "email") -> list[UUID]:
        """Return all messages, and leave them there."""
        broker = Broker(self._url)
        try:
            return sorted(broker.held(queue))
        finally:
            broker.close()

    def ack(self, queue: str = "email") -> None:
        with redis.Redis.from_url(self._url) as client:
            client.delete(queue_name(queue))
