"""ListStreams and DescribeStream."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from simulators.shared.errors import invalid
from simulators.shared.fields import Json, check_between
from simulators.streams.model.account import Account
from simulators.streams.model.limits import Rates, rate_exceeded
from simulators.streams.model.shard import Shard
from simulators.streams.model.stream import Stream
from simulators.streams.model.table import key_schema

_PAGE = 100

T = TypeVar("T")


class Listing:
    """Answers ListStreams and DescribeStream."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._rates = Rates()

    def list_streams(
        self, table: str | None = None, limit: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        check_between("limit", limit, 1, _PAGE)
        if after is not None and not after.startswith("arn:"):
            raise invalid(f"Invalid StreamArn: {after:.100}")
        self._check("ListStreams", self._account.behaviour.list_rate)
        found = (self._account.streams[arn] for arn in sorted(self._account.streams) if after is None or arn > after)
        page, more = _page((one for one in found if self._is_listed(one, table)), limit)
        answer: dict[str, Any] = {"Streams": [_summary(one) for one in page]}
        return {**answer, "LastEvaluatedStreamArn": page[-1].properties.arn} if more else answer

    def describe_stream(
        self, arn: str, limit: int | None = None, after: str | None = None, shard_filter: Json | None = None
    ) -> dict[str, Any]:
        check_between("limit", limit, 1, _PAGE)
        parent = _parent(shard_filter)
        stream = self._account.stream(arn)
        self._check("DescribeStream", self._account.behaviour.describe_rate)
        now = self._account.now
        shards = (one for one in stream.listed(now) if after is None or one.shard_id > after)
        page, more = _page((one for one in shards if parent is None or one.parent == parent), limit)
        description = _describe(stream, page, now)
        for shard in stream.shards.values():
            shard.count_call()
        if more:
            description["LastEvaluatedShardId"] = page[-1].shard_id
        return {"StreamDescription": description}

    def _check(self, operation: str, rate: float | None) -> None:
        if not self._rates.admits(operation, rate, self._account.now):
            raise rate_exceeded()

    def _is_listed(self, stream: Stream, table: str | None) -> bool:
        if stream.is_gone(self._account.now) or (stream.disabled_at and not self._account.behaviour.list_disabled):
            return False
        return table is None or stream.properties.table == table


def _page(found: Iterable[T], limit: int | None) -> tuple[list[T], bool]:
    """Return up to `limit` of them, and whether there are more."""
    size = limit or _PAGE
    page = list(islice(found, size + 1))
    return page[:size], len(page) > size


def _parent(shard_filter: Json | None) -> str | None:
    """Return the parent whose children are asked for; None for all shards. Raise ApiError for other filters."""
    match shard_filter or {}:
        case {"Type": "CHILD_SHARDS", "ShardId": str(parent)}:
            return parent
        case {"Type": _} | {"ShardId": _}:
            raise invalid("ShardFilter takes Type CHILD_SHARDS and the ShardId of the parent")
    return None


def _summary(stream: Stream) -> dict[str, Any]:
    return {
        "StreamArn": stream.properties.arn,
        "TableName": stream.properties.table,
        "StreamLabel": stream.properties.label,
    }


def _describe(stream: Stream, shards: Sequence[Shard], now: float) -> dict[str, Any]:
    return {
        **_summary(stream),
        "StreamStatus": "DISABLED" if stream.disabled_at is not None else "ENABLED",
        "StreamViewType": stream.properties.view,
        "CreationRequestDateTime": stream.properties.created,
        "KeySchema": key_schema(stream.properties.keys),
        "Shards": [shard.describe(now) for shard in shards],
    }
