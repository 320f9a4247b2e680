"""What becomes of a mail after it was accepted, told from its address as SES's mailbox simulator does."""

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
    """One event to publish, about some recipients of one mail."""

    kind: EventKind
    fate: DeliveryResult
    recipients: Sequence[str]


# `delay`, `reject` and `renderingfailure` are ours: SES tells those from the network and the content.
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
    """`suppressed` holds addresses in lower case."""
    plain = bare(address).lower()
    if plain in suppressed:
        return DeliveryResult.SUPPRESSED
    local = plain.partition("@")[0].partition("+")[0]
    return _BY_LOCAL_PART.get(local, DeliveryResult.DELIVERED)


def first_delivery_result(envelope: Envelope, suppressed: Container[str]) -> DeliveryResult:
    """The fate of the first recipient: what a list shows in one word."""
    return DeliveryResult.NOT_RENDERED if envelope.failure else delivery_result(envelope.recipients[0], suppressed)


def mail_events(envelope: Envelope, suppressed: Container[str]) -> Iterator[MailEvent]:
    """The events of one mail in SES's order: Send for all, then one of each kind per fate.

    A suppressed recipient gets a Send too: it says "accepted", nothing more.
    """
    groups: dict[DeliveryResult, list[str]] = {}
    for recipient in envelope.recipients:
        groups.setdefault(delivery_result(recipient, suppressed), []).append(bare(recipient))
    if envelope.failure:
        groups = {DeliveryResult.NOT_RENDERED: list(map(bare, envelope.recipients))}
    if groups.keys() != {DeliveryResult.NOT_RENDERED}:
        yield MailEvent(EventKind.SEND, DeliveryResult.DELIVERED, envelope.recipients)
    for fate, recipients in groups.items():
        for kind in _EVENTS[fate]:
            yield MailEvent(kind, fate, recipients)
