"""The result of an accepted message, as the provider's events report it: delivered, bounced or complained.

Of several results the gravest counts: a complaint before a bounce before a delivery.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox.days import within
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


def apply_results(connection: Connection, fresh: Sequence[Feedback]) -> None:
    """Sent → delivered, bounced or complained, by new events; from one of these to a graver one, too."""
    if results := _gravest(fresh):
        values = {
            "ids": list(results),
            "to": [RESULTS[each.kind].value for each in results.values()],
            "details": [each.detail for each in results.values()],
        }
        connection.execute(within(_APPLY, results), values)


def apply_earlier_results(connection: Connection, ids: Sequence[UUID]) -> None:
    """Sent → delivered, bounced or complained, by the events that are stored already.

    An event that arrives while a later attempt is `sending` is stored, but changes no delivery in that status. So
    this is called when the attempt has ended.
    """
    values = {"ids": list(ids), "kinds": [kind.value for kind in RESULTS], "statuses": [*map(str, RESULTS.values())]}
    connection.execute(within(_APPLY_EARLIER, ids), values)


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
