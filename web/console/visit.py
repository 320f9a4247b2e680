"""One request of a signed-in person, as the functions of a page get it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse, RedirectResponse, Response

from notifier.database.engine import Engine
from notifier.outbox import Report
from notifier.settings import ConsoleSettings
from notifier.text import masked
from web.console.access.role import Role, User
from web.console.access.sessions import Flash, Session
from web.console.addresses import local_path
from web.console.jobs.erasures import Erasures
from web.console.monitoring.watch import Watch
from web.console.rendering import Rendering

_FRAMED = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page's function knows of the request.

    On `slow` a statement may take minutes: for an action that must read very many rows. `url` is where the browser
    is, also if it asks for a fragment: forms lead back there. `path` has the parameters of the request's address,
    `query` those behind the question mark, `form` the texts of a POST, `files` its uploads, and `reason` the field
    `reason` without white space around it.
    """

    session: Session
    engine: Engine
    slow: Engine
    settings: ConsoleSettings
    rendering: Rendering
    watch: Watch
    erasures: Erasures
    page: str
    url: str
    path: Mapping[str, str]
    query: QueryParams
    form: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    fragment: bool = False

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def actor(self) -> str:
        """Who is written beside each change: in the history and in the journal."""
        return self.user.name

    @property
    def reason(self) -> str:
        return self.form.get("reason", "").strip()

    @property
    def report(self) -> Report:
        return Report(self.engine)

    def may(self, role: Role) -> bool:
        """Return whether the person has this role, or one that may do more."""
        return self.user.role >= role

    def masked(self, recipient: str | None) -> str:
        """Return what may be shown of a recipient; nothing if there is none yet."""
        return masked(recipient) if recipient else ""

    def show(self, template: str, /, *, status: int = 200, **values: Any) -> Response:
        """Return a page, or a fragment of one, from `templates/pages/`. All values are escaped."""
        shared = {"visit": self, "session": self.session, "user": self.user, "page": self.page}
        return HTMLResponse(self.rendering.render(f"pages/{template}", {**shared, **values}), status)

    def framed(self, html: str) -> Response:
        """Return HTML that is not ours, for an `<iframe sandbox>`: no script runs, nothing is loaded or sent."""
        return HTMLResponse(html, headers={"Content-Security-Policy": _FRAMED, "X-Frame-Options": "SAMEORIGIN"})

    def done(self, text: str, *, to: str = "") -> Response:
        """Say on the next page that the action was done: on `to`, otherwise on the page that the form was on."""
        return self._leave(Flash(text), to)

    def failed(self, text: str, *, to: str = "") -> Response:
        """Say on the next page why nothing was done."""
        return self._leave(Flash(text, "failed"), to)

    def _leave(self, flash: Flash, to: str) -> Response:
        self.session.flashes.append(flash)
        return RedirectResponse(to or local_path(self.form.get("back", "")), 303)
