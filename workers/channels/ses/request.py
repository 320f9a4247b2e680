"""The parameters of SendEmail for one message. Pure. A message that cannot be sent raises ValueError."""

import re
from collections.abc import Iterator
from typing import Any

from notifier.feedback import ATTEMPT_TAG, NOTIFICATION_TAG
from notifier.messages import Email, EmailContent, Message
from workers.channels.header import ascii_urls, encoded_words, header_text
from workers.channels.ses.address import wire_address

NOTIFICATION_HEADER = "X-Notification-Id"
MAX_HEADERS = 15
"""Custom headers that SES takes in a mail."""
MAX_NAME = 126
"""Characters of a header's name that SES takes."""
MAX_VALUE = 995
"""Characters of a header's value that SES takes."""
MAX_HEADER = 996
"""Characters of a header's name and value together that SES takes."""

_NAME = re.compile(r"[!-9;-~]+")
_RESERVED = re.compile(
    r"bcc|cc|date|dkim-signature|from|message-id|mime-version|received|reply-to|return-path|sender|subject|to"
    r"|x-notification-id|content-.*|x-ses-.*",
    re.IGNORECASE,
)

SesMessage = Message[Email, EmailContent]
Pair = dict[str, str]


def send_email_request(message: SesMessage, sender: str, configuration_set: str) -> dict[str, Any]:
    """Return the parameters for one recipient, with the tags by which events are matched to the notification.

    `sender` is the address of messages that name none, encoded for SES.
    """
    email, content = message.request, message.content
    request: dict[str, Any] = {
        "FromEmailAddress": checked_address("sender", email.sender) if email.sender else sender,
        "Destination": {"ToAddresses": [checked_address("to", email.to)]},
        "Content": {"Simple": {**_simple(content), "Headers": list(headers_of(message))}},
        "EmailTags": tags_of(message),
    }
    if email.reply_to:
        request["ReplyToAddresses"] = [checked_address("reply_to", email.reply_to)]
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    return request


def tags_of(message: SesMessage) -> list[Pair]:
    return [
        {"Name": NOTIFICATION_TAG, "Value": str(message.notification_id)},
        {"Name": ATTEMPT_TAG, "Value": str(message.attempt)},
    ]


def checked_address(field: str, address: str) -> str:
    try:
        return wire_address(address)
    except ValueError as error:
        raise ValueError(f"the address in `{field}` {error}") from None


def headers_of(message: SesMessage) -> Iterator[Pair]:
    headers = message.request.headers
    if len(headers) >= MAX_HEADERS:
        raise ValueError(f"{len(headers)} headers are more than the {MAX_HEADERS - 1} that may be added")
    yield {"Name": NOTIFICATION_HEADER, "Value": str(message.notification_id)}
    for name, value in headers.items():
        yield _header(name, value)


def _header(name: str, value: str) -> Pair:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(f"{str(name)[:MAX_NAME]!r} is not a valid header name")
    if _RESERVED.fullmatch(name):
        raise ValueError(f"the header {name} is set by Notifier or SES, not by a route")
    if not isinstance(value, str) or not (wire := ascii_urls(header_text(value))):
        raise ValueError(f"the header {name} is empty, or not a text")
    if not wire.isascii():
        wire = encoded_words(wire)
    if len(wire) > MAX_VALUE or len(name) + len(wire) > MAX_HEADER:
        raise ValueError(f"the header {name} is too long: SES takes {MAX_VALUE} characters")
    return {"Name": name, "Value": wire}


def _simple(content: EmailContent) -> dict[str, Any]:
    body = {"Text": _utf8(content.text)}
    if content.html is not None:
        body["Html"] = _utf8(content.html)
    return {"Subject": _utf8(header_text(content.subject)), "Body": body}


def _utf8(text: str) -> Pair:
    return {"Data": text, "Charset": "UTF-8"}
