"""The four operations over HTTP: AWS JSON 1.0, with the name of the operation in X-Amz-Target."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response
from simulators.shared.errors import ApiError, invalid
from simulators.shared.fields import Json, Kind, decode, take_members
from simulators.streams.errors import CONTENT_TYPE
from simulators.streams.faults import EMPTY, call_fault
from simulators.streams.model.reading import Page
from simulators.streams.state import SimulatorState

_PREFIX = "DynamoDBStreams_20120810."


class Operation(NamedTuple):
    """An operation of the API. `members` are those of the request, in the order of the parameters of `run`; the
    `required` ones must be present.
    """

    run: Callable[..., Response]
    members: Mapping[str, Kind]
    required: tuple[str, ...]


class Api:
    """Answers the requests to the API of DynamoDB Streams."""

    def __init__(self, state: SimulatorState) -> None:
        self._state = state
        self._operations: Mapping[str, Operation] = {
            "ListStreams": Operation(
                lambda *given: _json(state.model.list_streams(*given)),
                {"TableName": str, "Limit": int, "ExclusiveStartStreamArn": str},
                (),
            ),
            "DescribeStream": Operation(
                lambda *given: _json(state.model.describe_stream(*given)),
                {"StreamArn": str, "Limit": int, "ExclusiveStartShardId": str, "ShardFilter": dict},
                ("StreamArn",),
            ),
            "GetShardIterator": Operation(
                lambda *given: _json({"ShardIterator": state.model.get_shard_iterator(*given)}),
                {"StreamArn": str, "ShardId": str, "ShardIteratorType": str, "SequenceNumber": str},
                ("StreamArn", "ShardId", "ShardIteratorType"),
            ),
            "GetRecords": Operation(
                lambda *given: self._page(state.model.get_records(*given)),
                {"ShardIterator": str, "Limit": int},
                ("ShardIterator",),
            ),
        }

    def answer(self, request: Request) -> Reply:
        """Raise ApiError."""
        name = (request.header("X-Amz-Target") or "").removeprefix(_PREFIX)
        operation = self._operations.get(name)
        if operation is None:
            raise ApiError("UnknownOperationException", f"{name or 'no operation'!r:.60} is not simulated.")
        self._state.call_counts.calls[name] += 1
        asked = take_members(decode(request.body), operation.members, operation.required)
        given = [asked.get(member) for member in operation.members]
        rule = call_fault(self._state.plan, name, asked)
        if rule is not None and rule.kind == EMPTY:
            return self._empty_page(name, asked)
        return self._state.plan.faults.apply(rule, lambda: operation.run(*given))

    def _empty_page(self, operation: str, asked: Json) -> Response:
        if operation != "GetRecords":
            raise invalid(f"the fault plan asks for an empty page of {operation}: only GetRecords has pages")
        return self._page(self._state.model.get_empty_page(asked["ShardIterator"]))

    def _page(self, page: Page) -> Response:
        counts = self._state.call_counts
        counts.pages += 1
        counts.served += page.count
        counts.empty_pages += not page.count
        following = b"" if page.next_iterator is None else b',"NextShardIterator":"%b"' % page.next_iterator.encode()
        return Response(200, b'{"Records":[%b]%b}' % (page.body, following), CONTENT_TYPE)


def _json(value: dict[str, Any]) -> Response:
    return Response(200, orjson.dumps(value), CONTENT_TYPE)
