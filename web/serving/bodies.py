"""Bodies of requests, read up to a size."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from notifier.text import encodes


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


@asynccontextmanager
async def form_of(request: Request, most_bytes: int, **limits: int) -> AsyncIterator[FormData]:
    """Give the form of a request, in either encoding, and close its uploads at the end. `limits` are those of
    `Request.form`.

    Raise HTTPException 413 as `limited` does, and 400 for a form that is malformed, or whose texts are none in the
    charset that its Content-Type names: codecs such as utf-7 make half of a surrogate pair. Charsets other than UTF-8
    are accepted, because a mail provider may send its one-click form in one.
    """
    refused = HTTPException(400, "The form cannot be read in the charset that it names: send it in UTF-8.")
    try:
        form = await limited(request, most_bytes).form(**limits)
    except UnicodeError:
        raise refused from None
    try:
        if not all(map(encodes, _texts(form))):
            raise refused
        yield form
    finally:
        await form.close()


def _texts(form: FormData) -> Iterator[str]:
    """Return all names and values, and the names of uploads."""
    for name, value in form.multi_items():
        yield name
        yield value if isinstance(value, str) else value.filename or ""
