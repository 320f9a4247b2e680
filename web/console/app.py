"""The application: every address of the console, with its checks, its headers and its errors."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.database.engine import Engine
from notifier.process.restrictions import restrictions
from notifier.settings import ConsoleSettings
from web.console import pages as pages_package
from web.console.access.authentication import Authentication, Cookie
from web.console.access.forms import Form, check_csrf, read_form
from web.console.access.login import Login
from web.console.access.pace import Pace
from web.console.access.proxy import TrustedProxy
from web.console.access.role import Role, User
from web.console.access.sessions import Sessions
from web.console.access.sign_on import SingleSignOn
from web.console.access.users import UserFile
from web.console.addresses import path_of
from web.console.answers import ErrorPages, answer, sign_in_first
from web.console.headers import CONSOLE_HEADERS, KnownHosts
from web.console.jobs.erasures import Erasures
from web.console.monitoring.watch import Watch
from web.console.page import Endpoint, Page, pages_of
from web.console.rendering import Rendering, StaticFiles
from web.console.visit import Visit
from web.serving.headers import SecurityHeaders
from web.serving.health import Health

POOL = 4
"""Connections to Postgres, and requests that read or act at once. Others wait."""


@dataclass(frozen=True)
class Console:
    """What all requests share."""

    settings: ConsoleSettings
    engine: Engine
    slow: Engine
    authentication: Authentication
    watch: Watch
    erasures: Erasures
    pages: Sequence[Page]
    rendering: Rendering
    threads: anyio.CapacityLimiter
    pace: Pace

    @property
    def endpoints(self) -> list[Endpoint]:
        """Every address of every page."""
        return [endpoint for page in self.pages for endpoint in page.endpoints]


def application(settings: ConsoleSettings, engine: Engine, slow: Engine | None = None) -> Starlette:
    """Return the console as an ASGI application. `app.state.console` is its `Console`.

    The engine's pool must allow as many connections as POOL. `slow` is an engine on which a statement may take
    minutes; without it there is none that may.
    """
    settings.checked()
    static, pages = StaticFiles(), pages_of(pages_package)
    rendering = Rendering(
        pages,
        static,
        local=not settings.has_access,
        restrictions=list(restrictions(settings)),
        Role=Role,
        titles={each.path: each.title for each in pages},
    )
    console = Console(
        settings,
        engine,
        slow or engine,
        _authentication(settings),
        Watch(engine, slow or engine, settings.keep_days),
        Erasures(settings),
        pages,
        rendering,
        anyio.CapacityLimiter(POOL),
        Pace(settings.console_pages_per_second),
    )
    sign_on = SingleSignOn(settings) if settings.console_oidc_issuer else None
    routes: list[BaseRoute] = [
        Route("/static/{digest}/{name}", static.serve),
        *Health(engine, console.threads).routes(),
        *Login(console.authentication, rendering, sign_on).routes(),
        *(_route(console, each) for each in console.endpoints),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders, headers=CONSOLE_HEADERS, https=settings.https),
            Middleware(KnownHosts, settings=settings),
        ],
        exception_handlers={HTTPException: ErrorPages(rendering).refused},
        lifespan=_lifespan,
    )
    app.state.console = console
    return app


def _authentication(settings: ConsoleSettings) -> Authentication:
    return Authentication(
        Sessions(idle=settings.console_idle_minutes * 60, longest=settings.console_session_hours * 3600),
        Cookie(secure=settings.https),
        UserFile(Path(settings.console_users)) if settings.console_users else None,
        TrustedProxy(settings) if settings.console_proxy_address else None,
        None if settings.has_access else User(settings.actor or "local", Role.ADMIN),
    )


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    console: Console = app.state.console
    console.watch.start()
    yield
    console.watch.stop()
    console.engine.dispose()


async def _turn(pace: Pace, user: User) -> None:
    """Return when it is this user's turn. Raise HTTPException if there are too many requests before."""
    wait = pace.wait(user.name)
    if wait is None:
        raise HTTPException(429, "These are too many pages at once: wait some seconds.")
    if wait:
        await anyio.sleep(wait)


def _is_fragment(request: Request) -> bool:
    return "hx-request" in request.headers


def _shown_at(request: Request, page: Page) -> str:
    """Return the address that the browser shows once it has the answer: of a fragment that of the page around it,
    which htmx names.
    """
    if _is_fragment(request):
        around = path_of(request.headers.get("hx-current-url", ""))
        return around if around.startswith("/") else page.path
    return path_of(str(request.url))


def _route(console: Console, endpoint: Endpoint) -> Route:
    async def respond(request: Request) -> Response:
        found = console.authentication.session_of(request)
        if found is None:
            return sign_in_first(request)
        if found.session.user.role < endpoint.role:
            raise HTTPException(403, f"This needs the role {endpoint.role.label}.")
        await _turn(console.pace, found.session.user)
        form = Form()
        if endpoint.method == "POST":
            form = await read_form(request, endpoint.most_bytes)
            check_csrf(request, form, found.session)
        visit = Visit(
            session=found.session,
            engine=console.engine,
            slow=console.slow,
            settings=console.settings,
            rendering=console.rendering,
            watch=console.watch,
            erasures=console.erasures,
            page=endpoint.page.name,
            url=_shown_at(request, endpoint.page),
            path=request.path_params,
            query=request.query_params,
            form=form.fields,
            lists=form.lists,
            files=form.files,
            fragment=_is_fragment(request),
        )
        response = await anyio.to_thread.run_sync(answer, endpoint, visit, limiter=console.threads)
        if found.new_token:
            console.authentication.cookie.set(response, found.new_token)
        return response

    return Route(endpoint.path, respond, methods=[endpoint.method], name=f"{endpoint.method} {endpoint.path}")
