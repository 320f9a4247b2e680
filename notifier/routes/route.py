"""A route: a function that makes notifications of the events it matches. Users write one with `@route`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from notifier.errors import RoutesError
from notifier.events import EVENT_NAMES, Event
from notifier.lanes import Lane, queue_of
from notifier.mail import Identity
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes import options
from notifier.routes.declarations import declare
from notifier.routes.digest import Digest
from notifier.routes.limits import Limit
from notifier.routes.matching import Pattern, Predicate, compile_match
from notifier.routes.views import attributes_read

Build = Callable[..., Any]
"""Its argument is the `Event`, or the list of events of a digest."""
BuildT = TypeVar("BuildT", bound=Build)
IN_SHADOW = "in shadow"


@dataclass(frozen=True)
class Route:
    """One route, as `@route` makes it of a function and its options, which are described there."""

    name: str
    table: str
    channel: str
    build: Build
    """The user's function. It takes the event and returns the request to the channel, or None for no notification."""
    matches: Predicate
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    on_unknown: OnUnknown | None = None
    """None: hold on a channel of the capability NONE or RECEIPTS, else resend."""
    expires_after: float | None = None
    """Seconds."""
    topic: str = ""
    transactional: bool = False
    timeout: float | None = None
    """Seconds that one run of `build` may take; None: the worker's own limit of 30."""
    shadow: bool = False
    """Its notifications are built and not sent."""
    shadow_until_ms: int = 0
    """Notifications of events from before this time, in Unix milliseconds, are built and not sent."""
    shadow_from_ms: int = 0
    """Notifications of events from this time on, in Unix milliseconds, are built and not sent; 0: of none."""
    wanted_updates: int | None = None
    """The statuses of which the product gets an update, in bits; None: those of NOTIFIER_STATUS_UPDATES."""
    lane: Lane = Lane.NORMAL
    identity: Identity | None = None
    """The sender, configuration set and tenant of its mails, unless a mail names its own."""
    fallback: tuple[str, ...] = ()
    """The channels after the first, each used if the one before is known not to have sent."""
    takes_channel: bool = False
    """Whether `build` has a parameter `channel`, for which of them the message is."""
    exclusive: bool = True
    """False: it claims each event that it matches, beside the route that owns the event."""
    at_most: Limit | None = None
    """How many of its messages a recipient gets; None: all."""
    digest: Digest | None = None
    """What it collects to one message. None: each event has a message of its own."""
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

    @property
    def has_opt_out(self) -> bool:
        """Whether recipients can opt out of its topic, so that its messages have a link to unsubscribe."""
        return bool(self.topic) and not self.transactional

    @property
    def channels(self) -> tuple[str, ...]:
        """Its channels, in the order in which they are tried."""
        return (self.channel, *self.fallback)

    def request(self, events: Sequence[Event], channel: str) -> Any:
        """Return what the user's function makes of the event for that channel, or of the events of its digest.

        Raise what it raises.
        """
        given = events[0] if self.digest is None else list(events)
        return self.build(given, channel=channel) if self.takes_channel else self.build(given)

    @cached_property
    def queue(self) -> str:
        """The queue of its notifications: `email`, or `email:low`."""
        return queue_of(self.channel, self.lane)

    def expired(self, age: float) -> bool:
        """Return whether an event that is `age` seconds old is too old for a notification."""
        return self.expires_after is not None and age >= self.expires_after

    @property
    def may_shadow(self) -> bool:
        """Whether any of its notifications is in shadow."""
        return self.shadow or self.shadow_until_ms > 0 or self.shadow_from_ms > 0

    def shadow_reason(self, created_ms: int) -> str | None:
        """Return why a notification of an event from that time is built and not sent. None if it is sent."""
        if self.shadow:
            return IN_SHADOW
        if created_ms < self.shadow_until_ms:
            return f"in shadow: its event is from before {_time(self.shadow_until_ms)}"
        if self.shadow_from_ms and created_ms >= self.shadow_from_ms:
            return f"in shadow: its event is not from before {_time(self.shadow_from_ms)}"
        return None


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def route(
    *,
    table: str,
    channel: str | Sequence[str],
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
    lane: str = "normal",
    identity: Identity | None = None,
    exclusive: bool = True,
    at_most: Limit | None = None,
    digest: Digest | None = None,
    shadow: bool = False,
    shadow_until: datetime | None = None,
) -> Callable[[BuildT], BuildT]:
    """Make a function the route of the events that match. If several routes of a module match, the first one is used;
    those with `exclusive=False` are used beside it.

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
        channel: `email`, `sms`, `webhook`, or another one that is installed. A list, as `["push", "sms", "email"]`:
            each is used only if the one before is known not to have sent. The function then has a parameter
            `channel`, and returns the message for it. See docs/fallback.md.
        on: `INSERT`, `MODIFY`, `REMOVE`, or a list of these.
        match: A pattern for the item after the change, in the syntax of `notifier.routes.matching`. None: any item.
        match_old: The same for the item before the change.
        name: Part of the identity of the notifications; None: the function's name. With another name, records that
            are read again are notified again, so do not change it within 24 hours of a record.
        retry: How often and when a failed attempt is repeated. None: `RetryPolicy()`.
        on_unknown: What to do with an attempt whose answer was lost, if no event of the provider proves that it was
            accepted: `resend`, `hold` (for an operator) or `drop`. None: `hold` on a channel of the capability
            `NONE` or `RECEIPTS` (docs/channels.md), else `resend`. A channel of `IDEMPOTENCY_KEY` always sends again.
        expires_after: Seconds, or a timedelta, after which the event is too old: its notification is `expired`
            instead of sent. None: never.
        topic: What recipients can opt out of: the messages carry a link to unsubscribe from it, if
            `NOTIFIER_UNSUBSCRIBE_URL` is set (docs/unsubscribe.md). Empty: nothing.
        transactional: Send also to recipients who opted out, and without such a link; never to an address that
            bounced or complained.
        timeout: Seconds, or a timedelta, that the function may run, 300 at most; None: 30. A run that takes longer
            has failed, and is repeated. It cannot be stopped: give its own requests shorter timeouts, and keep both
            below five times `NOTIFIER_VISIBILITY_SECONDS`: after ten times that setting another worker runs the
            function too.
        status_updates: Statuses of which the product gets an update, as `["failed", "bounced"]`. `all`: every
            one; `[]`: none; None: those of `NOTIFIER_STATUS_UPDATES`. See docs/status-updates.md.
        lane: `high`, `normal` or `low`: which notifications of the channel go first while more wait than its provider
            takes. See docs/lanes.md.
        identity: The sender, the configuration set and the tenant of SES of its mails. What an `Email` names
            itself overrides it.
        exclusive: False: the route claims every event that it matches, whatever other routes do, and makes a
            notification of its own of it; it never keeps an event from another route. See docs/beside.md.
        at_most: How many messages one recipient gets in a time, as `Limit(3, per=timedelta(days=1))`: what is beyond
            is `skipped`, or waits. None: all. See docs/limits.md.
        digest: `Digest(by="owner", window=timedelta(hours=1))`: events with the same value become one message. The
            function gets the list of these events, the oldest first. See docs/digest.md.
        shadow: Build its messages and send none: its deliveries end `shadowed`. See docs/adopting.md.
        shadow_until: The same for events from before this time; later ones are sent. A datetime with a time zone. It
            is compared with the time of the record, `ApproximateCreationDateTime`.
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
    channel: object,
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
    lane: object,
    identity: object,
    exclusive: object,
    at_most: object,
    digest: object,
    shadow: object,
    shadow_until: object,
) -> Route:
    """Check the options of `route`. Raise RoutesError, with the route's name and place, for one that is wrong."""
    called: str = getattr(build, "__name__", "?") if name is None else name
    where = options.place_of(build)
    try:
        first, *others = options.channels_of(channel)
        takes_channel = bool(others) and options.has_parameter(build, "channel")
        options.check_function(build, name, **({"channel": first} if takes_channel else {}))
        names = options.event_names(on)
        options.check_texts(table=table, name=called, topic=topic)
        new, old = options.pattern_of("match", match), options.pattern_of("match_old", match_old)
        return Route(
            name=called,
            table=table,
            channel=first,
            build=build,
            matches=compile_match(table, names, new, old),
            retry=options.retry_of(retry),
            on_unknown=options.on_unknown_of(on_unknown),
            expires_after=options.seconds("expires_after", expires_after),
            topic=topic,
            transactional=options.flag("transactional", transactional),
            timeout=options.timeout_of(timeout),
            shadow=options.flag("shadow", shadow),
            shadow_until_ms=options.milliseconds("shadow_until", shadow_until),
            wanted_updates=options.wanted_updates_of(status_updates),
            lane=options.lane_of(lane),
            identity=options.identity_of(identity),
            fallback=tuple(others),
            takes_channel=takes_channel,
            exclusive=options.flag("exclusive", exclusive),
            at_most=options.limit_of(at_most),
            digest=options.digest_of(digest, expires_after, others),
            where=where,
            on=frozenset(names),
            reads=attributes_read(new),
            reads_old=attributes_read(old),
            match=new,
            match_old=old,
        )
    except RoutesError as error:
        raise RoutesError(f"{where or '?'}: route {called!r}: {error}") from None
