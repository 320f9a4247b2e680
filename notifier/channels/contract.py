"""The interface of a channel, and the channels that are installed, by the entry-point group `notifier.channels`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, ClassVar, Protocol

import structlog

from notifier.errors import NotifierError, SettingsError, UsageError
from notifier.messages import ORIGINAL_RECIPIENT_HEADER, Copies, Email, Message
from notifier.outcomes import Outcome
from notifier.process.entry_points import declared
from notifier.process.own_packages import check_not_hidden
from notifier.settings import Settings
from notifier.templates import Templates

log = structlog.get_logger(__name__)

GROUP = "notifier.channels"


class Capability(Enum):
    """What the provider offers for the case that its answer is lost. It decides what happens to an `Unknown`."""

    IDEMPOTENCY_KEY = "the provider ignores a second request with the same key: an unknown outcome is sent again"
    DELIVERY_EVENTS = "the provider reports what it accepted: an unknown outcome waits for its events"
    RECEIPTS = "the provider reports most of what it accepted: an unknown outcome without a report is held"
    NONE = "nothing: the operator decides, or the route's on_unknown"


class Channel(Protocol):
    """One way to reach a person. Must be thread-safe, with no connection and no thread before the first `send`.

    docs/channels.md says how to write one; `notifier.testing.ChannelConformance` tests it against this interface.
    Static methods that a class may have beside these: `checked_address(to)`, `redirected(request, to)`,
    `check(settings)` and `silence(settings)`, see the functions of these names in this module, and
    `capability_of(settings)`, see `capability`. Its objects may have `examine()`, which asks the provider whether it
    takes our credentials, sends nothing, and yields findings for `notifier doctor`.

    Example:
        class NtfyChannel:
            capability = Capability.NONE
            one_provider = True
            request_type = Push

            def __init__(self, settings: Settings) -> None:
                self._pool = SendPool("ntfy", settings.send_lease_seconds)

            def send(self, messages: Sequence[Message[Push, str]]) -> list[Outcome]:
                return self._pool.send(messages, self._send_one)

        examples/channel_package is the whole class.
    """

    capability: ClassVar[Capability]
    one_provider: ClassVar[bool]
    """Whether all messages go to one provider. Then a throttle or missing answers concern the whole channel."""
    request_type: ClassVar[type]
    """The class that a route on this channel returns, `Email` for instance. Its `to` is the recipient, as text."""

    def __init__(self, settings: Settings) -> None: ...

    @staticmethod
    def address(to: str) -> str:
        """Return the recipient as suppressions name it: the same for all spellings. Pure, and never raises."""

    def rate(self) -> float | None:
        """Return the recipients a second that the provider allows this account now, None if there is no limit.

        It may ask the provider, and raise anything: then the last known rate stays.
        """

    def render(self, request: Any, templates: Templates) -> Any:
        """Return the content of a request, ready to be sent. Pure. Raise TemplateError."""

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        """Send each message, with at most one request for each, and return their outcomes in the same order.

        It must return within `settings.send_lease_seconds`: a request that is still open then could be sent twice. It
        must not raise for what a provider or a network does: that is an outcome. An exception makes every message of
        the call `Unknown`. Reasons are logged and shown to operators: one short line, without the recipient.
        """

    def close(self) -> None:
        """Close threads and connections. Nothing is sent afterwards."""


def _as_it_is(name: str, found: type[Channel]) -> type[Channel]:  # noqa: ARG001  the signature that `substitute` takes
    return found


_made_of: Callable[[str, type[Channel]], type[Channel]] = _as_it_is


def channel_names() -> list[str]:
    """Return the names of the installed channels, sorted."""
    return sorted({point.name for point in declared(GROUP)})


def channel_class(name: str) -> type[Channel]:
    """Return the class of a channel, without creating an instance.

    Raise SettingsError if none of that name is installed, PackageHidden if a folder of the user hides it.
    """
    points = [each for each in declared(GROUP) if each.name == name]
    if not points:
        known = ", ".join(channel_names()) or "none"
        raise SettingsError(f"no channel is called {name!r}; installed are: {known}")
    try:
        found: type[Channel] = points[0].load()
    except ImportError:
        check_not_hidden(points[0].module)
        raise
    return found


def load_channel(name: str, settings: Settings) -> Channel:
    """Return a new channel of that name, from this package or any other. Raise SettingsError."""
    return _made_of(name, channel_class(name))(settings)


def load_for_rendering(name: str, settings: Settings) -> Channel:
    """Return a new channel that renders messages. Without the account of its provider in the settings it can send
    none, and its `close` raises AttributeError. Raise SettingsError if none of that name is installed.
    """
    found = _made_of(name, channel_class(name))
    try:
        return found(settings)
    except NotifierError:
        return found.__new__(found)


def substitute(make: Callable[[str, type[Channel]], type[Channel]]) -> None:
    """Make `load_channel` use the class that `make(name, class)` returns, from now on. For sandboxes."""
    global _made_of  # noqa: PLW0603
    _made_of = make


def check_channel(name: str, settings: Settings) -> None:
    """Raise SettingsError if a setting is missing without which the channel could send no message.

    Calls the static method `check(settings)` of the channel's class, if it has one. A worker does so before it takes
    its first message.
    """
    if check := getattr(channel_class(name), "check", None):
        check(settings)


def capability(name: str, settings: Settings) -> Capability:
    """Return the capability of a channel with these settings, without creating an instance. Raise SettingsError.

    It is that of the class, unless this has the static method `capability_of(settings)`, where settings choose among
    providers.
    """
    found = channel_class(name)
    asked: Callable[[Settings], Capability] | None = getattr(found, "capability_of", None)
    return asked(settings) if asked else found.capability


def silence(name: str, settings: Settings) -> str | None:
    """Return why, with these settings, the provider of a channel sends no events.

    None if events can come, and for a channel that has no events or is not installed. Calls the static method
    `silence(settings)` of the channel's class, if it has one.
    """
    try:
        asked = getattr(channel_class(name), "silence", None)
    except SettingsError:
        return None
    reason: str | None = asked(settings) if asked else None
    return reason


def warn_of_silence(names: Iterable[str], settings: Settings) -> None:
    """Log a warning for each channel that needs its provider's events and gets none with these settings."""
    for name in sorted(set(names)):
        if reason := silence(name, settings):
            log.warning(
                "this channel gets no delivery events, so its unknown outcomes wait for the operator; "
                "docs/feedback.md says how to set up events",
                channel=name,
                reason=reason,
            )


