"""What a channel must do. A package adds one through the entry-point group `notifier.channels`."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol

import structlog

from notifier.errors import SettingsError, UsageError
from notifier.messages import Message
from notifier.outcomes import Outcome
from notifier.settings import Settings
from notifier.templates import Templates

log = structlog.get_logger(__name__)

GROUP = "notifier.channels"


class Capability(Enum):
    """What the provider offers against a lost answer. It decides what happens to an unknown outcome."""

    IDEMPOTENCY_KEY = "the provider dedupes by our key: an unknown outcome is simply sent again"
    DELIVERY_EVENTS = "the provider reports what it accepted: an unknown outcome waits for that evidence"
    NONE = "nothing: the operator decides, or the route where it says so"


class Channel(Protocol):
    """One way to reach a person. Safe to share between threads; no connection and no thread before the first send.

    docs/channels.md says how to write one, and `notifier.testing` tries whether it keeps what is said here.
    """

    capability: ClassVar[Capability]
    one_provider: ClassVar[bool]
    """Whether all messages go to one provider, so that its silence or its brake is a matter of the whole channel."""
    request_type: ClassVar[type]
    """What a route on this channel must return, `Email` for instance. Its `to` is the recipient, as text."""

    def __init__(self, settings: Settings) -> None: ...

    @staticmethod
    def address(to: str) -> str:
        """The recipient as suppressions name it: two spellings of one mailbox are one. Pure. Never raises."""

    def rate(self) -> float | None:
        """Recipients a second that the provider allows this account now, None where it sets no limit.

        May ask the provider, and raise whatever that raises: the last known rate holds then.
        """

    def render(self, request: Any, templates: Templates) -> Any:
        """The content of the request, ready to be read. Pure. Raises TemplateError."""

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        """Send each message once, at most one request on the wire for each, and say what became of it.

        Answers in the order of the messages, and within the lease of `settings.send_lease_seconds`: what is
        still under way when it ends could be sent twice. Must not raise for what a provider or a network can
        do: that is an outcome. What it raises all the same makes every message of the call `Unknown`. Reasons
        go to logs and to operators: one short line, without the recipient.
        """

    def close(self) -> None:
        """Let go of threads and connections; nothing is sent after this."""


def _as_it_is(name: str, found: type[Channel]) -> type[Channel]:  # noqa: ARG001  what `substitute` replaces
    return found


_made_of: Callable[[str, type[Channel]], type[Channel]] = _as_it_is


def channel_names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def channel_class(name: str) -> type[Channel]:
    """What a channel is, its capability say, without making it. Raises SettingsError where none has the name."""
    points: list[EntryPoint] = list(entry_points(group=GROUP, name=name))
    if not points:
        known = ", ".join(channel_names()) or "none"
        raise SettingsError(f"no channel is called {name!r}; installed are: {known}")
    found: type[Channel] = points[0].load()
    return found


def load_channel(name: str, settings: Settings) -> Channel:
    """The channel of that name, from this package or any other that is installed."""
    return _made_of(name, channel_class(name))(settings)


def substitute(make: Callable[[str, type[Channel]], type[Channel]]) -> None:
    """From now on `load_channel` makes channels of the class that `make(name, class)` returns. For sandboxes."""
    global _made_of  # noqa: PLW0603
    _made_of = make


def check_channel(name: str, settings: Settings) -> None:
    """Raises SettingsError for what no message of this channel could be sent without, as the channel's class has it.

    A class says so by a static method `check(settings)`; a worker asks it before it takes the first message.
    """
    if check := getattr(channel_class(name), "check", None):
        check(settings)


@cache
def capability(name: str) -> Capability:
    """What the provider of that channel offers; asks its class, and sets nothing up."""
    return channel_class(name).capability


def silence(name: str, settings: Settings) -> str | None:
    """Why no event can tell that the provider of this channel accepted a message, as these settings have it.

    None where events can come, and for a channel that has none or is not installed here. A channel class that depends
    on a setting says so by a static method `silence(settings)`.
    """
    try:
        asked = getattr(channel_class(name), "silence", None)
    except SettingsError:
        return None
    reason: str | None = asked(settings) if asked else None
    return reason


def warn_of_silence(names: Iterable[str], settings: Settings) -> None:
    """Log what becomes of lost answers on channels whose events cannot come."""
    for name in sorted(set(names)):
        if reason := silence(name, settings):
            log.warning(
                "no event can settle a lost answer: unknown outcomes are held for the operator; "
                "docs/feedback.md says how to set events up",
                channel=name,
                reason=reason,
            )


def address_of(name: str, to: str) -> str:
    """The recipient as suppressions of that channel name it."""
    return channel_class(name).address(to)


def checked_address(name: str, to: str) -> str:
    """`address_of` for a recipient that somebody names now. Raises UsageError where the channel says that it is none.

    A channel class says so by a static method `checked_address(to)`, which raises ValueError with a sentence that
    does not repeat the recipient.
    """
    kind = channel_class(name)
    check: Callable[[str], str] = getattr(kind, "checked_address", kind.address)
    try:
        return check(to)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
