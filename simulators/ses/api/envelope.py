"""The envelope of a mail, read from a request, with its limits checked."""

from typing import NamedTuple

from simulators.ses import limits
from simulators.ses.errors import bad_request
from simulators.ses.fields import Json, need, take, take_all
from simulators.ses.mail import Envelope, Headers, Tags

_DESTINATION = ("ToAddresses", "CcAddresses", "BccAddresses")


class RequestFields(NamedTuple):
    """What a request says once, for all of its recipients."""

    operation: str
    sender: str
    reply_to: tuple[str, ...]
    configuration_set: str | None


class MailHead(NamedTuple):
    """What a mail says about itself, plain or filled in from a template."""

    subject: str
    headers: Headers
    tags: Tags
    templated: bool = False
    failure: str | None = None


def common(request: Json, operation: str) -> RequestFields:
    """`sender` is empty where a raw message has to name it."""
    sender = take(request, "FromEmailAddress", str) or ""
    reply_to = tuple(take_all(request, "ReplyToAddresses", str))
    for address in (sender, *reply_to) if sender else reply_to:
        limits.check_address(address)
    configuration_set = take(request, "ConfigurationSetName", str)
    if configuration_set is not None:
        limits.check_configuration_set(configuration_set)
    return RequestFields(operation, sender, reply_to, configuration_set)


def check_sender(shared: RequestFields) -> None:
    if not shared.sender:
        raise bad_request("Provide a From email address.")


def envelope(shared: RequestFields, destination: Json, title: MailHead) -> Envelope:
    check_sender(shared)
    to, cc, bcc = (tuple(take_all(destination, kind, str)) for kind in _DESTINATION)
    limits.check_recipients(to + cc + bcc)
    limits.check_tags(title.tags)
    limits.check_subject(title.subject)
    return Envelope(
        shared.operation,
        shared.sender,
        to,
        cc,
        bcc,
        shared.reply_to,
        title.subject,
        title.headers,
        title.tags,
        shared.configuration_set,
        title.templated,
        title.failure,
    )


def pairs(source: Json, name: str) -> tuple[tuple[str, str], ...]:
    """A list of {"Name", "Value"}, in order: headers or tags."""
    return tuple((need(item, "Name", str), need(item, "Value", str)) for item in take_all(source, name, dict))


def attachments(part: Json) -> tuple[str, ...]:
    """Their file names."""
    return tuple(need(item, "FileName", str) for item in take_all(part, "Attachments", dict))
