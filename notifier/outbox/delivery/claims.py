"""End the leases of attempts whose worker gave no answer in time. The relay runs this."""

from uuid import UUID

from sqlalchemy import Engine

from notifier.notifications import Status
from notifier.outbox.days import within
from notifier.outbox.delivery.results import apply_earlier_results
from notifier.outbox.delivery.worker_statements import UNKNOWN_AFTER_SECONDS
from notifier.outbox.publishing.due_scan import DueScan
from notifier.outbox.statements import statement

_ENDED_LEASES = statement(__package__, "ended_leases.sql")
_END_LEASES = statement(__package__, "end_leases.sql")


def end_leases(
    engine: Engine,
    limit: int = 100,
    unknown_after: float = UNKNOWN_AFTER_SECONDS,
    scan: DueScan | None = None,
) -> list[UUID]:
    """Sending → unknown for up to `limit` claims whose lease has ended; never back to pending. Return the ids.

    A delivery that an event has proved to be accepted becomes `sent` instead, or the result that further events
    report. One that has gone on to another channel since stays `sent`: what became of the message of the earlier
    channel says nothing of the attempt that was in progress. The route's policy for unknown outcomes applies after
    `unknown_after` seconds. `scan` is kept by the caller, so that a call does not read the index entries of claims
    that are deleted.
    """
    scan = scan or DueScan()
    with engine.begin() as connection:
        found = connection.execute(_ENDED_LEASES, {"limit": limit, "after": scan.start()}).all()
        ended = [(token, ids) for _, token, ids in found if token]
        if not ended:
            scan.finished(found[0][0], None)
            return []
        bounded = within(_END_LEASES, [id_ for _, ids in ended for id_ in ids])
        values = {"tokens": [token for token, _ in ended], "unknown_after": unknown_after}
        changed = connection.execute(bounded, values).all()
        if accepted_before := [id_ for id_, status, moved in changed if status == Status.SENT and not moved]:
            apply_earlier_results(connection, accepted_before)
        return [id_ for id_, _, _ in changed]
