"""Single sign-on by OpenID Connect: the code flow with PKCE, a state and a nonce, by Authlib."""

from typing import Any

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from notifier.settings import ConsoleSettings
from web.console.access.role import User, highest

log = structlog.get_logger(__name__)

SOURCE = "oidc"
RETURN_PATH = "/login/sign-on/return"
_TIMEOUT_SECONDS = 10


class SignOnFailed(Exception):
    """The single sign-on failed. Its text tells the person why."""


class SingleSignOn:
    """The provider of NOTIFIER_CONSOLE_OIDC_ISSUER."""

    def __init__(self, settings: ConsoleSettings) -> None:
        secret = settings.console_oidc_client_secret
        self._roles = settings.console_roles
        self._claim = settings.console_oidc_claim
        self._return = f"{settings.console_url}{RETURN_PATH}"
        self._client: Any = OAuth().register(
            "provider",
            client_id=settings.console_oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            server_metadata_url=f"{settings.console_oidc_issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.console_oidc_scope,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_SECONDS,
            },
        )

    async def begin(self, request: Request) -> Response:
        """Return the redirect to the provider. Raise SignOnFailed if it does not answer."""
        try:
            redirect: Response = await self._client.authorize_redirect(request, self._return)
        except (HTTPError, AuthlibBaseError, RuntimeError, ValueError) as error:
            raise _failed(error, "The provider of single sign-on does not answer. Try again later.") from None
        return redirect

    async def finish(self, request: Request) -> User:
        """Return who the provider says it is. Raise SignOnFailed if it refuses, or if no role follows from it."""
        try:
            token = await self._client.authorize_access_token(request)
        except (HTTPError, AuthlibBaseError, JoseError, RuntimeError, ValueError, KeyError) as error:
            raise _failed(error, "The single sign-on did not succeed. Try again.") from None
        claims: dict[str, Any] = token.get("userinfo") or {}
        role = highest(_texts(claims.get(self._claim)), self._roles)
        name = _name(claims)
        if not name or role is None:
            log.warning("a person without a role was refused", source=SOURCE)
            raise SignOnFailed("You are known, but have no role here. Ask the administrators of this console.")
        return User(name, role, SOURCE)


def _failed(error: Exception, text: str) -> SignOnFailed:
    log.warning("single sign-on failed", error=type(error).__name__)
    return SignOnFailed(text)


def _name(claims: dict[str, Any]) -> str:
    """Return the name for the journal: an address counts only once the provider has checked it."""
    email = claims.get("email") if claims.get("email_verified") else None
    return str(email or claims.get("preferred_username") or claims.get("sub") or "")[:200]


def _texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value] if isinstance(value, list) else []
