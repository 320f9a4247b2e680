"""Reads the body of a request up to a size, whether its length is announced or not."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_BYTES = 32 * 1024
_MOST_FIELDS = 500


async def read_body(request: Request) -> bytes:
    """Return the body. Raise HTTPException 413 if it is longer than 32 KB."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "The request is too long.")
    return bytes(body)


async def read_form(request: Request) -> FormData:
    """Return the fields of a form in either encoding: mail providers use both. Raise HTTPException 400 or 413."""
    body = await read_body(request)

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return await Request(request.scope, receive).form(max_fields=_MOST_FIELDS, max_files=0)  # type: ignore[arg-type]
