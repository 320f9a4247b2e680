"""Attachments as SES takes them: which files, how large, and their parameters of SendEmail. Pure."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from notifier.errors import Unsendable
from notifier.mail import Attachment
from notifier.messages import Email, EmailContent
from workers.channels.attachments import File, check_attachments

MAX_MESSAGE = 40 * 1024 * 1024
"""Bytes of a whole mail by SendEmail, as it is transferred: attachments are a third longer there."""
_HEAD = 20_000
"""Bytes for the headers of a mail and of its parts."""
_OF_A_LINE, _LINE = 57, 78
"""Bytes of a file in a line of base64, and bytes of that line."""

_ENDINGS = """
ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib
lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh1xml msh2 msh2xml mshxml
msi msp mst ops pcd pif plg prf prg ps1 ps1xml ps2 ps2xml psc1 psc2 reg scf scr sct shb shs sys tmp url vb vbe
vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk
"""
FORBIDDEN = frozenset(_ENDINGS.split())
"""Endings of files that SES refuses."""


def check_ses_attachments(email: Email, content: EmailContent) -> None:
    """Raise Unsendable for an attachment that SES refuses, or if the whole mail is too large."""
    files = check_attachments(email)
    for each in files:
        _, dot, ending = each.name.strip().rpartition(".")
        if dot and ending.lower() in FORBIDDEN:
            raise Unsendable(f"SES takes no attachment whose name ends with .{ending.lower()}")
    size = _HEAD + sum(map(_wire_size, _parts(files, content)))
    if size > MAX_MESSAGE:
        raise Unsendable(
            f"the mail would have {size:,} bytes with its attachments in base64; SES takes {MAX_MESSAGE:,}: "
            "send a link instead"
        )


def attachment_parameter(file: File) -> dict[str, Any]:
    """Return one of the parameter `Attachments`."""
    given = {
        "RawContent": b64encode(file.content).decode(),
        "FileName": file.name,
        "ContentType": file.media_type,
        "ContentDisposition": "INLINE" if file.content_id else "ATTACHMENT",
        "ContentTransferEncoding": "BASE64",
    }
    return given | {"ContentId": file.content_id} if file.content_id else given


def _parts(files: Iterable[Attachment], content: EmailContent) -> Iterator[int]:
    """Yield the bytes of each part of the mail."""
    yield len(content.text.encode())
    yield len((content.html or "").encode())
    for each in files:
        yield len(each.content or b"")


def _wire_size(size: int) -> int:
    return -(-size // _OF_A_LINE) * _LINE
