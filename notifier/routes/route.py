"""A route: a function that makes notifications of the events it matches. Users write one with `@route`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from notifier.errors import RoutesError
from notifier.events import EVENT_NAMES, Event
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes import options
from notifier.routes.declarations import declare
from notifier.routes.matching import Pattern, Predicate, compile_match
from notifier.routes.views import attributes_read

Build = Callable[[Event], Any]
BuildT = TypeVar("BuildT", bound=Build)


@dataclass(frozen=True)
class Route:
    """One route, as `@route` makes it of a function and its options, which are described there."""

    name: str
    table: str
    channel: str
    build: Build
    """The user's function. It returns the request to the channel, or None for no notification."""
    matches: Predicate
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    on_unknown: OnUnknown | None = None
    """None: resend on a channel whose provider reports what it accepted, hold on the others."""
    expires_after: float | None = None
    """Seconds."""
    topic: str = ""
    transactional: bool = False
    timeout: float | None = None
    """Seconds that one run of `build` may take; None: the worker's own limit of 30."""
    wanted_updates: int | None = None
    """Of which statuses the product wants an update, in bits; None: what NOTIFIER_STATUS_UPDATES says."""
    where: str = ""
    """Where the function is defined, as file:line."""
    on: frozenset[str] = EVENT_NAMES
    reads: frozenset[str] = frozenset()
    """The attributes that `match` reads."""
    reads_old: frozenset[str] = frozenset()
    """The attributes that `match_old` reads."""
    match: Pattern = field(default_factory=dict, compare=False, repr=False)
    """The patterns that `matches` was compiled from, for people."""
    match_old: Pattern = field(default_factory=dict, compare=False, repr=False)

    def expired(self, age: float) -> bool:
        """Return whether an event that is `age` seconds old is too old for a notification."""
        return self.expires_after is not None and age >= self.expires_after


def route(
    *,
    table: str,
    channel: str,
    on: str | Sequence[str] = "INSERT",
    match: Pattern | None = None,
    match_old: Pattern | None = None,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    on_unknown: str | None = None,
    expires_after: float | timedelta | None = None,
    topic: str = "",
    transactional: bool = False,
    timeout: float | timedelta | None = None,
    status_updates: str | Sequence[str] | None = None,
) -> Callable[[BuildT], BuildT]:
    """Make a function the route of the events that match. If several routes of a module match, the first one is used.

    The function gets the `Event` and returns what its channel sends, an `Email` for instance, or None for no
    notification. It runs in a worker, may ask other databases and services, and runs again if it raises.

        @route(table="orders", on="MODIFY", match={"status": ["shipped"]}, channel="email")
        def shipped(event: Event) -> Email | None: ...

        @route(
            table="orders",
            channel="sms",
            match={"country": ["PT", "ES"], "total": [{"numeric": [">", 100]}]},
            retry=RetryPolicy(attempts=100),
            expires_after=timedelta(hours=6),
        )
        def large_order(event: Event) -> Sms | None: ...

    Raises RoutesError, with the route's name, file and line, for an option that is wrong or that can never match.

    Args:
        table: The DynamoDB table.
        channel: `email`, `sms`, `webhook`, or another one that is installed.
        on: `INSERT`, `MODIFY`, `REMOVE`, or a list of these.
        match: A pattern for the item after the change, in the syntax of `notifier.routes.matching`. None: any item.
        match_old: The same for the item before the change.
        name: Part of the identity of the notifications; None: the function's name. With another name, records that
            are read again are notified again, so do not change it within 24 hours of a record.
        retry: How often and when a failed attempt is repeated. None: `RetryPolicy()`.
        on_unknown: What to do with an attempt whose answer was lost, if no event of the provider proves that it was
            accepted: `resend`, `hold` (for an operator) or `drop`. None: `resend`, but `hold` on a channel whose
            provider sends no events.
        expires_after: Seconds, or a timedelta, after which the event is too old: its notification is `expired`
            instead of sent. None: never.
        topic: What recipients can opt out of. Empty: nothing.
        transactional: Send also to recipients who opted out; never to an address that bounced or complained.
        timeout: Seconds, or a timedelta, that the function may run, 300 at most; None: 30. A run that takes longer
            has failed, and is repeated. It cannot be stopped: give its own requests shorter timeouts, and keep both
            below `NOTIFIER_VISIBILITY_SECONDS`, after which another worker runs the function too.
        status_updates: Statuses of which the product gets an update, as `["failed", "bounced"]`. `all`: every
            one; `[]`: none; None: those of `NOTIFIER_STATUS_UPDATES`. See docs/status-updates.md.
    """
    given = dict(locals())  # the options by their names

    def register(build: BuildT) -> BuildT:
        declare(build, _route_of(build, **given))
        return build

    return register


def _route_of(
    build: Any,
    *,
    table: str,
    channel: str,
    on: object,
    match: object,
    match_old: object,
    name: str | None,
    retry: object,
    on_unknown: str | None,
    expires_after: object,
    topic: str,
    transactional: object,
    timeout: object,
    status_updates: object,
) -> Route:
    """Check the options of `route`. Raise RoutesError, with the route's name and place, for one that is wrong."""
    called: str = getattr(build, "__name__", "?") if name is None else name
    where = options.place_of(build)
    try:
        options.check_function(build, name)
        names = options.event_names(on)
        options.check_texts(table=table, channel=channel, name=called, topic=topic)
        new, old = options.pattern_of("match", match), options.pattern_of("match_old", match_old)
        return Route(
            name=called,
            table=table,
            channel=channel,
            build=build,
            matches=compile_match(table, names, new, old),
            retry=options.retry_of(retry),
            on_unknown=options.on_unknown_of(on_unknown),
            expires_after=options.seconds("expires_after", expires_after),
            topic=topic,
            transactional=options.flag("transactional", transactional),
            timeout=options.timeout_of(timeout),
            wanted_updates=options.wanted_updates_of(status_updates),
            where=where,
            on=frozenset(names),
            reads=attributes_read(new),
            reads_old=attributes_read(old),
            match=new,
            match_old=old,
        )
    except RoutesError as error:
        raise RoutesError(f"{where or '?'}: route {called!r}: {error}") from None
