"""What the channels of pushes have in common: the text of a push, and what each service needs of it. Pure."""

from typing import Any

from notifier.errors import TemplateError
from notifier.messages import Message, Push, PushContent
from notifier.templates import Templates
from notifier.text import one_line, sound

PART, TITLE_PART = "push.txt", "push_title.txt"
LONGEST_TTL = 2_419_200
"""Seconds: four weeks, the most that FCM keeps a push."""
LONGEST_KEY = 64
"""Bytes of a collapse key: APNs takes no more."""

PushMessage = Message[Push, PushContent]


def rendered(request: Push, templates: Templates) -> PushContent:
    """Return title and text of a push. Raise TemplateError."""
    if (request.text is None) == (request.template is None):
        raise TemplateError("a Push has either a text or a template")
    if request.template is None:
        return PushContent(one_line(request.title or ""), sound(request.text or ""))

    def part(name: str) -> str:
        return templates.text(request.template or "", name, request.context, request.locale).strip()

    title = part(TITLE_PART) if request.title is None else request.title
    return PushContent(one_line(title), part(PART))


def data_of(message: PushMessage) -> dict[str, str]:
    """Return the values for the app. Raise ValueError if a value is no text."""
    data = message.request.data
    for name, value in data.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise ValueError(f"the value {str(name)[:100]!r} in `data` is not a text")  # noqa: TRY004  as others here
    return {**data, "notification_id": str(message.notification_id)}


def ttl_of(message: PushMessage, now: float) -> int | None:
    """Return the seconds that the service keeps a push, no longer than its notification is of use. Raise ValueError.

    None: neither the push nor its route says. `now` is seconds since 1970.
    """
    ttl = message.request.ttl
    if ttl is not None and (not isinstance(ttl, int) or not 0 <= ttl <= LONGEST_TTL):
        raise ValueError(f"`ttl` is not 0 to {LONGEST_TTL:,} seconds")
    if message.expires_at is None:
        return ttl
    return min(max(int(message.expires_at - now), 0), LONGEST_TTL if ttl is None else ttl)


def collapse_of(message: PushMessage) -> str:
    """Return the key of the push: one with the same key replaces it on the device. Raise ValueError."""
    key = message.request.collapse
    if key is None:
        return str(message.notification_id)
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise ValueError(f"`collapse` is not 1 to {LONGEST_KEY} letters of ASCII")
    return key


def without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without those that are None, or an empty text or mapping."""
    return {name: value for name, value in values.items() if value not in (None, "", {})}
