"""Read the envelope of a mail from a request, and check its limits."""

from typing import NamedTuple

from simulators.ses import limits
from simulators.ses.errors import bad_request
from simulators.ses.mail import Envelope, Headers, Tags
from simulators.shared.fields import Json, take, take_all

_DESTINATION = ("ToAddresses", "CcAddresses", "BccAddresses")


class RequestFields(NamedTuple):
    """What a request says once for all of its mails. `sender` is empty if a raw message names it."""

    operation: str
    sender: str
    reply_to: tuple[str, ...]
    configuration_set: str | None
    tenant: str | None


class MailHead(NamedTuple):
    """The subject, headers and tags of a mail. `failure` is why its template cannot be rendered."""

    subject: str
    headers: Headers
    tags: Tags
    templated: bool = False
    failure: str | None = None


def request_fields(request: Json, operation: str) -> RequestFields:
    """Raise ApiError if an address or the name of the configuration set or of the tenant is wrong."""
    sender = take(request, "FromEmailAddress", str) or ""
    reply_to = tuple(take_all(request, "ReplyToAddresses", str))
    for address in (sender, *reply_to) if sender else reply_to:
        limits.check_address(address)
    configuration_set = take(request, "ConfigurationSetName", str)
    if configuration_set is not None:
        limits.check_configuration_set(configuration_set)
    tenant = take(request, "TenantName", str)
    if tenant is not None:
        limits.check_tenant(tenant)
    return RequestFields(operation, sender, reply_to, configuration_set, tenant)


def check_sender(shared: RequestFields) -> None:
    if not shared.sender:
        raise bad_request("Provide a From email address.")


def envelope(shared: RequestFields, destination: Json, head: MailHead) -> Envelope:
    """Raise ApiError if a limit is exceeded."""
    check_sender(shared)
    to, cc, bcc = (tuple(take_all(destination, kind, str)) for kind in _DESTINATION)
    limits.check_recipients(to + cc + bcc)
    limits.check_tags(head.tags)
    limits.check_subject(head.subject)
    return Envelope(
        shared.operation,
        shared.sender,
        to,
        cc,
        bcc,
        shared.reply_to,
        head.subject,
        head.headers,
        head.tags,
        shared.configuration_set,
        head.templated,
        head.failure,
        shared.tenant,
    )
