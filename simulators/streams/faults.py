"""The faults of DynamoDB Streams: what can go wrong with a call. No call changes anything, so each can be repeated.

`match` takes `operation`, `table` and `shard`, each a pattern as for file names.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from fnmatch import fnmatch

from simulators.http.replies import Reply
from simulators.shared import faults
from simulators.shared.errors import ApiError
from simulators.shared.faults import MESSAGE, Effect, FaultKind, FaultKinds, MakeResponse, Plan, Rule
from simulators.shared.fields import Json
from simulators.streams.errors import expired, no_shard, trimmed
from simulators.streams.model.iterators import position

EMPTY = "empty"
"""GetRecords returns a page without records: applied by `simulators.streams.operations`."""


@dataclass(frozen=True, slots=True)
class Call:
    """The operation of a call, and its table and shard; empty if the request does not name them."""

    operation: str
    table: str = ""
    shard: str = ""


def call_of(operation: str, asked: Json) -> Call:
    """`asked` are the members of the request."""
    arn, shard = asked.get("StreamArn", ""), asked.get("ShardId", "")
    if "ShardIterator" in asked:
        try:
            at = position(asked["ShardIterator"])
        except ApiError:
            return Call(operation)
        arn, shard = at.arn, at.shard_id
    table = asked.get("TableName") or arn.partition(":table/")[2].partition("/")[0]
    return Call(operation, table, shard)


def call_fault(plan: Plan, operation: str, asked: Json) -> Rule | None:
    """Return the rule by which this call fails, None if it does not."""
    if not plan.rules:  # spares reading the iterator
        return None
    call = call_of(operation, asked)
    return plan.next(lambda match: all(fnmatch(getattr(call, name), pattern) for name, pattern in match.items()))


def _raises(error: Callable[[], ApiError]) -> Effect:
    def effect(_rule: Rule, _make: MakeResponse) -> Reply:
        raise error()

    return effect


_READS = {"operation": "Get*"}
_PAGES = {"operation": "GetRecords"}
FAULTS = FaultKinds(
    {
        "throttle": FaultKind(faults.refuse, {"code": "ThrottlingException", "message": "Rate exceeded"}),
        "error": FaultKind(faults.refuse, {"code": "InternalServerError", "message": MESSAGE, "status": 500}),
        "refuse": FaultKind(faults.refuse, {"code": "AccessDeniedException", "message": MESSAGE, "status": 400}),
        "expired": FaultKind(_raises(expired), match=_PAGES),
        "trimmed": FaultKind(_raises(trimmed), match=_READS),
        "not_found": FaultKind(_raises(no_shard), match=_READS),
        EMPTY: FaultKind(None, match=_PAGES),
        "slow": FaultKind(faults.delay, {"seconds": 1.0}),
        "hang": FaultKind(faults.no_reply_after),
        "cut": FaultKind(faults.reset_before),
        "lost": FaultKind(faults.reset_after),
        "truncated": FaultKind(faults.truncate, {"body": "cut"}),
    },
    matches=tuple(each.name for each in fields(Call)),
    bodies=("cut", "broken"),
)
