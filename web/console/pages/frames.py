"""The HTML of a message, for the sandboxed frame on the page that built it."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from web.console.access.role import Role
from web.console.page import Page
from web.console.visit import Visit

page = Page("frames", "Message", "/frames", role=Role.OPERATOR)


@page.view("/{key}")
def show(visit: Visit) -> Response:
    html = visit.session.frames.get(visit.path["key"])
    if html is None:
        raise HTTPException(404, "This message is not kept any more: build it again.")
    return visit.framed(html)
