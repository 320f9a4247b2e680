"""Runs the function as Lambda does: reads the shards as an event source mapping, and calls the handler with batches.

`python -m bench.peers.lambda_handler.invoker PART PARTS`: one of so many processes, one for each core. It reads with
the stream client of Notifier, which needs little CPU, because AWS does not charge for reading.
"""

import os
import sys
import time
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.typing import LambdaContext

from bench.peers.lambda_handler.handler import handler
from bridge.stream.client import StreamsClient
from notifier.settings import Settings

_BATCH = 100  # Lambda's default for streams
_TIMEOUT_SECONDS = 60.0
_LIST_SECONDS = 1.0
_IDLE_SECONDS = 0.2


class Context(LambdaContext):
    """The context of an invocation with a timeout of _TIMEOUT_SECONDS."""

    def __init__(self) -> None:
        self._function_name = "notify"
        self._aws_request_id = str(uuid4())
        self._deadline = time.monotonic() + _TIMEOUT_SECONDS

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Invoker:
    def __init__(self, streams: StreamsClient, table: str, part: int, parts: int) -> None:
        self._streams = streams
        self._table = table
        self._part = part
        self._parts = parts
        self._iterators: dict[str, str | None] = {}
        """Of this process's part of the shards. None for a shard that was read to its end."""

    def run(self) -> None:
        listed = 0.0
        while True:
            if time.monotonic() > listed + _LIST_SECONDS:
                self._find_shards()
                listed = time.monotonic()
            if not sum(self._read(shard_id, at) for shard_id, at in self._iterators.items() if at):
                time.sleep(_IDLE_SECONDS)

    def _find_shards(self) -> None:
        for arn in self._streams.streams(self._table):
            for shard in self._streams.shards(arn)[self._part :: self._parts]:
                if shard.shard_id not in self._iterators:
                    self._iterators[shard.shard_id] = self._streams.iterator(arn, shard.shard_id, None)

    def _read(self, shard_id: str, iterator: str) -> int:
        page = self._streams.records(iterator)
        records = list(page.records)
        for start in range(0, len(records), _BATCH):
            invoke(records[start : start + _BATCH])
        self._iterators[shard_id] = page.next_iterator
        return len(records)


def invoke(records: list[dict[str, Any]]) -> None:
    """Call the handler until it reports no failure, each time from the first record that failed."""
    while records:
        failed = {each["itemIdentifier"] for each in handler({"Records": records}, Context())["batchItemFailures"]}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        first = next((place for place, number in enumerate(numbers) if number in failed), len(records))
        records = records[first:]


def main() -> None:
    settings = Settings(
        database_url="postgresql://unused",
        broker_url="redis://unused",
        aws_endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"],
    )
    Invoker(StreamsClient(settings), os.environ["TABLE"], *map(int, sys.argv[1:])).run()


if __name__ == "__main__":
    main()
