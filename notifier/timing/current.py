"""The notification that this thread builds, for functions that the user's code calls without naming it."""

from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from notifier.notifications import created_ms


class Built(Protocol):
    """A notification whose route is called: `age` is seconds since its event, by the database's clock."""

    @property
    def id(self) -> UUID: ...
    @property
    def age(self) -> float: ...
    @property
    def brought_forward(self) -> bool: ...


BUILT: ContextVar[Built] = ContextVar("built")
"""Set by the worker before it calls a route's function. Not set in a preview, nor in threads of the user's."""


def database_time(built: Built) -> datetime:
    """Return the database's time, in UTC, at which the worker read the row."""
    return datetime.fromtimestamp(created_ms(built.id) / 1000 + built.age, UTC)


def current_time() -> datetime:
    """Return the database's time for the notification that is being built; outside of a worker this machine's."""
    built = BUILT.get(None)
    return datetime.now(UTC) if built is None else database_time(built)


def brought_forward() -> bool:
    """Return whether an operator brought forward the notification that is being built: it is not to wait."""
    built = BUILT.get(None)
    return built is not None and built.brought_forward
