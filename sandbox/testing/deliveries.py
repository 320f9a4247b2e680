"""What a test sees of a delivery, and the end states that it asserts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from notifier.database.engine import Engine
from notifier.notifications import Status
from notifier.outbox.statements import statement

_READ = statement(__package__, "deliveries.sql")
OPEN = frozenset((Status.PENDING, Status.SENDING, Status.UNKNOWN))
"""The states in which something is still to happen."""
_ACCEPTED = frozenset((Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED))
"""The states after a provider accepted the message."""
_MAY_BE_ACCEPTED = OPEN | {Status.FAILED, Status.SUPPRESSED}
"""The states before or after that: SES accepts some mails and rejects them afterwards."""


@dataclass(frozen=True, slots=True)
class PlainDelivery:
    """The delivery of one notification."""

    id: UUID
    """The id of the notification."""
    route: str
    """The name of its route."""
    channel: str
    """Its channel."""
    status: str
    """`pending`, `sent`, `delivered`, `skipped`, ...: see docs/states.md."""
    recipient: str | None
    """The recipient's address; None before its message was built."""
    reason: str | None
    """Why it has its status."""
    attempt: int
    """The number of its last attempt; 0 before the first."""
    failures: int
    """How many attempts have failed."""
    next_attempt_at: datetime | None
    """When its route runs again. None if it does not wait."""


def read_deliveries(engine: Engine) -> list[PlainDelivery]:
    """Return all deliveries, in the order of their records."""
    with engine.connect() as connection:
        rows = sorted(connection.execute(_READ), key=lambda row: (int(row.sequence_number), row.route))
    return [
        PlainDelivery(
            row.notification_id,
            row.route,
            row.channel,
            Status(row.status).value,
            row.recipient,
            row.reason,
            row.attempt,
            row.failures,
            row.next_attempt_at,
        )
        for row in rows
    ]


def check_settled(
    deliveries: Sequence[PlainDelivery],
    accepted: Iterable[UUID],
    expected: Mapping[str, int],
    problems: Sequence[str],
) -> None:
    """Raise AssertionError, with a line for each delivery, unless everything has ended as `expected`.

    `accepted` has the id of each message that a provider accepted. `problems` are those found elsewhere.
    """
    found = Counter(each.status for each in deliveries)
    wrong = [*problems, *_differences(found, expected), *_miscounted(deliveries, Counter(accepted))]
    if wrong:
        raise AssertionError("\n".join([*wrong, *_listed(deliveries)]))


def _differences(found: Mapping[str, int], expected: Mapping[str, int]) -> Iterable[str]:
    known = [each.value for each in Status]
    for unknown in sorted(expected.keys() - set(known)):
        (near,) = get_close_matches(unknown, known, 1) or [""]
        meant = f"did you mean {near}?" if near else f"one of {', '.join(known)}"
        yield f"there is no status {unknown}: {meant}"
    for status in sorted(found.keys() | expected.keys()):
        count, wanted = found.get(status, 0), expected.get(status, 0)
        if expected and count != wanted:
            yield f"{status}: {count}, expected {wanted}"
        elif not expected and count and Status(status) in OPEN:
            yield f"{status}: {count}, expected 0, as everything is to end"


def _miscounted(deliveries: Sequence[PlainDelivery], accepted: Mapping[UUID, int]) -> Iterable[str]:
    """Yield a line for each delivery that was not accepted as often as its status says."""
    for each in deliveries:
        wanted, count = int(each.status in _ACCEPTED), accepted.get(each.id, 0)
        if count != wanted and not (each.status in _MAY_BE_ACCEPTED and count == 1):
            yield f"{each.id} is {each.status}, and its provider accepted {count} messages of it, not {wanted}"
    for id_ in accepted.keys() - {each.id for each in deliveries}:
        yield f"a provider accepted a message of {id_}, which is no notification"


def _listed(deliveries: Sequence[PlainDelivery]) -> Iterable[str]:
    for each in deliveries:
        waits = f", until {each.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC" if each.next_attempt_at else ""
        reason = f": {each.reason}" if each.reason else ""
        yield f"  {each.route} by {each.channel}: {each.status}{waits}{reason}"
