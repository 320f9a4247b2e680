"""A handler of a DynamoDB stream as products have it in a Lambda, and what polls the stream for it."""

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from notifier.aws import aws_client
from sandbox.system import SENDER, System, local_session


class OlderSystem:
    """Sends a mail for each new item whose record is from before `until`, or from `since` on, in Unix seconds.

    It writes what it sent to a file, a line of JSON each.
    """

    def __init__(self, system: System, sent: Path) -> None:
        session, settings = local_session(system.settings), system.settings
        self._streams = aws_client("dynamodbstreams", settings, connect_timeout=3, read_timeout=10, session=session)
        self._ses = aws_client("sesv2", settings, connect_timeout=3, read_timeout=10, session=session)
        self._arn = self._streams.list_streams(TableName="activity")["Streams"][0]["StreamArn"]
        self._sent = sent
        self.until, self.since = math.inf, math.inf
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def handle(self, event: dict[str, Any]) -> None:
        """The handler. Its first line is all that the move adds."""
        for record in event["Records"]:
            change = record["dynamodb"]
            at = change["ApproximateCreationDateTime"]
            if not (at < self.until or at >= self.since):
                continue
            item = {name: value["S"] for name, value in change["NewImage"].items()}
            subject = f"Welcome, {item['name']}"
            self._ses.send_email(
                FromEmailAddress=SENDER,
                Destination={"ToAddresses": [item["to"]]},
                Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "Hello"}}}},
            )
            line = {"key": f"{item['pk']}/{item['sk']}", "recipient": item["to"], "subject": subject}
            with self._sent.open("a") as file:
                file.write(json.dumps({**line, "time": time.time()}) + "\n")

    def _run(self) -> None:
        iterators: dict[str, str | None] = {}
        while not self._ended.wait(0.1):
            for shard in self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]:
                if shard["ShardId"] not in iterators:
                    found = self._streams.get_shard_iterator(
                        StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                    )
                    iterators[shard["ShardId"]] = found["ShardIterator"]
            for name, iterator in iterators.items():
                if iterator:
                    page = self._streams.get_records(ShardIterator=iterator)
                    self.handle({"Records": list(_as_lambda_has_them(page["Records"]))})
                    iterators[name] = page.get("NextShardIterator")


def _as_lambda_has_them(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A Lambda gets the time in Unix seconds, the SDK makes a datetime of it."""
    for record in records:
        change = record["dynamodb"]
        yield {**record, "dynamodb": {
            **change, "ApproximateCreationDateTime": change["ApproximateCreationDateTime"].timestamp(),
        }}  # fmt: skip
