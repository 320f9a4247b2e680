"""What every channel of mails asks of attachments: names, types and ids that are valid in a mail. Pure."""

import re
from typing import NamedTuple

from notifier.errors import Unsendable
from notifier.mail import UNKNOWN_TYPE, Attachment, Invitation
from notifier.messages import Email

LONGEST_NAME = 255
LONGEST_TYPE = LONGEST_ID = 78
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)
_ID = re.compile(r"[!#-;=?-~]+")
_NEVER_ENCODED = ("message/", "multipart/")
"""Types whose content may not be in base64 (RFC 2046), as that of all files is: readers show the base64."""
_NOT_IN_A_NAME = re.compile(r'[\\/"<>:|?*]')


class File(NamedTuple):
    """A file as it is sent."""

    name: str
    content: bytes
    media_type: str
    content_id: str | None


def files_of(email: Email) -> list[File]:
    """Return the files of an email whose attachments were read. Raise ValueError if they were not."""
    return [_file(each) for each in email.attachments]


def check_attachments(email: Email) -> list[Attachment]:
    """Return the attachments that are files. Raise Unsendable for one that no mail can have, without its name."""
    found = [each for each in email.attachments if isinstance(each, Attachment)]
    for number, each in enumerate(found, 1):
        if reason := _invalid(each):
            raise Unsendable(f"attachment {number} of {len(found)} {reason}")
    ids = [each.content_id for each in found if each.content_id]
    if len(ids) != len(set(ids)):
        raise Unsendable("two attachments have the same content_id")
    return found


def _file(attachment: Attachment | Invitation) -> File:
    if isinstance(attachment, Invitation) or attachment.content is None:
        raise ValueError("an attachment was not read")
    kind = attachment.media_type
    if kind.lower().startswith(_NEVER_ENCODED):
        kind = UNKNOWN_TYPE
    return File(attachment.name, attachment.content, kind, attachment.content_id)


def _invalid(attachment: Attachment) -> str | None:
    name, kind, id_ = attachment.name, attachment.media_type, attachment.content_id
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        return f"needs a name of 1 to {LONGEST_NAME} characters, without control characters"
    if _NOT_IN_A_NAME.search(name):
        return 'has a name with one of \\ / " < > : | ? *'
    if len(kind) > LONGEST_TYPE or not _TYPE.fullmatch(kind):
        return f"has a type that is not like application/pdf, with at most {LONGEST_TYPE} characters"
    if id_ is not None and (len(id_) > LONGEST_ID or not _ID.fullmatch(id_)):
        return f'has a content_id that is not 1 to {LONGEST_ID} characters of ASCII without spaces and < > "'
    return None
