"""A recording and a broker that trace what they do. Without tracing, a bridge uses the plain ones."""

from collections.abc import Collection, Mapping
from uuid import UUID

from bridge.stream.intake import Recorder
from notifier.broker import Broker
from notifier.outbox import NewPublication, Page, ShardLease
from notifier.tracing.tracing import Tracing


class TracedRecording:
    """Traces what is recorded."""

    def __init__(self, recording: Recorder, tracing: Tracing) -> None:
        self._recording = recording
        self._tracing = tracing

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


class TracedBroker(Broker):
    """Traces what is published."""

    def __init__(self, broker_url: str, *, origin: str, tracing: Tracing) -> None:
        super().__init__(broker_url, origin=origin)
        self._tracing = tracing

    def publish(self, queue: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool:
        began = self._tracing.now()
        published = super().publish(queue, retries, high_water)
        if published:
            failures = ((id_, {"notifier.failures": number}) for id_, number in retries.items())
            self._tracing.step("publish", began, failures, {"notifier.queue": queue})
        return published


def traced_recording(recording: Recorder, tracing: Tracing | None) -> Recorder:
    return TracedRecording(recording, tracing) if tracing else recording


def broker_of(url: str, origin: str, tracing: Tracing | None) -> Broker:
    """Return the broker at this URL, not connected yet. Raise SettingsError for a malformed URL."""
    return TracedBroker(url, origin=origin, tracing=tracing) if tracing else Broker(url, origin=origin)
