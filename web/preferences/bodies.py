"""Reads the body of a request up to a size, whether its length is announced or not."""

from starlette.datastructures import FormData
from starlette.requests import Request

from web.serving.bodies import form_of, limited

_MOST_BYTES = 32 * 1024
_MOST_FIELDS = 1_000


async def read_body(request: Request) -> bytes:
    """Return the body. Raise HTTPException 413 if it is longer than 32 KB."""
    return await limited(request, _MOST_BYTES).body()


async def read_form(request: Request) -> FormData:
    """Return the fields of a form in either encoding: mail providers use both. Raise HTTPException 400 or 413."""
    async with form_of(request, _MOST_BYTES, max_fields=_MOST_FIELDS, max_files=0) as form:
        return form
