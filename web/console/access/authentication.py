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
class RequestSession:
    """The session of a request. `new_token` is that of a session which this request began, else empty."""

    session: Session
    new_token: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who makes a request: by its cookie, by the proxy's header, or `local` where no access is configured."""

    sessions: Sessions
    cookie: Cookie
    users: UserFile | None = None
    proxy: TrustedProxy | None = None
    local: User | None = None

    def session_of(self, request: Request) -> RequestSession | None:
        """Return the session of a request, None if the user must sign in first.

        A user whom the proxy or the lack of access names gets a new session if the request has none. A session whose
        user has changed is ended.
        """
        asserted = self._asserted_user(request)
        session = self._session_of_cookie(request)
        if session and self._is_valid(session.user, asserted):
            return RequestSession(session)
        if session:
            self.end_session(request)
        if asserted is None:
            return None
        token, session = self.sessions.open(asserted)
        return RequestSession(session, token)

    def end_session(self, request: Request) -> None:
        """End the session of a request, if it has one."""
        self.sessions.end(request.cookies.get(self.cookie.name, ""))

    def _asserted_user(self, request: Request) -> User | None:
        """Return the user of a request without a login: `local`, or whom the proxy names. None if there is none."""
        return self.local or (self.proxy.user(request) if self.proxy else None)

    def _is_valid(self, user: User, asserted: User | None) -> bool:
        """Return whether a session's user is still who they were at its begin."""
        if user.source == proxy.SOURCE:
            return user == asserted
        if user.source == users.SOURCE:
            return self.users is not None and _is_current(self.users, user)
        return True

    def _session_of_cookie(self, request: Request) -> Session | None:
        token = request.cookies.get(self.cookie.name, "")
        return self.sessions.find(token, use=REFRESH not in request.headers) if token else None


def _is_current(among: UserFile, user: User) -> bool:
    try:
        return among.is_current(user)
    except SettingsError as error:
        log.error("sessions end: the file of users cannot be read", reason=str(error))  # noqa: TRY400
        return False
