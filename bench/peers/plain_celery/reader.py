"""Reads the table's stream and calls the task for each record: `python -m bench.peers.plain_celery.reader`."""

import os
import time
from typing import Any

import boto3

from bench.peers.plain_celery.app import notify
from bench.peers.plain_celery.database import sessions
from bench.peers.plain_celery.models import Checkpoint

_LIST_SECONDS = 1.0
_IDLE_SECONDS = 0.2


class Reader:
    """Reads all shards in turn, with one iterator for each."""

    def __init__(self) -> None:
        self._client = boto3.client("dynamodbstreams")
        self._iterators: dict[str, str | None] = {}
        """None for a shard that was read to its end."""

    def run(self) -> None:
        listed = 0.0
        while True:
            if time.monotonic() > listed + _LIST_SECONDS:
                self._find_shards()
                listed = time.monotonic()
            records = sum(self._read(shard_id) for shard_id, iterator in self._iterators.items() if iterator)
            if not records:
                time.sleep(_IDLE_SECONDS)

    def _find_shards(self) -> None:
        for stream in self._client.list_streams(TableName=os.environ["TABLE"])["Streams"]:
            described: dict[str, Any] = {"LastEvaluatedShardId": None}
            while "LastEvaluatedShardId" in described:
                after = described["LastEvaluatedShardId"]
                more = {"ExclusiveStartShardId": after} if after else {}
                described = self._client.describe_stream(StreamArn=stream["StreamArn"], **more)["StreamDescription"]
                for shard in described["Shards"]:
                    if shard["ShardId"] not in self._iterators:
                        self._iterators[shard["ShardId"]] = self._iterator(stream["StreamArn"], shard["ShardId"])

    def _iterator(self, arn: str, shard_id: str) -> str:
        with sessions()() as session:
            checkpoint = session.get(Checkpoint, shard_id)
        start = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": checkpoint.sequence_number}
            if checkpoint
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        found: str = self._client.get_shard_iterator(StreamArn=arn, ShardId=shard_id, **start)["ShardIterator"]
        return found

    def _read(self, shard_id: str) -> int:
        page = self._client.get_records(ShardIterator=self._iterators[shard_id])
        for record in page["Records"]:
            notify.delay(record["eventID"], record["dynamodb"]["NewImage"])
        if page["Records"]:
            number = page["Records"][-1]["dynamodb"]["SequenceNumber"]
            with sessions()() as session:
                session.merge(Checkpoint(shard_id=shard_id, sequence_number=number))
                session.commit()
        self._iterators[shard_id] = page.get("NextShardIterator")
        return len(page["Records"])


if __name__ == "__main__":
    Reader().run()
