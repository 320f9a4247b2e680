"""A change of an item becomes a record of the shard that has its key."""

from collections.abc import Callable

from sandbox.streams.account import Account
from sandbox.streams.log import Facts, Kept, WrittenLog
from sandbox.streams.record import Acknowledged, Change, Item, encode, event_id
from sandbox.streams.shard import Shard
from sandbox.streams.stream import Stream
from sandbox.streams.table import Table


def write(
    account: Account, table: Table, item: Item, make: Callable[[Table, Item], Change | None]
) -> Acknowledged | None:
    """`make` changes the table. None where that changes nothing, or the table has no stream."""
    stream = table.stream
    shard = stream.to_write(table.key_hash(table.keys_of(item))) if stream else None
    change = make(table, item)
    if change is None or stream is None or shard is None:
        return None
    return _record(account, stream, shard, change)


def _record(account: Account, stream: Stream, shard: Shard, change: Change) -> Acknowledged:
    log = shard.log
    assert isinstance(log, WrittenLog)  # noqa: S101  prepared shards have no keys
    now = account.now
    arn, number = stream.title.arn, log.numbers.text(log.end(now))
    identity = event_id(arn, shard.shard_id, number)
    body, size = encode(change, stream.title.view, account.behaviour.region, identity, number, int(now))
    log.append(Kept(body, size, Facts(identity, change.event_name, change.keys, now)))
    return Acknowledged(arn, shard.shard_id, number, identity, change.event_name, change.keys, now)
