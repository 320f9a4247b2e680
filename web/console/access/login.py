"""Sign in and out."""

import secrets
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
import structlog
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from notifier.errors import SettingsError
from web.console.access.authentication import Authentication
from web.console.access.forms import check_csrf, is_foreign, read_form
from web.console.access.limit import LoginLimit
from web.console.access.role import User
from web.console.access.sign_on import RETURN_PATH, SignOnFailed, SingleSignOn
from web.console.addresses import local_path
from web.console.rendering import Rendering

log = structlog.get_logger(__name__)

_FORM_SECONDS = 3600
_MOST_BYTES = 8 * 1024
_ATTEMPT_SECONDS = 600
"""How long somebody may take at the provider of single sign-on."""


@dataclass(frozen=True)
class Login:
    """The addresses /login and /logout, and those of single sign-on.

    A login's form holds a nonce that is also in a cookie, so that no other site can sign somebody in. The keys are of
    this process: a form that was open during a restart must be sent again.
    """

    authentication: Authentication
    rendering: Rendering
    sign_on: SingleSignOn | None
    limit: LoginLimit = field(default_factory=LoginLimit)
    hashing: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(2))
    """A hash takes 64 MiB and a core for a moment: two at once."""
    signer: URLSafeTimedSerializer = field(default_factory=lambda: URLSafeTimedSerializer(secrets.token_bytes(32)))

    def routes(self) -> list[Route]:
        session = Middleware(
            SessionMiddleware,
            secret_key=secrets.token_urlsafe(32),
            session_cookie=self._name("sign-on"),
            max_age=_ATTEMPT_SECONDS,
            path="/",
            same_site="lax",
            https_only=self.authentication.cookie.secure,
        )
        return [
            Route("/login", self.form, methods=["GET"]),
            Route("/login", self.sign_in, methods=["POST"]),
            Route("/logout", self.sign_out, methods=["POST"]),
            Route("/login/sign-on", self.begin, methods=["GET"], middleware=[session]),
            Route(RETURN_PATH, self.finish, methods=["GET"], middleware=[session]),
        ]

    async def form(self, request: Request) -> Response:
        if self.authentication.local:
            return RedirectResponse("/", 303)
        return self._form(request)

    async def sign_in(self, request: Request) -> Response:
        """Sign a local user in, by name and password."""
        users = self.authentication.users
        if users is None:
            raise HTTPException(404)
        given = (await read_form(request, _MOST_BYTES)).fields
        self._check_form(request, given.get("nonce", ""))
        name, address = given.get("name", "").strip(), request.client.host if request.client else ""
        if wait := self.limit.wait(name, address):
            log.warning("a login was refused: too many have failed", source="users")
            text = f"Too many logins have failed. Try again in {wait / 60:.0f} minutes or later."
            return self._form(request, text, 429, {"Retry-After": f"{wait:.0f}"})
        password = given.get("password", "")
        try:
            user = await anyio.to_thread.run_sync(users.sign_in, name, password, limiter=self.hashing)
        except SettingsError as error:
            log.error("no user can sign in", reason=str(error))  # noqa: TRY400
            return self._form(request, "The file of users cannot be read: the console's log says why.", 503)
        if user is None:
            self.limit.failed(name, address)
            log.warning("a login failed", source="users")
            return self._form(request, "The name or the password is wrong.", 401)
        self.limit.worked(name)
        return self._signed_in(request, user, given.get("next", ""))

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and not only in the browser."""
        found = self.authentication.session_of(request)
        if found is not None and not found.new_token:
            check_csrf(request, await read_form(request, _MOST_BYTES), found.session)
            self.authentication.end_session(request)
            log.info("signed out", user=found.session.user.name)
        response = RedirectResponse("/login", 303)
        self.authentication.cookie.clear(response)
        return response

    async def begin(self, request: Request) -> Response:
        """Go to the provider of single sign-on."""
        if self.sign_on is None:
            raise HTTPException(404)
        try:
            response = await self.sign_on.begin(request)
        except SignOnFailed as error:
            return self._form(request, str(error), 502)
        request.session["next"] = local_path(request.query_params.get("next", ""))
        return response

    async def finish(self, request: Request) -> Response:
        """Come back from there."""
        if self.sign_on is None:
            raise HTTPException(404)
        if request.method != "GET":  # Authlib would read a form of any size
            raise HTTPException(405, headers={"Allow": "GET"})
        try:
            user = await self.sign_on.finish(request)
        except SignOnFailed as error:
            return self._form(request, str(error), 403)
        wanted = str(request.session.get("next", ""))
        request.session.clear()
        return self._signed_in(request, user, wanted)

    def _signed_in(self, request: Request, user: User, wanted: str) -> Response:
        """Begin a session with a new token: a token that the browser had before is not valid any more."""
        self.authentication.end_session(request)
        token, _ = self.authentication.sessions.open(user)
        log.info("signed in", user=user.name, role=user.role.label, source=user.source)
        response = RedirectResponse(local_path(wanted), 303)
        self.authentication.cookie.set(response, token)
        return response

    def _form(
        self, request: Request, text: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        nonce = secrets.token_urlsafe(24)
        values = {
            "nonce": self.signer.dumps(nonce),
            "next": local_path(request.query_params.get("next", "")),
            "text": text,
            "users": self.authentication.users is not None,
            "no_users": self.authentication.users is not None and not self._has_users(),
            "sign_on": self.sign_on is not None,
            "visit": None, "session": None, "user": None, "page": "",
        }  # fmt: skip
        response = HTMLResponse(self.rendering.render("login.html", values), status, headers)
        secure = self.authentication.cookie.secure
        response.set_cookie(
            self._name("login"), nonce, _FORM_SECONDS, secure=secure, httponly=True, samesite="strict"
        )
        return response

    def _check_form(self, request: Request, signed: str) -> None:
        nonce = request.cookies.get(self._name("login"), "")
        try:
            expected = str(self.signer.loads(signed, max_age=_FORM_SECONDS))
        except BadSignature:
            expected = ""
        if is_foreign(request) or not expected or not secrets.compare_digest(nonce.encode(), expected.encode()):
            raise HTTPException(403, "This form has expired: open the login again, and send it from there.")

    def _has_users(self) -> bool:
        try:
            return bool(self.authentication.users and self.authentication.users.all())
        except SettingsError:
            return True  # the login says that the file is broken

    def _name(self, what: str) -> str:
        return f"{self.authentication.cookie.name}-{what}"
