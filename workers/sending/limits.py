"""The limits of routes, as the messages of a unit need them: whose places to take, and what becomes of the others."""

from collections.abc import Sequence

from notifier.notifications import Status
from notifier.outbox import Change, LimitedRecipient, OverLimit, Scheduled
from workers.building.preparer import Prepared
from workers.decide import over_limit


def limited_of(ready: Sequence[Prepared]) -> list[LimitedRecipient]:
    """Return what the outbox needs to count those whose route has a limit. Who a message was built for counts."""
    return [
        LimitedRecipient(
            each.due.id,
            limit.scope(each.due.route),
            each.original or each.address,
            limit.most,
            limit.per.total_seconds(),
        )
        for each in ready
        if (limit := each.route.at_most)
    ]


def changes_of(ready: Sequence[Prepared], over: Sequence[OverLimit]) -> list[Change]:
    """Return the changes of those that are beyond their limit."""
    by_id = {each.due.id: each for each in ready}
    found = ((by_id[each.id], each) for each in over)
    return [
        over_limit(prepared.due, limit, each, prepared.route.expires_after)
        for prepared, each in found
        if (limit := prepared.route.at_most)
    ]


def is_over_limit(change: Change) -> bool:
    """Return whether a change of a notification that was ready to be sent says that it is beyond its limit."""
    return change.to is Status.SKIPPED or isinstance(change, Scheduled)
