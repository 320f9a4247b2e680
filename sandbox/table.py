"""A table of DynamoDB with a stream, to which items are written as an application does."""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from notifier.errors import NotifierError, Unreachable, UsageError
from notifier.settings import Settings

KEYS = ("pk", "sk")
_BATCH = 25  # what BatchWriteItem takes
_TRIES = 8
_MISTAKES = frozenset(("ResourceNotFoundException", "ValidationException"))
_serialize = TypeSerializer().serialize


class EventTable:
    """The table to which events are written. All methods raise Unreachable if DynamoDB does not answer."""

    def __init__(self, settings: Settings, name: str, session: boto3.Session | None = None) -> None:
        self.name = name
        self._where = settings.endpoint("dynamodb") or "AWS"
        try:
            self._client = (session or boto3.Session()).client(
                "dynamodb",
                region_name=settings.aws_region or None,
                endpoint_url=settings.endpoint("dynamodb"),
                config=Config(
                    connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"}
                ),
            )
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"DynamoDB at {self._where} cannot be asked: {error}") from None

    def create(self) -> None:
        """Create the table with a stream of new and old images, unless it exists."""
        try:
            self._client.create_table(
                TableName=self.name,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in KEYS],
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            )
        except self._client.exceptions.ResourceInUseException:
            return
        except (BotoCoreError, ClientError) as error:
            raise self._unreachable(error) from error

    def write(self, items: Iterable[Mapping[str, Any]], batch: int = _BATCH) -> Iterator[Mapping[str, Any]]:
        """Write the items, `batch` in each call; yields each one once DynamoDB has acknowledged it."""
        remaining = iter(items)
        while some := list(islice(remaining, batch)):
            self._write_batch(some)
            yield from some

    def delete(self, item: Mapping[str, Any]) -> bool:
        """Delete the item with these keys. Returns whether it existed, and so whether there is an event."""
        key = {name: _serialize(item[name]) for name in KEYS}
        try:
            answer = self._client.delete_item(TableName=self.name, Key=key, ReturnValues="ALL_OLD")
        except (BotoCoreError, ClientError) as error:
            raise self._unreachable(error) from error
        return bool(answer.get("Attributes"))

    def _write_batch(self, items: list[Mapping[str, Any]]) -> None:
        requests = [
            {"PutRequest": {"Item": {name: _serialize(value) for name, value in item.items()}}} for item in items
        ]
        for attempt in range(_TRIES):
            try:
                answer = self._client.batch_write_item(RequestItems={self.name: requests})
            except (BotoCoreError, ClientError) as error:
                raise self._unreachable(error) from error
            if not (requests := answer.get("UnprocessedItems", {}).get(self.name, [])):
                return
            time.sleep(0.05 * 2**attempt)
        raise Unreachable(f"DynamoDB left {len(requests)} items unwritten: the table is throttled")

    def _unreachable(self, error: Exception) -> NotifierError:
        if isinstance(error, ClientError):
            kind = UsageError if error.response["Error"]["Code"] in _MISTAKES else NotifierError
            return kind(f"DynamoDB at {self._where} refused the table {self.name!r}: {error}")
        if isinstance(error, ConnectionError | HTTPClientError):
            return Unreachable(f"DynamoDB at {self._where} does not answer: {error}")
        return UsageError(f"DynamoDB at {self._where} cannot be asked: {error}")
