"""The result of an accepted message, as the provider's events report it: delivered, bounced or complained.

Of several results the gravest counts: a complaint before a bounce before a delivery.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox.days import within
from notifier.outbox.delivery.changes import Change
from notifier.outbox.statements import statement

RESULTS: Mapping[FeedbackKind, Status] = {
    FeedbackKind.DELIVERY: Status.DELIVERED,
    FeedbackKind.BOUNCE: Status.BOUNCED,
    FeedbackKind.SUPPRESSED: Status.BOUNCED,
    FeedbackKind.REJECT: Status.BOUNCED,
    FeedbackKind.RENDERING_FAILURE: Status.BOUNCED,
    FeedbackKind.COMPLAINT: Status.COMPLAINED,
}

_GRAVITY = {Status.DELIVERED: 1, Status.BOUNCED: 2, Status.COMPLAINED: 3}

_APPLY = statement(__package__, "apply_results.sql")
_APPLY_EARLIER = statement(__package__, "apply_earlier_results.sql")
_TAKE_OVER = statement(__package__, "take_over.sql")


def apply_results(connection: Connection, channel: str, fresh: Sequence[Feedback]) -> None:
    """Sent → delivered, bounced or complained, by new events of a channel; from one of these to a graver one, too."""
    if results := _gravest(fresh):
        values = {
            "ids": list(results),
            "to": [RESULTS[each.kind].value for each in results.values()],
            "details": [each.detail for each in results.values()],
            "message_ids": [each.message_id for each in results.values()],
            "channel": channel,
        }
        connection.execute(within(_APPLY, results), values)


def apply_earlier_results(connection: Connection, ids: Sequence[UUID]) -> None:
    """Sent → delivered, bounced or complained, by the events that are stored already.

    An event that arrives while a later attempt is `sending` is stored, but changes no delivery in that status. So
    this is called when the attempt has ended.
    """
    values = {"ids": list(ids), "kinds": [kind.value for kind in RESULTS], "statuses": [*map(str, RESULTS.values())]}
    connection.execute(within(_APPLY_EARLIER, ids), values)


def take_over(connection: Connection, token: UUID | None, changes: Sequence[Change]) -> None:
    """Let those that were accepted, and have gone on to another channel, name the message of this token's attempt if
    it is their last one. To be called before `apply_earlier_results`, or the bounce of a message on an earlier
    channel would count for this one.
    """
    accepted = [each for each in changes if each.to is Status.SENT and each.message_id]
    if accepted:
        ids, message_ids = [each.id for each in accepted], [each.message_id for each in accepted]
        values = {"token": token, "ids": ids, "message_ids": message_ids}
        connection.execute(within(_TAKE_OVER, ids), values)


def _gravest(fresh: Sequence[Feedback]) -> dict[UUID, Feedback]:
    """Return for each notification the event with the gravest result, in order of the ids."""
    gravest: dict[UUID, Feedback] = {}
    for each in fresh:
        if each.kind not in RESULTS or each.notification_id is None:
            continue
        known = gravest.get(each.notification_id)
        if known is None or _GRAVITY[RESULTS[each.kind]] > _GRAVITY[RESULTS[known.kind]]:
            gravest[each.notification_id] = each
    return dict(sorted(gravest.items()))
