"""The console's security headers, and the hosts that requests may be for."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from notifier.settings import ConsoleSettings
from web.serving.headers import HEADERS
from web.serving.health import PATHS

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

CONSOLE_HEADERS = HEADERS | {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}


class KnownHosts:
    """Refuses requests for other hosts: a name of another site that leads here would let its scripts read pages.

    Probes of health, which name the host as they like, get their answer.
    """

    def __init__(self, app: ASGIApp, *, settings: ConsoleSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PATHS and not self._is_known(Headers(scope=scope)):
            answer = PlainTextResponse("This console is not at this address: see NOTIFIER_CONSOLE_URL.", 400)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, headers: Headers) -> bool:
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname
        except ValueError:
            return False
        return self._settings.is_host(host or "")
