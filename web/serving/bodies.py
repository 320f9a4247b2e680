"""Bodies of requests, read up to a size."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message


def limited(request: Request, most_bytes: int) -> Request:
    """Return the request with a body that is read up to `most_bytes`: reading more raises HTTPException 413.

    Raise it at once if the announced length is above. The bytes are counted all the same: a body that comes in chunks
    may have any length, whatever Content-Length says.
    """
    refused = HTTPException(413, f"The request is too long: at most {most_bytes:,} bytes are allowed.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_bytes:
        raise refused
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > most_bytes:
            raise refused
        return message

    return Request(request.scope, receive)
