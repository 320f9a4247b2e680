"""Who may get messages while a set-up is tried: NOTIFIER_ONLY_TO and NOTIFIER_REDIRECT_TO."""

import re
from collections.abc import Sequence
from typing import Any

from notifier.channels import Channel, channel_class, checked_address, redirected
from notifier.errors import SettingsError, UsageError
from notifier.messages import Copies, Email, with_recipients
from notifier.settings import Settings
from notifier.settings.restrictions import MAIL
from workers.sending_channel import SendingChannel


class Recipients:
    """The recipients of one channel that are allowed, and who gets their messages instead. Immutable."""

    def __init__(self, channel: str, only_to: Sequence[str], target: str | None, *, redirects: bool) -> None:
        """`only_to` are patterns, none: everybody is allowed. If `redirects`, all messages go to `target`, and None
        sends none.
        """
        self._channel = channel
        self._allowed = _pattern(only_to) if only_to else None
        self._target = target
        self._redirects = redirects

    @classmethod
    def of(cls, settings: Settings, channel: str) -> "Recipients | None":
        """Return those of the settings; None if they restrict nothing.

        Raise SettingsError if the channel could not send to the address of NOTIFIER_REDIRECT_TO.
        """
        if not settings.only_to and not settings.redirect_to:
            return None
        target = settings.redirect_to.get(channel)
        if target is None and channel_class(channel).request_type is Email:
            target = settings.redirect_to.get(MAIL)
        try:
            if target is not None:
                checked_address(channel, target)
        except UsageError as error:
            raise SettingsError(f"NOTIFIER_REDIRECT_TO: {error}") from None
        return cls(channel, settings.only_to, target, redirects=bool(settings.redirect_to))

    def refusal(self, address: str) -> str | None:
        """Return why nothing is sent to that address, as suppressions spell it. None if something is."""
        if self._allowed and not self._allowed.fullmatch(address):
            return "NOTIFIER_ONLY_TO does not name its recipient"
        if self._redirects and self._target is None:
            return f"NOTIFIER_REDIRECT_TO names no address for the channel {self._channel}"
        return None

    def allowed(self, channel: Channel, email: Email) -> Email:
        """Return the email to those of its recipients to whom something is sent; unchanged if there are none."""
        return with_recipients(email, lambda each: self.refusal(channel.address(each)) is None) or email

    def redirected(self, channel: Channel, request: Any) -> Any:
        """Return the request with the redirected recipient; the request itself if it is not redirected."""
        return request if self._target is None else redirected(channel, request, self._target)

    @property
    def redirects(self) -> bool:
        return self._redirects


def further_of(channel: SendingChannel, email: Email, address: str) -> tuple[str, ...]:
    """Return the other recipients of a mail whose first one is `address`, each once, as suppressions spell them."""
    found = dict.fromkeys(map(channel.address, Copies.of(email).all))
    found.pop(address, None)
    return tuple(found)


def _pattern(globs: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern for addresses that one of these matches; `*` stands for any characters."""
    each = (".*".join(map(re.escape, glob.split("*"))) for glob in globs)
    return re.compile("|".join(each), re.IGNORECASE | re.DOTALL)
