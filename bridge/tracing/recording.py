"""A recording and a broker that trace what they do. Without tracing, a bridge uses the classes that these wrap."""

from collections.abc import Collection, Mapping
from typing import Any, cast
from uuid import UUID

from notifier.broker import Broker
from notifier.outbox import NewPublication, Page, Recording, ShardLease
from notifier.tracing.tracing import Tracing


class TracedRecording:
    """Everything but `record` is that of the recording itself."""

    def __init__(self, recording: Recording, tracing: Tracing) -> None:
        self._recording = recording
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recording, name)

    def record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str] = ()
    ) -> list[NewPublication]:
        began = self._tracing.now()
        recorded = self._recording.record(lease, previous, page, to_relay)
        new = {id_ for each in recorded for id_ in each.ids}
        made = [each for each in page.notifications if each.id in new]
        self._tracing.remember((each.id, each.route, each.record) for each in made)
        batch = {"notifier.table": lease.table, "notifier.shard": lease.shard_id}
        self._tracing.step("record", began, ((each.id, {"notifier.channel": each.channel}) for each in made), batch)
        return recorded


class TracedBroker:
    """Everything but `publish` is that of the broker itself."""

    def __init__(self, broker: Broker, tracing: Tracing) -> None:
        self._broker = broker
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def publish(self, queue: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool:
        began = self._tracing.now()
        published = self._broker.publish(queue, retries, high_water)
        if published:
            failures = ((id_, {"notifier.failures": number}) for id_, number in retries.items())
            self._tracing.step("publish", began, failures, {"notifier.queue": queue})
        return published


def traced_recording(recording: Recording, tracing: Tracing | None) -> Recording:
    return cast("Recording", TracedRecording(recording, tracing)) if tracing else recording


def traced_broker(broker: Broker, tracing: Tracing | None) -> Broker:
    return cast("Broker", TracedBroker(broker, tracing)) if tracing else broker
