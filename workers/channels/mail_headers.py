"""The headers that a mail has beside the usual ones: the id of its notification, and those of its route. Pure."""

import re
from functools import lru_cache

from notifier.messages import ORIGINAL_RECIPIENT_HEADER, Email, EmailContent, Message
from workers.channels.header import ascii_urls, encoded_words, header_text

NOTIFICATION_HEADER = "X-Notification-Id"

_NAME = re.compile(r"[!-9;-~]+")
_RESERVED = re.compile(
    r"bcc|cc|date|dkim-signature|from|message-id|mime-version|received|reply-to|return-path|sender|subject|to"
    r"|x-notification-id|content-.*|x-ses-.*",
    re.IGNORECASE,
)
"""Also those that SES acts on, which has a server for SMTP as well."""

Pair = dict[str, str]
"""The `Name` of a header and its `Value`."""


class MailHeaders:
    """The headers as one provider takes them; what it does not take raises ValueError, which names the `provider`.

    `most` are the headers of a mail, the id included. `longest_name` are the characters of a name, `longest` those of
    a name and its value together.
    """

    def __init__(self, provider: str, *, most: int, longest_name: int, longest: int) -> None:
        self._provider = provider
        self._most = most
        self._longest_name = longest_name
        self._longest = longest
        self._name_error = lru_cache(maxsize=1_000)(self._find_name_error)  # the mails of a route have the same names

    def of(self, message: Message[Email, EmailContent]) -> list[Pair]:
        """Return the headers of a mail: the id of its notification, and those of its route."""
        return [{"Name": NOTIFICATION_HEADER, "Value": str(message.notification_id)}, *self.added(message.request)]

    def added(self, email: Email) -> list[Pair]:
        """Return the headers of a route. Raise ValueError also for one that it may not set, and for too many."""
        headers = email.headers
        if len(headers) - (ORIGINAL_RECIPIENT_HEADER in headers) >= self._most:
            raise ValueError(f"{len(headers)} headers are more than the {self._most - 1} that may be added")
        return [self._header(name, value) for name, value in headers.items()]

    def _header(self, name: object, value: object) -> Pair:
        if not isinstance(name, str):
            cut = str(name)[: self._longest_name]
            raise ValueError(f"{cut!r} is not a valid header name")  # noqa: TRY004  as for each other one
        if error := self._name_error(name):
            raise ValueError(error)
        if not isinstance(value, str) or not (wire := ascii_urls(header_text(value))):
            raise ValueError(f"the header {name} is empty, or not a text")
        if not wire.isascii():
            wire = encoded_words(wire)
        if len(name) + len(wire) > self._longest:
            raise ValueError(
                f"the header {name} is too long: {self._provider} takes {self._longest} characters of name and value"
            )
        return {"Name": name, "Value": wire}

    def _find_name_error(self, name: str) -> str | None:
        """Return why no header may have this name, None if one may."""
        if not _NAME.fullmatch(name) or len(name) > self._longest_name:
            return f"{name[: self._longest_name]!r} is not a valid header name"
        if _RESERVED.fullmatch(name):
            return f"the header {name} is set by Notifier or {self._provider}, not by a route"
        return None
