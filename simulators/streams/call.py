"""Which table and which shard a call is about, for faults to match."""

from dataclasses import dataclass

from simulators.streams.errors import ApiError
from simulators.streams.fields import Json
from simulators.streams.model.iterators import position


@dataclass(frozen=True, slots=True)
class Call:
    """Empty where the call does not say."""

    operation: str
    table: str = ""
    shard: str = ""


def call(operation: str, asked: Json) -> Call:
    """`asked` is the request as AWS has it."""
    arn, shard = asked.get("StreamArn", ""), asked.get("ShardId", "")
    if "ShardIterator" in asked:
        try:
            at = position(asked["ShardIterator"])
        except ApiError:
            return Call(operation)
        arn, shard = at.arn, at.shard_id
    table = asked.get("TableName") or arn.partition(":table/")[2].partition("/")[0]
    return Call(operation, table, shard)
