"""The application: its addresses, headers and errors."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.database.engine import Engine
from notifier.outbox import OptOuts
from notifier.unsubscribe import OURS, Topics, UnsubscribeLinks
from web.preferences.api import Api
from web.preferences.limit import CallLimit
from web.preferences.links import Links
from web.preferences.rendering import Rendering
from web.serving.headers import HEADERS, SecurityHeaders
from web.serving.health import Health

POOL = 4
"""Connections to Postgres, and requests that read or write at once. Others wait."""


@dataclass(frozen=True)
class Preferences:
    """What all requests share. `secret` is that of the API, empty for no API."""

    engine: Engine
    links: UnsubscribeLinks
    opt_outs: OptOuts
    topics: Topics
    url: str
    secret: str = ""
    invalid_calls: CallLimit = field(default_factory=lambda: CallLimit(60, 60))
    """Requests of one address with a link or a secret that is none of ours: so many within so many seconds."""
    link_calls: CallLimit = field(default_factory=lambda: CallLimit(60, 60))
    """Requests with one link. Links of others are not affected: a mail provider sends many from one address."""


def application(preferences: Preferences) -> Starlette:
    """Return the pages, the answer to one-click unsubscribe and the API as an ASGI application."""
    threads = anyio.CapacityLimiter(POOL)
    rendering = Rendering(preferences.topics)
    pages = Links(preferences, rendering, threads)
    folder = urlsplit(preferences.url).path.strip("/")
    paths = dict.fromkeys((f"/{folder}/{{token}}" if folder else "/{token}", "/{token}"))
    routes: list[BaseRoute] = [
        *Health(preferences.engine, threads, "preferences").routes(),
        *(Api(preferences, threads).routes() if preferences.secret else ()),
        Route("/", pages.root),
        *(Route(path, pages.show, methods=["GET"]) for path in paths),  # a proxy may take the folder away
        *(Route(path, pages.change, methods=["POST"]) for path in paths),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders, headers=_headers(rendering.style), https=preferences.url.startswith("https:"))
        ],
        exception_handlers={HTTPException: _refused},
        lifespan=_closing(preferences.engine),
    )


def _headers(style: str) -> dict[str, str]:
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    return HEADERS | {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",  # the address of a page is a link that changes opt-outs
        OURS: "preferences",
        "X-Robots-Tag": "noindex, nofollow",
    }


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101  narrows the type
    return PlainTextResponse(error.detail, error.status_code, error.headers)


def _closing(engine: Engine) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        engine.dispose()

    return lifespan
