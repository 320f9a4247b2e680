"""Puts messages on an SQS queue: the one call that is needed, over one kept connection."""

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

MAX_BATCH = 10
# A batch may be 256 KiB in all; the entries need some of it.
MAX_BATCH_BYTES = 250_000

_SECONDS_TO_ANSWER = 10.0
_HEAD = (
    "POST / HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "Content-Type: application/x-amz-json-1.0\r\n"
    "X-Amz-Target: AmazonSQS.SendMessageBatch\r\n"
    # Nobody checks the signature here, but emulators read the region out of it.
    "Authorization: AWS4-HMAC-SHA256 Credential=simulator/20260101/{region}/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
)


class QueueUnavailable(Exception):
    """The queue did not take the batch, or did not say so: send it again."""


class Failed(NamedTuple):
    """A message the queue did not take, by its place in the batch. `final`: it never will."""

    place: int
    final: bool


class Streams(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Queue:
    """A client of one queue. One call at a time; connects when it has to, and anew after any error."""

    def __init__(self, url: str, endpoint: str | None, region: str) -> None:
        self._url = url
        self._endpoint = urlsplit(endpoint or url)
        self._region = region
        self._streams: Streams | None = None

    async def send(self, bodies: Sequence[str]) -> list[Failed]:
        """Send up to ten messages; returns those that were not taken. Raises QueueAwayError."""
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        request = orjson.dumps({"QueueUrl": self._url, "Entries": entries})
        try:
            async with asyncio.timeout(_SECONDS_TO_ANSWER):
                status, answer = await self._exchange(request)
            if status == HTTPStatus.OK:
                failures = orjson.loads(answer).get("Failed") or []
                return [Failed(int(one["Id"]), one.get("SenderFault", False)) for one in failures]
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            raise QueueUnavailable(f"{self._endpoint.netloc} does not answer: {error!r}") from error
        raise QueueUnavailable(f"{self._url} answers {status}: {answer[:200].decode(errors='replace')}")

    def close(self) -> None:
        if self._streams is not None:
            self._streams.writer.close()
            self._streams = None

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await self._connect()
        reader, writer = self._streams
        head = _HEAD.format(host=self._endpoint.netloc, region=self._region, length=len(body))
        writer.write(head.encode() + body)
        await writer.drain()
        return await _read_response(reader)

    async def _connect(self) -> Streams:
        secure = self._endpoint.scheme == "https"
        port = self._endpoint.port or (443 if secure else 80)
        return Streams(*await asyncio.open_connection(self._endpoint.hostname, port, ssl=secure or None))


def fits(body: str) -> bool:
    return len(body.encode()) <= MAX_BATCH_BYTES


def batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Groups that a queue takes at once. A body that is too long by itself is alone in its group."""
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


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), body


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(chunks)
