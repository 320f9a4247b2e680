"""One message as an entry of SendBulkEmail, and what such a call says once for all. Pure.

The template is nothing but three values, each entry's mail as it is rendered: so one call carries different mails.
What cannot be sent as it is raises ValueError.
"""

from typing import Any, NamedTuple

import orjson

from workers.channels.header import header_text
from workers.channels.ses.request import Mail, checked_address, headers_of, tags_of

MAX_ENTRIES = 50
MAX_BYTES = 900_000
"""Of a whole request. SES takes 1 MB with an inline template, and does not say how it counts."""
MAX_DATA = 262_144

_SUBJECT, _TEXT, _HTML = "{{subject}}", "{{text}}", "{{html}}"


class Shared(NamedTuple):
    """What the mails of one call have in common."""

    sender: str
    reply_to: str | None
    has_html: bool

    @classmethod
    def of(cls, message: Mail, sender: str) -> "Shared":
        email = message.request
        return cls(
            checked_address("sender", email.sender) if email.sender else sender,
            checked_address("reply_to", email.reply_to) if email.reply_to else None,
            message.content.html is not None,
        )

    def members(self, configuration_set: str) -> bytes:
        """The members of the request beside its entries, as JSON without the braces."""
        parts = {"Subject": _SUBJECT, "Text": _TEXT}
        if self.has_html:
            parts["Html"] = _HTML
        members: dict[str, Any] = {
            "FromEmailAddress": self.sender,
            "DefaultContent": {"Template": {"TemplateContent": parts, "TemplateData": "{}"}},
        }
        if self.reply_to:
            members["ReplyToAddresses"] = [self.reply_to]
        if configuration_set:
            members["ConfigurationSetName"] = configuration_set
        return orjson.dumps(members)[1:-1]


def bulk_entry(message: Mail) -> bytes | None:
    """The entry as JSON. None for a mail that is left to SendEmail, which knows no templates.

    That is one too long for a template's values, and one with `{{` in it, which SES is not known to leave alone.
    """
    content = message.content
    values = {"subject": header_text(content.subject), "text": content.text}
    if content.html is not None:
        values["html"] = content.html
    data = orjson.dumps(values)
    entry = orjson.dumps(
        {
            "Destination": {"ToAddresses": [checked_address("to", message.request.to)]},
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data.decode()}},
            # All of them here and none at the call: whether SES would merge the two is not documented.
            "ReplacementTags": tags_of(message),
            "ReplacementHeaders": list(headers_of(message)),
        }
    )
    return None if len(data) > MAX_DATA or b"{{" in entry else entry
