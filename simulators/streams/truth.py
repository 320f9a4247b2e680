"""What was written to the streams, whatever readers are shown: tests compare what they read with it."""

from collections.abc import Iterator
from typing import Any

from simulators.streams.model.account import Account
from simulators.streams.model.record import AcknowledgedWrite
from simulators.streams.model.shard import Shard
from simulators.streams.model.stream import Stream


def records(account: Account, arn: str | None = None, shard_id: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield every acknowledged record, by stream, shard and place; `state` is readable, trimmed or vanished."""
    for stream, shard in _shards(account, arn, shard_id):
        lost_to = _lost_to(stream, shard, account.now)
        for place in range(shard.log.end(account.now)):
            state = "readable" if place >= lost_to else "vanished" if shard.vanished else "trimmed"
            yield {**_acknowledged(stream, shard, place), "state": state}


def acknowledged(account: Account) -> Iterator[AcknowledgedWrite]:
    """Yield every acknowledged record, as `put` returned it."""
    for stream, shard in _shards(account):
        for place in range(shard.log.end(account.now)):
            yield AcknowledgedWrite(**_acknowledged(stream, shard, place))


def shards(account: Account, arn: str | None = None) -> list[dict[str, Any]]:
    """Return all shards with their true state, which DescribeStream may not show."""
    now = account.now
    return [
        {
            "stream": stream.properties.arn,
            "shard": shard.shard_id,
            "parent": shard.parent,
            "closed": shard.is_closed(now),
            "listed": shard.is_listed(now) and not stream.is_gone(now),
            "vanished": shard.vanished,
            "records": shard.log.end(now),
            "lost": _lost_to(stream, shard, now),
        }
        for stream, shard in _shards(account, arn)
    ]


def counts(account: Account) -> dict[str, int]:
    found = shards(account)
    return {
        "tables": len(account.tables),
        "streams": len(account.streams),
        "shards": len(found),
        "open_shards": sum(not shard["closed"] for shard in found),
        "records": sum(shard["records"] for shard in found),
        "lost": sum(shard["lost"] for shard in found),
    }


def _shards(account: Account, arn: str | None = None, shard_id: str | None = None) -> Iterator[tuple[Stream, Shard]]:
    for stream in account.streams.values():
        for shard in stream.shards.values():
            if arn in (None, stream.properties.arn) and shard_id in (None, shard.shard_id):
                yield stream, shard


def _lost_to(stream: Stream, shard: Shard, now: float) -> int:
    """Below this place no record can be read any more."""
    if shard.is_gone(now) or stream.is_gone(now):
        return shard.log.end(now)
    return shard.log.horizon(now)


def _acknowledged(stream: Stream, shard: Shard, place: int) -> dict[str, Any]:
    facts = shard.log.facts(place)
    return {
        "stream": stream.properties.arn,
        "shard": shard.shard_id,
        "sequence_number": shard.log.numbers.text(place),
        "event_id": facts.event_id,
        "event_name": facts.event_name,
        "key": facts.key,
        "created": facts.created,
    }
