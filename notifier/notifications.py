"""What a notification is: its identity, and the states of its delivery."""

import hashlib
from enum import StrEnum
from uuid import UUID

_VERSION_8 = 8 << 76  # RFC 9562: a layout of our own
_VARIANT = 0b10 << 62
_CLEAR = ~((0xF << 76) | (0b11 << 62))


def notification_id(stream_arn: str, shard_id: str, sequence_number: str, route: str, created_ms: int) -> UUID:
    """Return the id of the notification that `route` makes of a stream record.

    It depends on nothing else, so that a record that is read again gets the same id: 48 bits of its creation time in
    Unix milliseconds, then a hash. It is the primary key, the Celery task id and the provider's tag.
    """
    name = f"{stream_arn}\0{shard_id}\0{sequence_number}\0{route}".encode()
    digest = int.from_bytes(hashlib.blake2b(name, digest_size=10).digest(), "big")
    return UUID(int=((created_ms << 80) | digest) & _CLEAR | _VERSION_8 | _VARIANT)


def first_id(created_ms: int) -> UUID:
    """Return the smallest id of a millisecond: the bound of a partition."""
    return UUID(int=created_ms << 80)


def created_ms(notification: UUID) -> int:
    """Return the Unix milliseconds of the record's creation, which the id contains."""
    return notification.int >> 80


class Status(StrEnum):
    """The state of the delivery of a notification."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SHADOWED = "shadowed"
    MERGED = "merged"


_EVIDENCE = "a delivery event, or a late answer: the provider had accepted after all"

TRANSITIONS: dict[tuple[Status, Status], str] = {
    (Status.PENDING, Status.SENDING): "begin",
    (
        Status.PENDING,
        Status.PENDING,
    ): "the route or its template failed, it returned Later, or its limit is used up: tried again later; or brought "
    "forward; or nothing is sent on this channel, and the route names a next one",
    (Status.PENDING, Status.FAILED): "the route or its template failed too often, or for too long",
    (
        Status.PENDING,
        Status.SKIPPED,
    ): "the route returned no message, a setting allows none to this recipient, or the limit of the route is used up",
    (Status.PENDING, Status.SUPPRESSED): "the recipient is suppressed or opted out",
    (Status.PENDING, Status.EXPIRED): "too old for its route",
    (Status.PENDING, Status.CANCELLED): "cancelled by the operator",
    (Status.PENDING, Status.SHADOWED): "in shadow: built, and not sent",
    (Status.PENDING, Status.MERGED): "digest: its event is in the message of another notification, its leader",
    (
        Status.SENDING,
        Status.SENT,
    ): "the provider accepted: its answer, or a delivery event of an attempt with this number",
    (Status.SENDING, Status.PENDING): "known not accepted; tried again later, or on the next channel of its route",
    (Status.SENDING, Status.FAILED): "refused for good, or attempts used up",
    (Status.SENDING, Status.UNKNOWN): "the answer was lost, or the lease ended",
    (Status.UNKNOWN, Status.SENT): "a delivery event, a late answer, or the operator",
    (Status.UNKNOWN, Status.PENDING): "the route's policy, the operator, or the late answer: not accepted",
    (Status.UNKNOWN, Status.FAILED): "the route's policy, the operator, or the late answer: refused",
    (Status.SENT, Status.DELIVERED): "delivery event",
    (Status.SENT, Status.BOUNCED): "delivery event",
    (Status.SENT, Status.COMPLAINED): "delivery event",
    (Status.DELIVERED, Status.BOUNCED): "delivery event: bounced after it had been delivered",
    (Status.DELIVERED, Status.COMPLAINED): "delivery event",
    (Status.BOUNCED, Status.COMPLAINED): "delivery event",
    (Status.FAILED, Status.PENDING): "redrive by the operator",
    (Status.SHADOWED, Status.PENDING): "redrive by the operator, who names shadowed ones",
    (
        Status.MERGED,
        Status.PENDING,
    ): "digest: its leader ends after an attempt that is known not accepted; collected anew",
    **{
        (status, Status.SENT): _EVIDENCE
        for status in (
            Status.PENDING,
            Status.FAILED,
            Status.SKIPPED,
            Status.SUPPRESSED,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.SHADOWED,
            Status.MERGED,
        )
    },
}
"""Every change of status that the operations of the outbox make, with its reason. They make no other."""
