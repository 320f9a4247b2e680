"""A file in an email: its bytes, or where the worker finds them. Pure."""

import mimetypes
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from notifier.errors import RoutesError

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.{1,1024})", re.DOTALL)
UNKNOWN_TYPE = "application/octet-stream"
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
"""Types of compressed files by what `mimetypes` calls the compression: it names the type of what is inside."""


class S3Object(NamedTuple):
    """Where an object is in Amazon S3. `version` is empty for the newest."""

    bucket: str
    key: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an `Email`: either its bytes in `content`, or its place in `s3`, from where the worker reads it.

        Attachment("invoice.pdf", s3="s3://shop-invoices/2026/17.pdf")
        Attachment("logo.png", content=LOGO, content_id="logo")  # in the template: <img src="cid:logo" alt="Shop">

    Raise RoutesError with neither or both, for content that is no bytes, and for a place that is not `s3://BUCKET/KEY`.
    """

    name: str
    """The file's name, as the recipient sees it. Its ending gives the type, unless `type` is set."""
    content: bytes | None = field(default=None, repr=False)
    """The bytes. The limit of memory counts them only once the function has returned: use `s3` for large files."""
    s3: str | None = field(default=None, repr=False)
    """`s3://BUCKET/KEY`. The worker reads the object before each attempt; it needs `s3:GetObject`, for a version
    `s3:GetObjectVersion`.
    """
    version: str | None = None
    """The version of the object. None: the newest at the time of the attempt."""
    type: str | None = None
    """The type, `application/pdf`. None: by the ending of the name."""
    content_id: str | None = None
    """Shows an image within the text: the template has `<img src="cid:logo">` for `content_id="logo"`."""

    def __post_init__(self) -> None:
        if (self.content is None) == (self.s3 is None):
            raise RoutesError(
                f"an Attachment has either content= or s3=, not {'neither' if self.s3 is None else 'both'}"
            )
        if self.content is None:
            s3_object(self)
        elif not isinstance(self.content, bytes):
            raise RoutesError(f"the content of an Attachment is bytes, not {type(self.content).__name__}")

    @property
    def media_type(self) -> str:
        """Return the type that is sent."""
        inside, compression = mimetypes.guess_type(self.name)
        found = _COMPRESSED.get(compression) if compression else inside
        return self.type or found or UNKNOWN_TYPE


def s3_object(attachment: Attachment) -> S3Object:
    """Return where the file is. Raise RoutesError, without the place, if `s3` is not `s3://BUCKET/KEY`."""
    found = _S3.fullmatch(attachment.s3) if isinstance(attachment.s3, str) else None
    if not found:
        raise RoutesError("the s3= of an Attachment is not s3://BUCKET/KEY")
    return S3Object(found[1], found[2], attachment.version or "")
