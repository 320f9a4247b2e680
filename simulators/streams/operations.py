"""The four calls over HTTP: JSON 1.0, named by X-Amz-Target."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response
from simulators.streams.call import call
from simulators.streams.errors import CONTENT_TYPE, ApiError, invalid
from simulators.streams.faults_enact import apply_fault
from simulators.streams.fields import Json, Kind, decode, some
from simulators.streams.model.reading import Page
from simulators.streams.state import SimulatorState

_PREFIX = "DynamoDBStreams_20120810."


class Operation(NamedTuple):
    """`members` are those of the request, in the order of the arguments of `do`."""

    do: Callable[..., Response]
    members: Mapping[str, Kind]
    needed: tuple[str, ...]


class Api:
    def __init__(self, world: SimulatorState) -> None:
        self._world = world
        self._operations: Mapping[str, Operation] = {
            "ListStreams": Operation(
                lambda *given: _json(world.model.list_streams(*given)),
                {"TableName": str, "Limit": int, "ExclusiveStartStreamArn": str},
                (),
            ),
            "DescribeStream": Operation(
                lambda *given: _json(world.model.describe_stream(*given)),
                {"StreamArn": str, "Limit": int, "ExclusiveStartShardId": str, "ShardFilter": dict},
                ("StreamArn",),
            ),
            "GetShardIterator": Operation(
                lambda *given: _json({"ShardIterator": world.model.get_shard_iterator(*given)}),
                {"StreamArn": str, "ShardId": str, "ShardIteratorType": str, "SequenceNumber": str},
                ("StreamArn", "ShardId", "ShardIteratorType"),
            ),
            "GetRecords": Operation(
                lambda *given: self._page(world.model.get_records(*given)),
                {"ShardIterator": str, "Limit": int},
                ("ShardIterator",),
            ),
        }

    def answer(self, request: Request) -> Reply:
        """Raises ApiError."""
        name = (request.header("X-Amz-Target") or "").removeprefix(_PREFIX)
        operation = self._operations.get(name)
        if operation is None:
            raise ApiError("UnknownOperationException", f"{name or 'no operation'!r:.60} is not simulated.")
        self._world.tally.calls[name] += 1
        asked = some(decode(request.body), operation.members, operation.needed)
        given = [asked.get(member) for member in operation.members]
        rule = self._world.plan.turn(lambda: call(name, asked))
        return apply_fault(rule, lambda: operation.do(*given), lambda: self._nothing(name, asked))

    def _nothing(self, operation: str, asked: Json) -> Response:
        if operation != "GetRecords":
            raise invalid(f"the fault plan asks for an empty page of {operation}: only GetRecords has pages")
        return self._page(self._world.model.get_nothing(asked["ShardIterator"]))

    def _page(self, page: Page) -> Response:
        tally = self._world.tally
        tally.pages += 1
        tally.served += page.count
        tally.empty_pages += not page.count
        following = b"" if page.next_iterator is None else b',"NextShardIterator":"%b"' % page.next_iterator.encode()
        return Response(200, b'{"Records":[%b]%b}' % (page.body, following), CONTENT_TYPE)


def _json(value: dict[str, Any]) -> Response:
    return Response(200, orjson.dumps(value), CONTENT_TYPE)
