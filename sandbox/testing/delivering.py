"""The workers of a test: they take messages from Redis and deliver them, in the thread of the test."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery_units.unfinished import Unfinished
from notifier.broker import queue_name
from notifier.broker.client import redis_client
from notifier.broker.url import BrokerUrl
from notifier.channels import Channel
from notifier.database.engine import Engine
from notifier.lanes import queues_of
from notifier.outbox import Attempts, ChannelStates, Digests
from notifier.routes import Routes
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.testing import Behaviour
from sandbox.testing.channels import EMAIL, Acceptances, KeptChannel, ReachableChannel
from sandbox.testing.objects import S3Objects
from workers.building.attachments import AttachmentReader
from workers.building.wiring import preparer_of
from workers.collaborators import Collaborators
from workers.deliverer import Deliverer
from workers.process.in_progress import InProgress
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket

_UNIT = 500
_WORKER = "test"


class UnlimitedBucket(TokenBucket):
    """A bucket of a provider without a rate, which does not wait after a throttle either."""

    def slow_down(self) -> None:
        """Nothing: a test would wait for real seconds."""


class TestWorkers:
    """A worker for each channel. `acceptances` has what the channels other than email sent."""

    __test__ = False  # no class of tests

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        routes: Routes,
        templates: Templates,
        email: Channel,
        objects: S3Objects,
    ) -> None:
        """`email` is the channel of that name, `objects` are those of S3."""
        self._objects = objects
        self.acceptances = Acceptances()
        self._engine = engine
        self._settings = settings
        self._routes = routes
        self._templates = templates
        self._url = settings.broker_url.get_secret_value()
        self._redis: Any = redis_client(BrokerUrl.of(self._url), timeout=3)
        self._channels: dict[str, Any] = {EMAIL: ReachableChannel(email)}
        self._deliverers: dict[str, Deliverer] = {}
        self._buckets: list[TokenBucket] = []

    def deliver_all(self, channels: Iterable[str]) -> int:
        """Deliver all messages that the queues of these channels hold, the most urgent first. Return how many."""
        count = 0
        for channel in channels:
            for queue in queues_of(channel):
                while ids := self._taken(queue):
                    count += len(ids)
                    self._deliver(channel, ids)
        return count

    def fail_next(self, channel: str, behaviour: Behaviour, times: int) -> None:
        """Let the channel's provider treat the next messages so."""
        self.channel(channel).faults.extend([behaviour] * times)

    def channel(self, name: str) -> Any:
        """Return the channel, made when it is first used. Raise SettingsError if none of that name is installed."""
        if name not in self._channels:
            self._channels[name] = KeptChannel(name, self._settings, self.acceptances)
        return self._channels[name]

    def close(self) -> None:
        for each in [*self._channels.values(), *self._buckets, self._redis]:
            each.close()

    def _taken(self, queue: str) -> list[UUID]:
        """Remove up to a unit of messages from the queue, the oldest first; return their ids."""
        found = self._redis.rpop(queue_name(queue), _UNIT) or []
        return [UUID(json.loads(each)["headers"]["id"]) for each in found]

    def _deliver(self, channel: str, ids: list[UUID]) -> None:
        deliverer = self._deliverer(channel)
        changes = deliverer.deliver(ids)
        again = [id_ for id_, each in changes.items() if isinstance(each, Unfinished)]
        assert not again, "without isolation nothing is set aside"  # noqa: S101

    def _deliverer(self, name: str) -> Deliverer:
        if name not in self._deliverers:
            self._deliverers[name] = self._make_deliverer(name, self.channel(name))
        return self._deliverers[name]

    def _make_deliverer(self, name: str, channel: Channel) -> Deliverer:
        settings = self._settings
        self._buckets.append(bucket := UnlimitedBucket(self._url, name, lambda: None))
        attempts = Attempts.of(settings, self._engine, channel=name, worker=_WORKER)
        states = ChannelStates(self._engine, actor=_WORKER, probe_seconds=settings.probe_seconds)
        preparer = preparer_of(
            name,
            channel,
            settings,
            self._routes,
            templates=self._templates,
            attachments=lambda: AttachmentReader(settings, self._objects),
        )
        return Deliverer(
            Collaborators(
                attempts=attempts,
                channel=channel,
                routes=self._routes,
                preparer=preparer,
                in_progress=InProgress(),
                account=AccountState(states, name),
                bucket=bucket,
                lease_seconds=settings.send_lease_seconds,
                digests=Digests(self._engine, channel=name) if self._routes.has_digests(name) else None,
            )
        )
