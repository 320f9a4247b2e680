"""Read the streams of a model."""

from typing import Any

import orjson

from simulators.streams import StreamsModel

HORIZON = "TRIM_HORIZON"


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"pk": f"user#{number}", "sk": "1", **more}


def items(count: int) -> list[dict[str, Any]]:
    return [item(number) for number in range(count)]


def records(body: bytes) -> list[dict[str, Any]]:
    """The records in the body of a page."""
    found: list[dict[str, Any]] = orjson.loads(b"[" + body + b"]")
    return found


def numbers(body: bytes) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records(body)]


def described(model: StreamsModel, arn: str) -> list[dict[str, Any]]:
    """All shards of a stream, by DescribeStream."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        answer = model.describe_stream(arn, after=after)["StreamDescription"]
        found += answer["Shards"]
        if (after := answer.get("LastEvaluatedShardId")) is None:
            return found


def shard_ids(model: StreamsModel, arn: str) -> list[str]:
    return [shard["ShardId"] for shard in described(model, arn)]


def only_shard(model: StreamsModel, arn: str) -> str:
    (shard,) = shard_ids(model, arn)
    return shard


def read_all(model: StreamsModel, arn: str, shard: str, start: str | None = None) -> list[dict[str, Any]]:
    """The records of a shard from the horizon, or after `start`, to its end or an empty page."""
    kind = "AFTER_SEQUENCE_NUMBER" if start else HORIZON
    iterator: str | None = model.get_shard_iterator(arn, shard, kind, start)
    found: list[dict[str, Any]] = []
    while iterator is not None:
        page = model.get_records(iterator)
        if not page.count:
            break
        found += records(page.body)
        iterator = page.next_iterator
    return found


def is_open(shard: dict[str, Any]) -> bool:
    return "EndingSequenceNumber" not in shard["SequenceNumberRange"]
