"""What a route makes of an event, as a document of JSON values. It builds and renders as a worker does."""

import os
import traceback
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import orjson

import notifier
from notifier.channels import load_for_rendering
from notifier.errors import NotifierError
from notifier.events import Event
from notifier.messages import Email, EmailContent, SmsContent, WebhookContent, with_identity
from notifier.preview.settings import NO_SENDER
from notifier.routes import Route
from notifier.routes.requests import check_request
from notifier.settings import Settings
from notifier.sms import segments_of
from notifier.templates import Templates
from notifier.text import sound
from notifier.timing import Later
from notifier.unsubscribe import SAMPLE_URL, with_link

_LONGEST = 2_000
_OURS = tuple(
    f"{Path(notifier.__file__).parents[1] / package}{os.sep}" for package in ("notifier", "workers", "bridge", "web")
)


class Built(TypedDict, total=False):
    """`kind` is email, sms, webhook or other; none: the route returned None; later: it would wait, `until` a
    time in ISO format, and `reason` says why; error: `error` says why.
    """

    kind: str
    to: str
    sender: str
    subject: str
    text: str
    html: str | None
    segments: list[Any]
    more: dict[str, str]
    until: str
    reason: str
    error: str
    where: str


def message_of(route: Route, event: Event, templates: Templates, settings: Settings) -> Built:
    """Return the message that the route makes of the event for its first channel, or why there is none. Whatever the
    user's code raises is an error of the message.
    """
    try:
        request = route.request([event], route.channel)
        if request is None:
            return {"kind": "none"}
        if isinstance(request, Later):
            until = request.moment(datetime.now(UTC)).isoformat(timespec="seconds")
            return {"kind": "later", "until": until, "reason": sound(request.reason)}
        channel = load_for_rendering(route.channel, settings)
        check_request(route, channel, request)
        if route.identity and isinstance(request, Email):
            request = with_identity(request, route.identity)
        if route.has_opt_out:
            request = with_link(request, SAMPLE_URL)
        content = channel.render(request, templates)
        return _of_content(request, content, settings)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
        return failure_of(error)


def failure_of(error: BaseException) -> Built:
    """Return the error with its type, its text, and the line of the user's code that raised it."""
    text = str(error) if isinstance(error, NotifierError) else f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError):
        text = "MemoryError: a preview may take less memory than this needs"
    return {"kind": "error", "error": sound(text)[:_LONGEST], "where": place_of(error)}


def place_of(error: BaseException) -> str:
    """Return `file:line` of the last frame that is not ours; empty if there is none."""
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith((*_OURS, "<"))
    ]
    own = [each for each in frames if "site-packages" not in each.filename] or frames
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _of_content(request: Any, content: Any, settings: Settings) -> Built:
    to = sound(_joined(request.to))
    if isinstance(content, EmailContent):
        more = dict(getattr(request, "headers", {}))
        if reply_to := getattr(request, "reply_to", None):
            more["Reply-To"] = reply_to
        more |= {
            name.capitalize(): _joined(getattr(request, name, ()))
            for name in ("cc", "bcc")
            if getattr(request, name, ())
        }
        if files := getattr(request, "attachments", ()):
            more["Attachments"] = ", ".join(each.name for each in files)
        return {
            "kind": "email",
            "to": to,
            "sender": sound(getattr(request, "sender", None) or _own_sender(settings)),
            "subject": content.subject,
            "text": content.text,
            "html": content.html,
            "more": _texts(more),
        }
    if isinstance(content, SmsContent):
        text = sound(content.text)
        sender = getattr(request, "sender", None) or settings.sms_sender_id
        return {"kind": "sms", "to": to, "sender": sender, "text": text, "segments": [*segments_of(text)]}
    if isinstance(content, WebhookContent):
        headers = _texts(getattr(request, "headers", {}))
        return {"kind": "webhook", "to": to, "text": _indented(content.body), "more": headers}
    shown = content if isinstance(content, str) else repr(content)
    return {"kind": "other", "to": to, "text": sound(shown), "more": _texts(_fields_of(request))}


def _joined(addresses: Any) -> str:
    return addresses if isinstance(addresses, str) else ", ".join(addresses)


def _fields_of(request: Any) -> dict[str, Any]:
    """Return the fields of a request but its recipient, and but what its `repr` leaves out, as secrets."""
    if not is_dataclass(request):
        return {}
    return {each.name: getattr(request, each.name) for each in fields(request) if each.repr and each.name != "to"}


def _own_sender(settings: Settings) -> str:
    return "" if settings.sender == NO_SENDER else settings.sender


def _texts(values: Any) -> dict[str, str]:
    return {sound(str(name)): sound(str(value)) for name, value in dict(values).items() if value is not None}


def _indented(body: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        return body.decode("utf-8", "replace")
