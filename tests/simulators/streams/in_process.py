"""The stream client of the bridge, with a model in this process instead of HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson

from bridge.stream.client import IteratorExpired, Shard, ShardGone, StreamRefused, StreamThrottled
from bridge.stream.page import RecordPage
from notifier.errors import DataTrimmed, NotifierError, Unreachable
from notifier.routes.views import View
from simulators.http.replies import NoReply, Reset, Response, Truncated
from simulators.shared.errors import ApiError
from simulators.shared.faults import Plan
from simulators.shared.fields import Json
from simulators.streams.faults import EMPTY, FAULTS, call_fault
from simulators.streams.model.reading import Page
from simulators.streams.streams_model import StreamsModel

_NAMED: Mapping[str, type[NotifierError]] = {
    "ExpiredIteratorException": IteratorExpired,
    "TrimmedDataAccessException": DataTrimmed,
    "ResourceNotFoundException": ShardGone,
    "LimitExceededException": StreamThrottled,
    "ThrottlingException": StreamThrottled,
    "ProvisionedThroughputExceededException": StreamThrottled,
    "ValidationException": StreamRefused,
    "AccessDeniedException": StreamRefused,
}


class InProcessStreams:
    """Has the methods of bridge.stream.client.Streams, and raises the same errors.

    A fault of the connection raises Unreachable after the call was processed.
    """

    def __init__(self, model: StreamsModel, plan: Plan | None = None) -> None:
        self.model = model
        self.plan = plan or Plan(FAULTS)

    def streams(self, table: str) -> list[str]:
        with self._call("ListStreams", TableName=table):
            return [each["StreamArn"] for each in self.model.list_streams(table)["Streams"]]

    def is_on(self, arn: str) -> bool:
        with self._call("DescribeStream", StreamArn=arn):
            return bool(self.model.describe_stream(arn, limit=1)["StreamDescription"]["StreamStatus"] == "ENABLED")

    def view(self, arn: str) -> View:
        with self._call("DescribeStream", StreamArn=arn):
            told = self.model.describe_stream(arn, limit=1)["StreamDescription"]
        return View(arn, told["StreamViewType"], frozenset(each["AttributeName"] for each in told["KeySchema"]))

    def shards(self, arn: str) -> list[Shard]:
        return self._describe(arn)

    def children(self, arn: str, shard_id: str) -> list[Shard]:
        return self._describe(arn, {"Type": "CHILD_SHARDS", "ShardId": shard_id})

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str:
        kind = "AFTER_SEQUENCE_NUMBER" if after else "TRIM_HORIZON"
        with self._call("GetShardIterator", StreamArn=arn, ShardId=shard_id):
            return self.model.get_shard_iterator(arn, shard_id, kind, after)

    def records(self, iterator: str) -> RecordPage:
        with self._call("GetRecords", ShardIterator=iterator) as kind:
            page = self.model.get_empty_page(iterator) if kind == EMPTY else self.model.get_records(iterator)
        return _record_page(page)

    def _describe(self, arn: str, shard_filter: Json | None = None) -> list[Shard]:
        found: list[Shard] = []
        after = None
        while True:
            with self._call("DescribeStream", StreamArn=arn):
                answer = self.model.describe_stream(arn, after=after, shard_filter=shard_filter)["StreamDescription"]
            for each in answer["Shards"]:
                closed = "EndingSequenceNumber" in each["SequenceNumberRange"]
                found.append(Shard(each["ShardId"], each.get("ParentShardId"), closed))
            if not (after := answer.get("LastEvaluatedShardId")):
                return found

    @contextmanager
    def _call(self, operation: str, **asked: str) -> Iterator[str | None]:
        """Yields the kind of the fault of this call, None if there is none. Raises the error of the fault."""
        rule = call_fault(self.plan, operation, asked)
        reply = None
        try:
            if rule is not None and rule.kind != EMPTY:
                reply = FAULTS.apply(rule, lambda: Response(200, b"[]"))
            yield rule.kind if rule else None
        except ApiError as error:
            raise _NAMED.get(error.code, Unreachable)(str(error)) from error
        if isinstance(reply, Reset | NoReply | Truncated):
            raise Unreachable(f"no answer from {operation}: {rule.kind}")


def _record_page(page: Page) -> RecordPage:
    return RecordPage(orjson.loads(b"[%b]" % page.body), page.next_iterator, len(page.body))
