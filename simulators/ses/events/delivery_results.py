"""What becomes of a mail after it was accepted, told from its address as SES's mailbox simulator does."""

from collections.abc import Container, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from simulators.ses.limits import bare
from simulators.ses.mail import Envelope


class Fate(StrEnum):
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


class Happening(NamedTuple):
    """One event to publish, about some recipients of one mail."""

    kind: EventKind
    fate: Fate
    recipients: Sequence[str]


# `delay`, `reject` and `renderingfailure` are ours: SES tells those from the network and the content.
_BY_LOCAL_PART: Mapping[str, Fate] = {
    "bounce": Fate.BOUNCED,
    "complaint": Fate.COMPLAINED,
    "delay": Fate.DELAYED,
    "ooto": Fate.OUT_OF_OFFICE,
    "reject": Fate.REJECTED,
    "renderingfailure": Fate.NOT_RENDERED,
    "suppressionlist": Fate.GLOBALLY_SUPPRESSED,
}

_EVENTS: Mapping[Fate, tuple[EventKind, ...]] = {
    Fate.DELIVERED: (EventKind.DELIVERY,),
    Fate.BOUNCED: (EventKind.BOUNCE,),
    Fate.COMPLAINED: (EventKind.DELIVERY, EventKind.COMPLAINT),
    Fate.REJECTED: (EventKind.REJECT,),
    Fate.SUPPRESSED: (EventKind.BOUNCE,),
    Fate.GLOBALLY_SUPPRESSED: (EventKind.BOUNCE,),
    Fate.NOT_RENDERED: (EventKind.RENDERING_FAILURE,),
    Fate.OUT_OF_OFFICE: (EventKind.DELIVERY, EventKind.BOUNCE),  # a bounce is what SES calls the answering machine
    Fate.DELAYED: (EventKind.DELIVERY_DELAY, EventKind.DELIVERY),
}


def fate_of(address: str, suppressed: Container[str]) -> Fate:
    """`suppressed` holds addresses in lower case."""
    plain = bare(address).lower()
    if plain in suppressed:
        return Fate.SUPPRESSED
    local = plain.partition("@")[0].partition("+")[0]
    return _BY_LOCAL_PART.get(local, Fate.DELIVERED)


def mail_fate(envelope: Envelope, suppressed: Container[str]) -> Fate:
    """The fate of the first recipient: what a list shows in one word."""
    return Fate.NOT_RENDERED if envelope.failure else fate_of(envelope.recipients[0], suppressed)


def happenings(envelope: Envelope, suppressed: Container[str]) -> Iterator[Happening]:
    """The events of one mail in SES's order: Send for all, then one of each kind per fate.

    A suppressed recipient gets a Send too: it says "accepted", nothing more.
    """
    groups: dict[Fate, list[str]] = {}
    for recipient in envelope.recipients:
        groups.setdefault(fate_of(recipient, suppressed), []).append(bare(recipient))
    if envelope.failure:
        groups = {Fate.NOT_RENDERED: list(map(bare, envelope.recipients))}
    if groups.keys() != {Fate.NOT_RENDERED}:
        yield Happening(EventKind.SEND, Fate.DELIVERED, envelope.recipients)
    for fate, recipients in groups.items():
        for kind in _EVENTS[fate]:
            yield Happening(kind, fate, recipients)
