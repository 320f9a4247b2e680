"""Mails to several addresses: those that are suppressed are left out, and the row says so. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from notifier.messages import Copies, with_recipients
from notifier.notifications import Status
from notifier.outbox import Change, Recipient
from workers.building.preparer import Prepared
from workers.building.recipients import further_of
from workers.sending_channel import SendingChannel

Barred = Callable[[Sequence[Recipient]], set[tuple[UUID, str]]]
"""Returns those of the recipients that are suppressed, by the id of the notification and their address."""


def without_barred(ready: Sequence[Prepared], channel: SendingChannel, barred: Barred) -> list[Prepared]:
    """Return them in their order, each mail with copies without its suppressed recipients.

    A mail whose every `to` is suppressed stays as it is: the attempt that begins with its first one is suppressed.
    """
    found = barred(
        [
            Recipient(each.due.id, channel.address(person), each.route.topic, each.route.transactional)
            for each in ready
            if each.further
            for person in Copies.of(each.request).all
        ]
    )
    return [_without(each, channel, found) for each in ready] if found else list(ready)


def further_recipients(ready: Sequence[Prepared]) -> int:
    """Return how many recipients the mails have beside one each."""
    return sum(len(Copies.of(each.request).all) - 1 for each in ready if each.further)


def with_left_out(prepared: Prepared, change: Change) -> Change:
    """Return the change with the number of recipients that were left out, if the mail was accepted."""
    if not prepared.left_out or change.to is not Status.SENT:
        return change
    count = prepared.left_out + len(Copies.of(prepared.request).all)
    return replace(change, reason=f"{prepared.left_out} of its {count} recipients are suppressed, and were left out")


def _without(prepared: Prepared, channel: SendingChannel, barred: set[tuple[UUID, str]]) -> Prepared:
    if not prepared.further:
        return prepared
    email = with_recipients(prepared.request, lambda each: (prepared.due.id, channel.address(each)) not in barred)
    if email is None:
        return prepared
    kept = Copies.of(email)
    left_out = len(Copies.of(prepared.request).all) - len(kept.all)
    address = channel.address(kept.to[0])
    further = further_of(channel, email, address)
    return replace(prepared, request=email, address=address, original="", further=further, left_out=left_out)
