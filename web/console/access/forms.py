"""The fields of a form, read up to a size."""

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.console.access.sessions import Session
from web.serving.bodies import form_of

_MOST_FIELDS = 5_000


@dataclass(frozen=True, slots=True)
class Form:
    """`fields` has the last text of each name, `lists` all of them, `files` the contents of uploads."""

    fields: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


async def read_form(request: Request, most_bytes: int) -> Form:
    """Return the form of a request. Raise HTTPException 411 if it has no size, 413 if that is above `most_bytes`, 400
    if it cannot be read.

    The size is counted as the form is read, so a wrong one is of no use.
    """
    if not request.headers.get("content-length", "").isdecimal():
        raise HTTPException(411, "The size of the form is missing.")
    form = Form()
    async with form_of(request, most_bytes, max_fields=_MOST_FIELDS, max_part_size=most_bytes) as given:
        for name, value in given.multi_items():
            if isinstance(value, UploadFile):
                form.files[name] = await value.read()
            else:
                form.fields[name] = value
                form.lists.setdefault(name, []).append(value)
    return form


def check_csrf(request: Request, form: Form, session: Session) -> None:
    """Raise HTTPException 403 unless the form was made for this session, by a page of ours."""
    given = form.fields.get("csrf", "")
    if is_foreign(request) or not secrets.compare_digest(given.encode(), session.csrf.encode()):
        raise HTTPException(403, "This form is not of your session: open its page again, and send it from there.")


def is_foreign(request: Request) -> bool:
    """Return whether a browser says that another site made it send this request."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc != request.headers.get("host")
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
