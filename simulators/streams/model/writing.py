"""Write an item to a table, and the record of the change to the shard of its key."""

from collections.abc import Callable

from simulators.streams.model.account import Account
from simulators.streams.model.log import RecordSummary, WrittenLog, WrittenRecord
from simulators.streams.model.record import AcknowledgedWrite, Change, Item, encode, event_id
from simulators.streams.model.shard import Shard
from simulators.streams.model.stream import Stream
from simulators.streams.model.table import Table


def write(
    account: Account, table: Table, item: Item, make: Callable[[Table, Item], Change | None]
) -> AcknowledgedWrite | None:
    """Change the item by `make`. Return the record; None if nothing changed or the table has no stream."""
    stream = table.stream
    shard = stream.to_write(table.key_hash(table.keys_of(item))) if stream else None
    change = make(table, item)
    if change is None or stream is None or shard is None:
        return None
    return _record(account, stream, shard, change)


def _record(account: Account, stream: Stream, shard: Shard, change: Change) -> AcknowledgedWrite:
    log = shard.log
    assert isinstance(log, WrittenLog)  # noqa: S101  prepared shards are never written to
    now = account.now
    arn, number = stream.properties.arn, log.numbers.text(log.end(now))
    identity = event_id(arn, shard.shard_id, number)
    body, size = encode(change, stream.properties.view, account.behaviour.region, identity, number, int(now))
    log.append(WrittenRecord(body, size, RecordSummary(identity, change.event_name, change.keys, now)))
    return AcknowledgedWrite(arn, shard.shard_id, number, identity, change.event_name, change.keys, now)
