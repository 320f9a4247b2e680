"""What happens to a mail after it was accepted: the address decides, as in the mailbox simulator of SES."""

from collections.abc import Container, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from simulators.ses.limits import bare
from simulators.ses.mail import Envelope


class DeliveryResult(StrEnum):
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    GLOBALLY_SUPPRESSED = "globally suppressed"
    NOT_RENDERED = "not rendered"
    OUT_OF_OFFICE = "out of office"
    DELAYED = "delayed"


class EventKind(StrEnum):
    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    RENDERING_FAILURE = "Rendering Failure"
    DELIVERY_DELAY = "DeliveryDelay"


class MailEvent(NamedTuple):
    """One event to publish, about some or all recipients of one mail."""

    kind: EventKind
    result: DeliveryResult
    recipients: Sequence[str]


# `delay`, `reject` and `renderingfailure` do not exist in SES, where they depend on the network and the content.
_BY_LOCAL_PART: Mapping[str, DeliveryResult] = {
    "bounce": DeliveryResult.BOUNCED,
    "complaint": DeliveryResult.COMPLAINED,
    "delay": DeliveryResult.DELAYED,
    "ooto": DeliveryResult.OUT_OF_OFFICE,
    "reject": DeliveryResult.REJECTED,
    "renderingfailure": DeliveryResult.NOT_RENDERED,
    "suppressionlist": DeliveryResult.GLOBALLY_SUPPRESSED,
}

_EVENTS: Mapping[DeliveryResult, tuple[EventKind, ...]] = {
    DeliveryResult.DELIVERED: (EventKind.DELIVERY,),
    DeliveryResult.BOUNCED: (EventKind.BOUNCE,),
    DeliveryResult.COMPLAINED: (EventKind.DELIVERY, EventKind.COMPLAINT),
    DeliveryResult.REJECTED: (EventKind.REJECT,),
    DeliveryResult.SUPPRESSED: (EventKind.BOUNCE,),
    DeliveryResult.GLOBALLY_SUPPRESSED: (EventKind.BOUNCE,),
    DeliveryResult.NOT_RENDERED: (EventKind.RENDERING_FAILURE,),
    DeliveryResult.OUT_OF_OFFICE: (
        EventKind.DELIVERY,
        EventKind.BOUNCE,
    ),  # a bounce is what SES calls the answering machine
    DeliveryResult.DELAYED: (EventKind.DELIVERY_DELAY, EventKind.DELIVERY),
}


def delivery_result(address: str, suppressed: Container[str]) -> DeliveryResult:
    """Return the result for one recipient. `suppressed` holds addresses in lower case."""
    plain = bare(address).lower()
    if plain in suppressed:
        return DeliveryResult.SUPPRESSED
    local = plain.partition("@")[0].partition("+")[0]
    return _BY_LOCAL_PART.get(local, DeliveryResult.DELIVERED)


def first_delivery_result(envelope: Envelope, suppressed: Container[str]) -> DeliveryResult:
    """Return the result for the first recipient: what the inbox shows."""
    return DeliveryResult.NOT_RENDERED if envelope.failure else delivery_result(envelope.recipients[0], suppressed)


def mail_events(envelope: Envelope, suppressed: Container[str]) -> Iterator[MailEvent]:
    """Yield the events of one mail in the order of SES: Send for all recipients, then one of each kind per result.

    A suppressed recipient is in Send, too: Send means only that the mail was accepted.
    """
    groups: dict[DeliveryResult, list[str]] = {}
    for recipient in envelope.recipients:
        groups.setdefault(delivery_result(recipient, suppressed), []).append(bare(recipient))
    if envelope.failure:
        groups = {DeliveryResult.NOT_RENDERED: list(map(bare, envelope.recipients))}
    if groups.keys() != {DeliveryResult.NOT_RENDERED}:
        yield MailEvent(EventKind.SEND, DeliveryResult.DELIVERED, envelope.recipients)
    for result, recipients in groups.items():
        for kind in _EVENTS[result]:
            yield MailEvent(kind, result, recipients)
