"""The attachments of a request, checked as SES does."""

import base64
import binascii
import re
from typing import NamedTuple

from simulators.ses.errors import bad_request
from simulators.ses.fields import need
from simulators.shared.errors import not_serializable
from simulators.shared.fields import Json, take, take_all

MAX_MESSAGE = 40 * 1024 * 1024
_DISPOSITIONS = ("ATTACHMENT", "INLINE")
_ENCODINGS = ("BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT")
_ENDINGS = """
ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib
lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh1xml msh2 msh2xml mshxml
msi msp mst ops pcd pif plg prf prg ps1 ps1xml ps2 ps2xml psc1 psc2 reg scf scr sct shb shs sys tmp url vb vbe
vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk
"""
_REFUSED = frozenset(_ENDINGS.split())
_ID = re.compile(r"[!-~]{1,78}")


class AttachedFile(NamedTuple):
    """The name of an attachment, and its bytes in base64 in the mail."""

    name: str
    size: int


def attachments(source: Json) -> list[AttachedFile]:
    """Return the attachments of a content. Raise ApiError if SES would refuse one."""
    return [_attached(each) for each in take_all(source, "Attachments", dict)]


def check_message_size(size: int) -> None:
    """`size`: bytes of the whole mail, as it is transferred."""
    if size > MAX_MESSAGE:
        raise bad_request(f"Message length is more than {MAX_MESSAGE} bytes long: '{size}'.")


def _attached(source: Json) -> AttachedFile:
    name = need(source, "FileName", str)
    try:
        content = base64.b64decode(need(source, "RawContent", str), validate=True)
    except binascii.Error as error:
        raise not_serializable(f"RawContent is not base64: {error}") from error
    if not 1 <= len(name) <= 255 or not name.isprintable():  # noqa: PLR2004
        raise bad_request("Illegal filename: 1 to 255 printable characters.")
    if name.rpartition(".")[2].lower() in _REFUSED and "." in name:
        raise bad_request(f"Illegal filename '{name}'.")
    _one_of(source, "ContentDisposition", _DISPOSITIONS)
    _one_of(source, "ContentTransferEncoding", _ENCODINGS)
    kind, id_ = take(source, "ContentType", str), take(source, "ContentId", str)
    if kind is not None and (not 1 <= len(kind) <= 78 or "/" not in kind):  # noqa: PLR2004
        raise bad_request(f"Invalid content type <{kind:.100}>.")
    if id_ is not None and not _ID.fullmatch(id_):
        raise bad_request(f"Invalid content id <{id_:.100}>.")
    return AttachedFile(name, -(-len(content) // 57) * 78)


def _one_of(source: Json, name: str, values: tuple[str, ...]) -> None:
    given = take(source, name, str)
    if given is not None and given not in values:
        raise bad_request(f"{name} must be one of {', '.join(values)}.")
