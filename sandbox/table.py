"""A table of DynamoDB with a stream, to which items are written as an application does."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from notifier.aws import AwsError, aws_client, aws_errors
from notifier.errors import NotifierError, Unreachable, UsageError
from notifier.settings import Settings

KEYS = ("pk", "sk")
_BATCH = 25  # what BatchWriteItem takes
_TRIES = 8
_serialize = TypeSerializer().serialize


class EventTable:
    """The table to which events are written. `session` is one of `aws_session`.

    All methods raise Unreachable if DynamoDB does not answer, UsageError if it refuses the table or an item.
    """

    def __init__(self, settings: Settings, name: str, session: Any = None) -> None:
        self.name = name
        self._where = f"DynamoDB at {settings.endpoint('dynamodb') or 'AWS'}"
        self._client = aws_client(
            "dynamodb", settings, connect_timeout=3, read_timeout=10, attempts=3, session=session
        )

    def create(self) -> None:
        """Create the table with a stream of new and old images, unless it exists."""
        with self._errors(expected="ResourceInUseException"):
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

    def write(self, items: Iterable[Mapping[str, Any]], batch: int = _BATCH) -> Iterator[Mapping[str, Any]]:
        """Write the items, `batch` in each call; yield each one once DynamoDB has acknowledged it."""
        remaining = iter(items)
        while some := list(islice(remaining, batch)):
            self._write_batch(some)
            yield from some

    def update(self, item: Mapping[str, Any]) -> bool:
        """Set these attributes of the item with these keys; others stay. Return False if there is no such item."""
        key = {name: _serialize(item[name]) for name in KEYS}
        names = [name for name in item if name not in KEYS]
        setting = ", ".join(f"#n{n} = :v{n}" for n in range(len(names)))
        answer = None
        with self._errors(expected="ConditionalCheckFailedException"):
            answer = self._client.update_item(
                TableName=self.name,
                Key=key,
                UpdateExpression=f"SET {setting}",
                ConditionExpression=f"attribute_exists({KEYS[0]})",
                ExpressionAttributeNames={f"#n{n}": name for n, name in enumerate(names)},
                ExpressionAttributeValues={f":v{n}": _serialize(item[name]) for n, name in enumerate(names)},
            )
        return answer is not None

    def delete(self, item: Mapping[str, Any]) -> bool:
        """Delete the item with these keys. Return whether it existed, and so whether there is an event."""
        key = {name: _serialize(item[name]) for name in KEYS}
        with self._errors():
            answer = self._client.delete_item(TableName=self.name, Key=key, ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))

    def _write_batch(self, items: list[Mapping[str, Any]]) -> None:
        requests = [
            {"PutRequest": {"Item": {name: _serialize(value) for name, value in item.items()}}} for item in items
        ]
        for attempt in range(_TRIES):
            with self._errors():
                answer = self._client.batch_write_item(RequestItems={self.name: requests})
            if not (requests := answer.get("UnprocessedItems", {}).get(self.name, [])):
                return
            time.sleep(0.05 * 2**attempt)
        raise Unreachable(f"DynamoDB left {len(requests)} items unwritten: the table is throttled")

    @contextmanager
    def _errors(self, expected: str = "") -> Iterator[None]:
        """Raise Notifier's errors in place of those of the SDK. An error of the code `expected` is none."""
        try:
            with aws_errors(self._where):
                yield
        except AwsError as error:
            if error.code == expected:
                return
            if error.code == "ResourceNotFoundException":
                raise UsageError(f"{self._where} has no table {self.name!r}: is the name right?") from error
            kind = UsageError if error.code == "ValidationException" else NotifierError
            raise kind(f"{self._where} refused the table {self.name!r}: {error}") from error
