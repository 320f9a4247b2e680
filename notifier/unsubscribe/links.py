"""Links to unsubscribe, and the headers and template values by which a message carries one (RFC 8058)."""

from dataclasses import replace
from typing import Any

from notifier.errors import SettingsError, Unsendable
from notifier.messages import Copies, Email, Sms, has_copies
from notifier.settings import UnsubscribeSettings
from notifier.settings.unsubscribe import keys_of
from notifier.unsubscribe.tokens import Subscription, Tokens

UNSUBSCRIBE_HEADER = "List-Unsubscribe"
ONE_CLICK_HEADER = "List-Unsubscribe-Post"
OURS = "X-Notifier"
"""The header of answers of `notifier preferences`, by which `notifier doctor` knows that no other page answers."""
SAMPLE_URL = "https://example.com/unsubscribe/sample"
"""What previews have instead of a link."""
ONE_CLICK = "List-Unsubscribe=One-Click"
"""The value of the second header, and the form that a mail provider posts to the link."""
URL_VALUE = "unsubscribe_url"
"""The name of the link in templates."""


class UnsubscribeLinks:
    """Makes links, and adds them to messages. Thread-safe."""

    def __init__(self, url: str, tokens: Tokens) -> None:
        self._url = url.rstrip("/")
        self._tokens = tokens

    @classmethod
    def of(cls, settings: UnsubscribeSettings) -> "UnsubscribeLinks | None":
        """Return the links of the settings, None if none are set. Raise SettingsError if one is missing."""
        keys = keys_of(settings.unsubscribe_keys)
        if settings.unsubscribe_url and not keys:
            raise SettingsError(
                "NOTIFIER_UNSUBSCRIBE_KEYS is not set: the secret of unsubscribe links; openssl rand -hex 32"
            )
        if keys and not settings.unsubscribe_url:
            raise SettingsError(
                "NOTIFIER_UNSUBSCRIBE_URL is not set: the address of unsubscribe links, as https://mail.example.com/u"
            )
        return cls(settings.unsubscribe_url, Tokens(keys)) if keys else None

    def url(self, subscription: Subscription) -> str:
        """Return the link of a recipient and a topic."""
        return f"{self._url}/{self._tokens.make(subscription)}"

    def read(self, token: str) -> Subscription | None:
        """Return what the link with this last part is for, None if it is none of ours."""
        return self._tokens.read(token)

    def added_to(self, request: Any, subscription: Subscription) -> Any:
        """Return what a route returned, with the link of this recipient and topic: see `with_link`."""
        return with_link(request, self.url(subscription)) if isinstance(request, Email | Sms) else request


def with_link(request: Any, url: str) -> Any:
    """Return what a route returned, with a link: as `unsubscribe_url` in its template, and in the headers of a mail.

    A mail that has a List-Unsubscribe header of its own keeps it. What is neither an Email nor an Sms stays as it is.
    Raise Unsendable for a mail to several recipients without such a header: the link opts out the first one only.
    """
    if not isinstance(request, Email | Sms):
        return request
    if isinstance(request, Email) and has_copies(request) and _names_several(request):
        raise Unsendable(
            "a mail with a link to unsubscribe may have one recipient only: write to the others by events of their "
            "own, or let the route set List-Unsubscribe in `headers`"
        )
    context = {URL_VALUE: url, **request.context}
    if isinstance(request, Sms):
        return replace(request, context=context)
    return replace(request, context=context, headers=_headers(request, url))


def _names_several(email: Email) -> bool:
    return len(set(Copies.of(email).all)) > 1 and not _has_own(email)


def _has_own(email: Email) -> bool:
    return any(name.lower() == UNSUBSCRIBE_HEADER.lower() for name in email.headers)


def _headers(email: Email, url: str) -> dict[str, str]:
    headers = dict(email.headers)
    if _has_own(email):
        return headers
    others = {name: value for name, value in headers.items() if name.lower() != ONE_CLICK_HEADER.lower()}
    return {**others, UNSUBSCRIBE_HEADER: f"<{url}>", ONE_CLICK_HEADER: ONE_CLICK}
