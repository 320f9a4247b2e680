"""A page of the console: its place in the navigation, its views (GET) and its actions (POST).

    page = Page("channels", "Channels", "/channels", order=50)

    @page.view()
    def show(visit: Visit) -> Response:
        return visit.show("channels.html", channels=ChannelStates(visit.engine, actor=visit.actor).all())

    @page.action("/{channel}/pause", role=Role.OPERATOR)
    def pause(visit: Visit) -> Response:
        ChannelStates(visit.engine, actor=visit.actor).pause(visit.path["channel"], visit.reason)
        return visit.done("Paused.", to="/channels")

The functions run in a thread, so they may wait for the database. Who calls them is checked before they run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Literal

from starlette.responses import Response

from web.console.access.role import Role
from web.console.visit import Visit

Handler = Callable[[Visit], Response]

MOST_BYTES = 64 * 1024
"""Size of a form, unless its action allows more."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a page. `reason`: the form must say why. `most_bytes`: the size that its form may have."""

    page: "Page"
    method: Literal["GET", "POST"]
    path: str
    role: Role
    call: Handler
    reason: bool = False
    most_bytes: int = MOST_BYTES


@dataclass(slots=True)
class Page:
    """`order` is its place in the navigation; 0 keeps it out. `role` is needed to see it."""

    name: str
    title: str
    path: str
    order: int = 0
    role: Role = Role.VIEWER
    endpoints: list[Endpoint] = field(default_factory=list)

    def view(self, path: str = "", *, role: Role | None = None) -> Callable[[Handler], Handler]:
        """Register a function for GET at the page's path and this one. It must change nothing."""

        def register(call: Handler) -> Handler:
            self.endpoints.append(Endpoint(self, "GET", self._path(path), role or self.role, call))
            return call

        return register

    def action(
        self, path: str, *, role: Role = Role.OPERATOR, reason: bool = True, most_bytes: int = MOST_BYTES
    ) -> Callable[[Handler], Handler]:
        """Register a function for POST, which changes something or reveals personal data.

        It runs only for a form of the session with at least this role and, if `reason` is true, with a reason.
        """

        def register(call: Handler) -> Handler:
            self.endpoints.append(Endpoint(self, "POST", self._path(path), role, call, reason, most_bytes))
            return call

        return register

    def _path(self, path: str) -> str:
        return (self.path.rstrip("/") + path) or "/"


def pages_of(package: ModuleType) -> tuple[Page, ...]:
    """Return the `page` of each module of a package, in the order of the navigation."""
    return tuple(sorted(_pages(package), key=lambda page: (page.order or 1_000, page.name)))


def _pages(package: ModuleType) -> Iterator[Page]:
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        page = getattr(import_module(module.name), "page", None)
        if isinstance(page, Page):
            yield page
