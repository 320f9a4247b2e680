"""Finds who makes a request."""

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response

from notifier.errors import SettingsError
from web.console.access import proxy, users
from web.console.access.proxy import TrustedProxy
from web.console.access.role import User
from web.console.access.sessions import Session, Sessions
from web.console.access.users import UserFile

log = structlog.get_logger(__name__)

REFRESH = "x-refresh"
"""Header of a request by which a page refreshes itself every few seconds: it does not keep a session alive."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie with the session's token. `secure`: browsers send it over https only."""

    secure: bool

    @property
    def name(self) -> str:
        """The prefix makes browsers refuse one that was set for other hosts or over http."""
        return "__Host-notifier" if self.secure else "notifier"

    def set(self, response: Response, token: str) -> None:
        """Let the browser keep the token until it is closed."""
        response.set_cookie(self.name, token, path="/", secure=self.secure, httponly=True, samesite="lax")

    def clear(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="lax")


@dataclass(frozen=True, slots=True)
class Entry:
    """The session of a request. `token` is that of a session which this request began, else empty."""

    session: Session
    token: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """Who makes a request: by its cookie, by the proxy's header, or `local` where no access is configured."""

    sessions: Sessions
    cookie: Cookie
    users: UserFile | None = None
    proxy: TrustedProxy | None = None
    local: User | None = None

    def enter(self, request: Request) -> Entry | None:
        """Return the session of a request, None if the user must sign in first."""
        vouched = self._vouched(request)
        session = self._known(request)
        if session and self._holds(session.user, vouched):
            return Entry(session)
        if session:
            self.leave(request)
        if vouched is None:
            return None
        token, session = self.sessions.open(vouched)
        return Entry(session, token)

    def leave(self, request: Request) -> None:
        """End the session of a request, if it has one."""
        self.sessions.end(request.cookies.get(self.cookie.name, ""))

    def _vouched(self, request: Request) -> User | None:
        """Return the user of a request without a login, None if there is none."""
        return self.local or (self.proxy.user(request) if self.proxy else None)

    def _holds(self, user: User, vouched: User | None) -> bool:
        """Return whether a session's user is still who they were at its begin."""
        if user.source == proxy.SOURCE:
            return user == vouched
        if user.source == users.SOURCE:
            return self.users is not None and _is_current(self.users, user)
        return True

    def _known(self, request: Request) -> Session | None:
        token = request.cookies.get(self.cookie.name, "")
        return self.sessions.find(token, use=REFRESH not in request.headers) if token else None


def _is_current(among: UserFile, user: User) -> bool:
    try:
        return among.is_current(user)
    except SettingsError as error:
        log.error("sessions end: the file of users cannot be read", reason=str(error))  # noqa: TRY400
        return False
