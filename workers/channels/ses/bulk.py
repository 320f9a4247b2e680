"""One message as an entry of SendBulkEmail, and the fields that its entries share. Pure.

The template of a call consists of three placeholders (subject, text, HTML), and each entry brings its rendered mail
as their values: so one call carries different mails. A message that cannot be sent raises ValueError.
"""

import re
from typing import Any, NamedTuple

import orjson

from notifier.messages import EmailContent
from notifier.text import utf8
from workers.channels.header import header_text
from workers.channels.mail_headers import NOTIFICATION_HEADER
from workers.channels.mailbox import field_address
from workers.channels.ses.request import (
    HEADERS,
    SesMessage,
    checked_name,
    destination_of,
    tags_of,
)

MAX_ENTRIES = 50
MAX_BYTES = 900_000
"""Of a whole request. SES takes 1 MB with an inline template, and does not document how it counts."""
MAX_DATA = 262_144
"""Bytes of the template's values of one entry."""

_PLACEHOLDER = re.compile(rb"\{\{")
_SUBJECT, _TEXT, _HTML = "{{subject}}", "{{text}}", "{{html}}"


class CallFields(NamedTuple):
    """The fields that all mails of one call share."""

    sender: str
    reply_to: str | None
    has_html: bool
    configuration_set: str | None
    tenant: str | None

    @classmethod
    def of(cls, message: SesMessage, sender: str) -> "CallFields":
        email = message.request
        return cls(
            field_address("sender", email.sender) if email.sender else sender,
            field_address("reply_to", email.reply_to) if email.reply_to else None,
            message.content.html is not None,
            checked_name("configuration_set", email.configuration_set),
            checked_name("tenant", email.tenant),
        )

    def members(self, configuration_set: str) -> bytes:
        """Return the members of the request other than its entries, as JSON without the braces."""
        parts = {"Subject": _SUBJECT, "Text": _TEXT}
        if self.has_html:
            parts["Html"] = _HTML
        members: dict[str, Any] = {
            "FromEmailAddress": self.sender,
            "DefaultContent": {"Template": {"TemplateContent": parts, "TemplateData": "{}"}},
        }
        if self.reply_to:
            members["ReplyToAddresses"] = [self.reply_to]
        if named := self.configuration_set or configuration_set:
            members["ConfigurationSetName"] = named
        if self.tenant:
            members["TenantName"] = self.tenant
        return orjson.dumps(members)[1:-1]


def bulk_entry(message: SesMessage) -> bytes | None:
    """Return the entry as JSON, None for a mail that must be sent by SendEmail, which uses no template.

    That is a mail that is too long for a template's values, that contains `{{`, which SES might replace, or that has
    files: those of a bulk call are the same for all of its mails.
    """
    if message.request.attachments:
        return None
    data = _template_data(message.content)
    if data is None:
        return None
    others = orjson.dumps(
        {
            "Destination": destination_of(message.request),
            # Not at the call, too: it is not documented whether SES merges the two.
            "ReplacementTags": tags_of(message),
            "ReplacementHeaders": [
                {"Name": NOTIFICATION_HEADER, "Value": message.notification_id},
                *HEADERS.added(message.request),
            ],
        }
    )
    if _PLACEHOLDER.search(others):
        return None
    begin = b'{"ReplacementEmailContent":{"ReplacementTemplate":{"ReplacementTemplateData":'
    return b"".join((begin, data, b"}},", others[1:]))


def _template_data(content: EmailContent) -> bytes | None:
    """Return the template's values as a JSON text of their JSON. None if SES would not take them as they are."""
    parts = [b'"{\\"subject\\":\\"', _escaped(header_text(content.subject))]
    parts += b'\\",\\"text\\":\\"', _escaped(content.text)
    if content.html is not None:
        parts += b'\\",\\"html\\":\\"', _escaped(content.html)
    parts.append(b'\\"}"')
    data = b"".join(parts)
    if data.find(b"{", 2) > 0 and _PLACEHOLDER.search(data):
        return None
    if len(data) > MAX_DATA and len(orjson.loads(data).encode()) > MAX_DATA:
        return None
    return data


def _escaped(text: str) -> bytes:
    """Return a text in JSON in JSON. It has no control characters but tabs and line breaks."""
    return (
        utf8(text)
        .replace(b"\\", rb"\\\\")
        .replace(b'"', rb"\\\"")
        .replace(b"\n", rb"\\n")
        .replace(b"\t", rb"\\t")
        .replace(b"\r", rb"\\r")
    )
