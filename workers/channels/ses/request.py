"""The parameters of SendEmail for one message. Pure. A message that cannot be sent raises ValueError."""

from typing import Any

from notifier.messages import SES_NAME, Email, EmailContent, Message, has_copies
from workers.channels.attachments import files_of
from workers.channels.copies import recipients_of
from workers.channels.header import header_text
from workers.channels.mail_headers import MailHeaders, Pair
from workers.channels.mailbox import field_address
from workers.channels.ses.attachments import attachment_parameter

MAX_RECIPIENTS = 50
MAX_HEADERS = 15
"""Custom headers that SES takes in a mail."""
MAX_NAME = 126
"""Characters of a header's name that SES takes."""
MAX_HEADER = 996
"""Characters of a header's name and value together that SES takes; of the value alone 995."""
HEADERS = MailHeaders("SES", most=MAX_HEADERS, longest_name=MAX_NAME, longest=MAX_HEADER)

SesMessage = Message[Email, EmailContent]


def send_email_request(message: SesMessage, sender: str, configuration_set: str) -> dict[str, Any]:
    """Return the parameters for one recipient, with the tags by which events are matched to the notification.

    `sender` is the address of messages that name none, encoded for SES.
    """
    email, content = message.request, message.content
    request: dict[str, Any] = {
        "FromEmailAddress": field_address("sender", email.sender) if email.sender else sender,
        "Destination": destination_of(email),
        "Content": {"Simple": _simple(content) | {"Headers": HEADERS.of(message)}},
        "EmailTags": tags_of(message),
    }
    if email.attachments:
        request["Content"]["Simple"]["Attachments"] = [*map(attachment_parameter, files_of(email))]
    if email.reply_to:
        request["ReplyToAddresses"] = [field_address("reply_to", email.reply_to)]
    if named := checked_name("configuration_set", email.configuration_set) or configuration_set:
        request["ConfigurationSetName"] = named
    if email.tenant:
        request["TenantName"] = checked_name("tenant", email.tenant)
    return request


def destination_of(email: Email) -> dict[str, list[str]]:
    """Return the parameter `Destination`. Raise ValueError for an invalid address, or for too many recipients."""
    if isinstance(email.to, str) and not has_copies(email):
        return {"ToAddresses": [field_address("to", email.to)]}
    copies = recipients_of(email)
    if len(copies.all) > MAX_RECIPIENTS:
        raise ValueError(f"{len(copies.all)} recipients are more than the {MAX_RECIPIENTS} that SES takes in a mail")
    named = zip(("ToAddresses", "CcAddresses", "BccAddresses"), copies._fields, copies, strict=True)
    return {member: [field_address(field, each) for each in kind] for member, field, kind in named if kind}


def tags_of(message: SesMessage) -> list[Pair]:
    return [{"Name": name, "Value": value} for name, value in message.tags]


def checked_name(field: str, name: str | None) -> str | None:
    """Return the name of a tenant or a configuration set; None for none. Raise ValueError if SES can have no such."""
    if name and not SES_NAME.fullmatch(name):
        raise ValueError(f"`{field}` is not 1 to 64 letters, digits, - and _")
    return name or None


def _simple(content: EmailContent) -> dict[str, Any]:
    body = {"Text": _utf8(content.text)}
    if content.html is not None:
        body["Html"] = _utf8(content.html)
    return {"Subject": _utf8(header_text(content.subject)), "Body": body}


def _utf8(text: str) -> Pair:
    return {"Data": text, "Charset": "UTF-8"}
