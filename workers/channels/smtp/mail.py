"""One mail as SMTP sends it: the addresses of its envelope, and its bytes. Pure. An invalid one raises ValueError."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any
from uuid import UUID

from notifier.messages import Email, EmailContent, Message
from workers.channels.attachments import File, files_of
from workers.channels.copies import recipients_of
from workers.channels.header import header_text
from workers.channels.mail_headers import MailHeaders
from workers.channels.mailbox import envelope_address, field_address

_LINE = 75
_LONGEST_PLAIN = 900
"""Characters of an ASCII subject that is written as it is; SMTP allows 998 in a line."""
_ASCII = SMTP.clone(cte_type="7bit")
"""Other letters are encoded, so that no server needs 8BITMIME."""
_HEADERS = MailHeaders("the mail server", most=15, longest_name=126, longest=996)
"""As many as `Email.headers` documents. A line has 998 characters (RFC 5322, 2.1.1), with a colon and a space."""
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """`sender` and `recipients` are bare addresses. `data` has every leading dot doubled, and no last dot."""

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    data: bytes


def mail_of(message: Message[Email, EmailContent], sender: str, return_path: str, seconds: float) -> Mail:
    """Return the mail of a message. `sender` is for messages that name none; `seconds` since 1970 make its date.

    The Message-ID is the same in each attempt, so that a mailbox which gets two copies can show one.
    """
    email, content = message.request, message.content
    own = email.sender or sender
    bare = field_address("sender", own, envelope_address)
    copies = recipients_of(email)
    fields = zip(copies._fields, copies, strict=True)
    recipients = [field_address(name, each, envelope_address) for name, kind in fields for each in kind]
    message_id = id_for(message.notification_id, bare)
    head = {
        "Date": formatdate(seconds),
        "From": field_address("sender", own),
        "To": _listed("to", copies.to),
        "Subject": _subject(content.subject),
        "Message-ID": message_id,
    }
    if copies.cc:
        head["Cc"] = _listed("cc", copies.cc)
    if email.reply_to:
        head["Reply-To"] = field_address("reply_to", email.reply_to)
    head |= {each["Name"]: each["Value"] for each in _HEADERS.of(message)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode("ascii")
    return Mail(
        return_path or bare,
        tuple(recipients),
        message_id,
        _LEADING_DOT.sub(b"..", lines + _body(email, content)),
    )


def id_for(notification_id: UUID, sender: str) -> str:
    """Return the Message-ID of a notification from this bare address."""
    return f"<{notification_id}@{sender.rpartition('@')[2]}>"


def _listed(field: str, addresses: Sequence[str]) -> str:
    """Return the addresses as a header, each on a line of its own."""
    return ",\r\n ".join(field_address(field, each) for each in addresses)


def _subject(text: str) -> str:
    subject = header_text(text)
    if subject.isascii() and len(subject) <= _LONGEST_PLAIN:
        return subject
    return Header(subject, "utf-8", maxlinelen=_LINE, header_name="Subject").encode(linesep="\r\n")


def _body(email: Email, content: EmailContent) -> bytes:
    body = EmailMessage(_ASCII)
    body.set_content(content.text)
    if content.html is not None:
        body.add_alternative(content.html, subtype="html")
    if email.attachments:
        _attach(body, email)
    return body.as_bytes()


def _attach(body: EmailMessage, email: Email) -> None:
    """Add the files: images with an id beside the HTML that shows them, an invitation as another form of the text,
    as mail programs expect it, and the others to the mail.
    """
    html = body.get_body(("html",))
    files = files_of(email)
    for each in files:
        if each.content_id and isinstance(html, EmailMessage):
            html.add_related(*_content(each), cid=f"<{each.content_id}>", disposition="inline", **_named(each))
    for each in files:
        if _is_invitation(each):
            body.add_alternative(*_content(each), disposition="inline", **_named(each))
    for each in files:
        if not _is_invitation(each) and not (each.content_id and html is not None):
            body.add_attachment(*_content(each), **_named(each))


def _is_invitation(file: File) -> bool:
    """Return whether mail programs act on the file. A calendar without a method is a file like any other."""
    return file.media_type.startswith("text/calendar;") and "method=" in file.media_type


def _content(file: File) -> tuple[bytes, str, str]:
    main, _, sub = file.media_type.partition(";")[0].partition("/")
    return file.content, main, sub


def _named(file: File) -> dict[str, Any]:
    _, *given = file.media_type.split(";")
    pairs = (each.strip().partition("=") for each in given)
    return {"filename": file.name, "params": {name: value for name, _, value in pairs}}
