"""HTTP/1.1 messages: parse a request out of received bytes, and encode a response."""

from http import HTTPStatus
from typing import NamedTuple

from simulators.http.replies import Response

# The largest request is that of SES: 40 MB after base64, and the JSON around it.
MAX_BODY = 42 * 1024 * 1024
MAX_HEAD = 64 * 1024


class Request(NamedTuple):
    """A request. `head` is its first line and its headers, as received."""

    method: str
    path: str
    query: str
    body: bytes
    keep_alive: bool
    head: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever its case; None if there is none."""
        return _header(self.head, self.head.lower(), name.lower().encode("latin-1"))


class MalformedRequest(Exception):
    """The bytes are not a request that can be answered: send `status` and close."""

    def __init__(self, status: int) -> None:
        super().__init__(HTTPStatus(status).phrase)
        self.status = status


def take_request(buffer: bytearray) -> Request | None:
    """Remove the first complete request from `buffer`; None while it is incomplete. Raise MalformedRequest."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise MalformedRequest(431)
        return None
    head = bytes(buffer[:end])
    lowered = head.lower()
    start = end + 4
    stop = start + _content_length(lowered)
    if len(buffer) < stop:
        return None
    body = bytes(buffer[start:stop])
    del buffer[:stop]
    return _request(head, lowered, body)


def encode(response: Response, request_id: str, keep_alive: bool) -> bytes:
    lines = [
        _STATUS_LINES.get(response.status) or _status_line(response.status),
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        f"x-amzn-RequestId: {request_id}",
    ]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + response.body


def _content_length(lowered: bytes) -> int:
    if b"\r\ntransfer-encoding:" in lowered:
        raise MalformedRequest(411)
    digits = _header(lowered, lowered, b"content-length")
    if digits is None:
        return 0
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedRequest(400)
    if int(digits) > MAX_BODY:
        raise MalformedRequest(413)
    return int(digits)


def _header(head: bytes, lowered: bytes, name: bytes) -> str | None:
    field = b"\r\n" + name + b":"
    at = lowered.find(field)
    if at < 0:
        return None
    line_end = lowered.find(b"\r\n", at + len(field))
    return head[at + len(field) : line_end if line_end >= 0 else None].decode("latin-1").strip()


def _request(head: bytes, lowered: bytes, body: bytes) -> Request:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/1."):
        raise MalformedRequest(400)
    path, _, query = target.partition("?")
    keep_alive = version == "HTTP/1.1" and b"\r\nconnection: close" not in lowered
    return Request(method, path, query, body, keep_alive, head)


def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP/1.1 {status} Unknown"


_STATUS_LINES = {status: _status_line(status) for status in (200, 400, 404, 429, 500, 503)}
