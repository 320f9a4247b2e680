"""What a request is answered with: what a page's function returns, or why there is no such answer."""

from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from notifier.database.errors import DatabaseError, cause
from notifier.errors import NotifierError
from notifier.telemetry import trace
from web.console.page import Endpoint
from web.console.rendering import Rendering
from web.console.visit import Visit

log = structlog.get_logger(__name__)

_TITLES = {
    403: "You may not do this",
    404: "There is no such page",
    405: "This cannot be done here",
    429: "Too many tries",
}


def answer(endpoint: Endpoint, visit: Visit) -> Response:
    """Run the page's function, in a thread. An error of the function is shown on a page, never as a traceback."""
    if endpoint.reason and not visit.reason:
        return visit.failed("Nothing was done: give a reason, which is kept in the journal.")
    try:
        return endpoint.call(visit)
    except (NotifierError, DatabaseError) as error:
        text, status = _said(error), 503
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001  whose message may hold personal data, and must not get into the log
        log.error(  # noqa: TRY400
            "a page failed", page=endpoint.path, error=type(error).__name__, trace=trace(error)
        )
        text, status = "The console has a fault here. Its log says where.", 500
    finally:
        if endpoint.method == "POST":
            visit.watch.gauges.forget()
    if endpoint.method == "POST":
        return visit.failed(text)
    log.warning("a page could not be shown", page=endpoint.path, reason=text)
    return visit.show("error.html", status=status, title="This page cannot be shown now", text=text)


def _said(error: NotifierError | DatabaseError) -> str:
    if isinstance(error, NotifierError):
        return str(error)
    return f"The database failed: {cause(error)}. Try again, or see the database's log."


def sign_in_first(request: Request) -> Response:
    """Return the answer to somebody who is not signed in: the way to the login, or 401 to a form or a fragment."""
    if request.method in {"GET", "HEAD"} and "hx-request" not in request.headers:
        return RedirectResponse(login_path(request), 303)
    return HTMLResponse("Sign in first.", 401, {"HX-Redirect": "/login"})


def login_path(request: Request) -> str:
    """Return the address of the login, which leads back to this request's page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login" if wanted == "/" else f"/login?{urlencode({'next': wanted})}"


class ErrorPages:
    """Pages for requests that are refused before a page's function runs."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering

    async def refused(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """Return the page for an HTTPException."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        values = {"title": _TITLES.get(status, "This did not work"), "text": detail, "page": "", "visit": None}
        html = self._rendering.render("pages/error.html", {**values, "session": None, "user": None})
        return HTMLResponse(html, status, getattr(error, "headers", None))
