"""A client of one SQS queue, for the only call that is needed: SendMessageBatch."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import NamedTuple

import httpx
import orjson

MAX_BATCH = 10
# A batch may have 256 KiB in all; its entries need some of them.
MAX_BATCH_BYTES = 250_000

_TIMEOUT_SECONDS = 10.0


class QueueUnavailable(Exception):
    """The queue did not confirm the batch: send it again."""


class Failed(NamedTuple):
    """A message that the queue refused, by its place in the batch. `final`: it would be refused again."""

    place: int
    final: bool


class Queue:
    """Sends messages to one queue."""

    def __init__(self, url: str, endpoint: str | None, region: str) -> None:
        self._url = url
        self._endpoint = httpx.URL(endpoint or url).copy_with(path="/", query=None)
        # Emulators do not check the signature, but read the region out of it.
        authorization = f"AWS4-HMAC-SHA256 Credential=simulator/20260101/{region}/sqs/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS.SendMessageBatch",
            "Authorization": f"{authorization}, SignedHeaders=host, Signature=0",
        }
        # trust_env=False: the events must not go through a proxy of the user's shell.
        self._client = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False)

    async def send(self, bodies: Sequence[str]) -> list[Failed]:
        """Send up to ten messages and return those that were refused. Raise QueueUnavailable."""
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        try:
            answer = await self._client.post(
                self._endpoint, content=orjson.dumps({"QueueUrl": self._url, "Entries": entries})
            )
            if answer.status_code == HTTPStatus.OK:
                failures = answer.json().get("Failed") or []
                return [Failed(int(one["Id"]), one.get("SenderFault", False)) for one in failures]
        except (httpx.HTTPError, ValueError) as error:
            raise QueueUnavailable(f"{self._endpoint.netloc.decode()} does not answer: {error!r}") from error
        raise QueueUnavailable(f"{self._url} answers {answer.status_code}: {answer.text[:200]}")

    async def close(self) -> None:
        await self._client.aclose()


def fits(body: str) -> bool:
    """Return whether a queue takes a message of this length."""
    return len(body.encode()) <= MAX_BATCH_BYTES


def batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Divide messages into groups that a queue takes at once. A message that is too long is a group of its own."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
