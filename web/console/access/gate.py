"""Finds who makes a request."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from web.console.access.role import User
from web.console.access.sessions import Session, Sessions

REFRESH = "x-refresh"
"""Header of a request that a page makes by itself, every few seconds: it does not keep a session alive."""


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


class Gate:
    """Who makes a request: by its cookie, or everybody is `local` where no access is configured."""

    def __init__(self, sessions: Sessions, cookie: Cookie, *, local: User | None) -> None:
        self.sessions = sessions
        self.cookie = cookie
        self._local = local

    def enter(self, request: Request) -> Entry | None:
        """Return the session of a request, None if whoever makes it must sign in first."""
        if session := self._known(request):
            return Entry(session)
        if self._local:
            token, session = self.sessions.open(self._local)
            return Entry(session, token)
        return None

    def _known(self, request: Request) -> Session | None:
        token = request.cookies.get(self.cookie.name, "")
        return self.sessions.find(token, use=REFRESH not in request.headers) if token else None
