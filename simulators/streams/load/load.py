"""Add shards of prepared records, which benchmarks read."""

import time
from dataclasses import dataclass

from simulators.shared.errors import invalid
from simulators.streams.load.payload import payloads
from simulators.streams.load.prepared import PreparedLog, Release
from simulators.streams.model.account import Account
from simulators.streams.model.log import PAGE_BYTES
from simulators.streams.model.stream import Stream

_WITH_NEW_IMAGE = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_KEYS = ("pk", "sk")


@dataclass(frozen=True, slots=True)
class Load:
    """Shards of prepared records to add. `rate` is records per second over all shards; None releases all at once.

    The shards exist at once, their first record after `after` seconds. `closed` shards end with their last record.
    `ahead` makes all pages before the response, which is the default without a rate.
    """

    shards: int = 1
    records_per_shard: int = 1000
    table: str = "activity"
    item_bytes: int = 1024
    rate: float | None = None
    after: float = 0.0
    closed: bool = False
    ahead: bool | None = None
    seed: int = 0
    view: str = "NEW_AND_OLD_IMAGES"

    def __post_init__(self) -> None:
        if min(self.shards, self.records_per_shard, self.item_bytes) < 1 or self.item_bytes > PAGE_BYTES // 3:
            raise invalid("'shards', 'records_per_shard' and 'item_bytes' must be 1 or more, and items not too large")
        if self.rate is not None and self.rate <= 0:
            raise invalid("'rate' must be more than 0")
        if self.after < 0:
            raise invalid("'after' must not be less than 0")
        if self.view not in _WITH_NEW_IMAGE:
            raise invalid(f"'view' must be one of {', '.join(_WITH_NEW_IMAGE)}: events are new items")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The shards that were added. `start` is when the first record is released, by the simulator's clock."""

    stream: str
    shards: list[str]
    records: int
    start: float
    prepared_in_seconds: float


def load(account: Account, spec: Load) -> Loaded:
    """Add the shards to the stream of the table. Raise ApiError if its keys or view do not suit."""
    began = time.perf_counter()
    stream = _stream(account, spec)
    made = payloads(spec.item_bytes, stream.properties.view, account.behaviour.region, spec.seed)
    now = account.now
    first = sum(shard.log.end(float("inf")) for shard in stream.shards.values() if shard.keys is None)
    ahead = spec.rate is None if spec.ahead is None else spec.ahead
    start = now + spec.after
    names: list[str] = []
    for number in range(spec.shards):
        release = _release(spec, number, first, start)
        name = f"{stream.properties.arn} {first + number}".encode()
        log = PreparedLog(name, stream.next_numbers(account.behaviour), made, release, ahead=ahead)
        last = release.created(spec.records_per_shard - 1)
        names.append(stream.add(log, last if spec.closed else None, account.behaviour, now).shard_id)
    records = spec.shards * spec.records_per_shard
    return Loaded(stream.properties.arn, names, records, start, round(time.perf_counter() - began, 3))


def _stream(account: Account, spec: Load) -> Stream:
    """Return the stream of the table. A table that does not exist is made, with a stream that has no shards yet."""
    if spec.table not in account.tables:
        account.create(spec.table, _KEYS)
        return account.enable(spec.table, spec.view, 0)
    stream = account.table(spec.table).stream
    if stream is None or stream.properties.keys != _KEYS or stream.properties.view not in _WITH_NEW_IMAGE:
        raise invalid(f"{spec.table} needs a stream of new images, and the keys pk and sk")
    return stream


def _release(spec: Load, number: int, first: int, start: float) -> Release:
    """Return when the shard releases its records. The shards take turns, so that together they keep the rate."""
    turn, every = (0.0, 0.0) if spec.rate is None else (number / spec.rate, spec.shards / spec.rate)
    return Release(first + number * spec.records_per_shard, spec.records_per_shard, start + turn, every)