def address_of(name: str, to: str) -> str:
    """Return the recipient as suppressions of that channel name it."""
    return channel_class(name).address(to)


def redirected(channel: Channel, request: Any, to: str) -> Any:
    """Return the request with another recipient, for NOTIFIER_REDIRECT_TO.

    Calls the static method `redirected(request, to)` of the channel's class, if it has one. Otherwise the request is
    a dataclass whose `to` is replaced; an `Email` gets its own recipient in a header. Raise TypeError for any other
    request: it must not go to its own recipient.
    """
    if own := getattr(channel, "redirected", None):
        return own(request, to)
    if isinstance(request, Email):
        headers = {**request.headers, ORIGINAL_RECIPIENT_HEADER: Copies.of(request).to[0]}
        return replace(request, to=to, cc=(), bcc=(), headers=headers)
    return replace(request, to=to)


def spellings(to: str, name: str = "") -> list[str]:
    """Return the recipient as that channel spells it, or, without a name, as any of the installed channels does."""
    return sorted({address_of(each, to) for each in ([name] if name else channel_names())})


def checked_address(name: str, to: str) -> str:
    """Return `address_of` for a recipient that an operator names. Raise UsageError if it is none.

    Calls the static method `checked_address(to)` of the channel's class, if it has one: it returns the address, or
    raises ValueError with a sentence that does not repeat the recipient.
    """
    kind = channel_class(name)
    check: Callable[[str], str] = getattr(kind, "checked_address", kind.address)
    try:
        return check(to)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
