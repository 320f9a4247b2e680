"""Read a raw MIME message: those parts of it that the simulator shows and counts."""

import email
import email.policy
from collections.abc import Mapping
from email.message import EmailMessage
from typing import NamedTuple

from simulators.ses.errors import bad_request
from simulators.ses.mail import Content, Headers, Tags

_OWN_HEADERS = ("x-ses-configuration-set", "x-ses-message-tags")


class RawMessage(NamedTuple):
    sender: str
    destination: Mapping[str, list[str]]
    subject: str
    headers: Headers
    tags: Tags
    configuration_set: str | None
    content: Content


def parse(source: bytes) -> RawMessage:
    """Raise ApiError if it is not a MIME message."""
    try:
        return _parse(source)
    except (LookupError, ValueError) as error:
        raise bad_request(f"Raw.Data cannot be read: {error}") from error


def _parse(source: bytes) -> RawMessage:
    message = email.message_from_bytes(source, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise bad_request("Raw.Data is not a MIME message.")
    headers = tuple((name, str(value)) for name, value in message.items())
    return RawMessage(
        sender=str(message.get("From", "")),
        destination={
            "ToAddresses": _addresses(message, "To"),
            "CcAddresses": _addresses(message, "Cc"),
            "BccAddresses": _addresses(message, "Bcc"),
        },
        subject=str(message.get("Subject", "")),
        headers=tuple(pair for pair in headers if pair[0].lower() not in _OWN_HEADERS),
        tags=_tags(str(message.get("X-SES-MESSAGE-TAGS", ""))),
        configuration_set=message.get("X-SES-CONFIGURATION-SET"),
        content=Content(
            _body(message, "plain"),
            _body(message, "html"),
            tuple(part.get_filename() or "attachment" for part in message.iter_attachments()),
        ),
    )


def _addresses(message: EmailMessage, name: str) -> list[str]:
    header = message.get(name)
    return [] if header is None else [address.addr_spec for address in header.addresses]


def _tags(header: str) -> Tags:
    """`name=value, name=value`, as in the header X-SES-MESSAGE-TAGS."""
    split = (tag.partition("=") for tag in header.split(",") if tag.strip())
    return tuple((name.strip(), value.strip()) for name, _, value in split)


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else str(part.get_content())
