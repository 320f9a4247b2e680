"""Attempts whose answer was lost, at their deadline: what the route wants is done, and only on evidence.

A missing event proves nothing by itself. It counts only while events are known to flow: the queue was empty after the
deadline, and since then the `Send` event of a message of ours that left later has come. While the queue also brings
events of notifications that are not in this database, events of ours may reach somebody else: then it never counts.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.notifications import created_ms
from notifier.outbox.days import within
from notifier.outbox.feedback.unmatched import OLDEST_ID

_MARGIN_SECONDS = 5.0
"""The provider's clock and ours differ; an event must be of a message that surely left later."""

_LOOK_AGAIN_SECONDS = 30.0
_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class OverdueAttempt:
    """A delivery whose outcome is unknown, at its deadline. `age` is the seconds since its event, `waited` the
    seconds since a bridge with its route could first have decided, as far as those without it have seen.

    `flowing`: events are known to flow, so that none of this one is evidence.
    """

    id: UUID
    channel: str
    route: str
    attempt: int
    failures: int
    age: float
    flowing: bool
    waited: float = 0.0


class OverdueAction(Enum):
    RESEND = "resend"
    DROP = "drop"
    HOLD = "hold"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """`for_route`, of a WAIT: a bridge that has its route could decide now."""

    action: OverdueAction
    reason: str
    for_route: bool = False


# A transaction of its own: no other bridge looks at these for a while, and no lock is kept.
_TAKE_OVERDUE = text("""
UPDATE due SET due_at = now() + make_interval(secs => :look_again)
WHERE notification_id IN (
  SELECT notification_id FROM due WHERE kind = 'unknown' AND due_at <= now()
  ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING notification_id
""")

# Deliveries first, then their due rows, as in every other statement: feedback that settles the same ones would
# otherwise wait for us, and we for it.
_LOCK = text("""
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND d.status = 'unknown'
ORDER BY d.notification_id FOR UPDATE
""")

# A statement of its own: it sees what whoever held the rows before has written.
_TAKE = text(f"""
SELECT u.notification_id, u.channel, n.route, d.attempt, d.failures,
       extract(epoch FROM now())::float8,
       coalesce(c.drained_at > d.begun_at + make_interval(secs => :unknown_after)
                AND c.events_sent_until > d.begun_at + make_interval(secs => :margin), false)
       AND NOT EXISTS (
         SELECT FROM unmatched_feedback f
         WHERE f.look_at IS NOT NULL AND f.received_at > d.begun_at AND f.notification_id >= {OLDEST_ID}
       ),
       CASE WHEN u.routeless_since > d.begun_at THEN extract(epoch FROM now() - u.routeless_since)::float8
            ELSE 0.0 END
FROM due u
JOIN deliveries d ON d.notification_id = u.notification_id AND in_days(d.notification_id)
JOIN notifications n ON n.notification_id = u.notification_id AND in_days(n.notification_id)
LEFT JOIN channel_events c ON c.channel = u.channel
WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.kind = 'unknown'
ORDER BY u.notification_id
""")  # noqa: S608  a constant

_SETTLE = text("""
WITH verdict AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:to AS delivery_status[]), CAST(:reasons AS text[])
  ) AS verdict (id, attempt, status, reason)
), changed AS (
  UPDATE deliveries d SET
    status = verdict.status, reason = verdict.reason, failures = d.failures + 1,
    next_attempt_at = CASE verdict.status WHEN 'pending' THEN now() END
  FROM verdict
  WHERE d.notification_id = verdict.id AND in_days(d.notification_id) AND d.attempt = verdict.attempt
    AND (verdict.id IS NULL OR d.status = 'unknown')
  RETURNING d.notification_id, d.status, d.attempt, d.reason
), again AS (
  UPDATE due SET kind = 'retry', due_at = now() FROM changed
  WHERE due.notification_id = changed.notification_id AND changed.status = 'pending'
), done AS (
  DELETE FROM due USING changed WHERE due.notification_id = changed.notification_id AND changed.status <> 'pending'
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason)
  SELECT notification_id, 'unknown', status, attempt, 'relay', reason FROM changed
)
SELECT count(*) FROM changed
""")

_HOLD = text("UPDATE due SET kind = 'held' WHERE notification_id = ANY(CAST(:ids AS uuid[]))")

_WAIT = text("""
UPDATE due SET
  due_at = now() + make_interval(secs => waiting.seconds),
  routeless_since = now() - make_interval(secs => waiting.routeless)
FROM unnest(CAST(:ids AS uuid[]), CAST(:seconds AS float8[]), CAST(:routeless AS float8[]))
     AS waiting (id, seconds, routeless)
WHERE notification_id = waiting.id
""")

_TO = {OverdueAction.RESEND: "pending", OverdueAction.DROP: "failed"}


class Unknowns:
    """The deadlines of unknown outcomes. `unknown_after` is what a delivery event has to come, in seconds."""

    def __init__(self, engine: Engine, unknown_after: float) -> None:
        self._engine = engine
        self._unknown_after = unknown_after

    def settle(self, decide: Callable[[OverdueAttempt], Decision], limit: int = 500) -> dict[OverdueAction, int]:
        """Decide about those whose deadline has come, and do it; answers how many there were of each kind.

        In all bridges at once: each unknown is one bridge's. One that dies in between leaves its unknowns to the
        others after a while.
        """
        decided: dict[OverdueAction, list[tuple[OverdueAttempt, Decision]]] = {each: [] for each in OverdueAction}
        with self._engine.begin() as connection:
            values = {"limit": limit, "look_again": _LOOK_AGAIN_SECONDS}
            overdue = list(connection.execute(_TAKE_OVERDUE, values).scalars())
        if not overdue:
            return dict.fromkeys(OverdueAction, 0)
        with self._engine.begin() as connection:
            for unknown in self._locked(connection, overdue):
                verdict = decide(unknown)
                decided[verdict.action].append((unknown, verdict))
            _write(connection, decided[OverdueAction.RESEND] + decided[OverdueAction.DROP])
            if held := _ids(decided[OverdueAction.HOLD]):
                connection.execute(_HOLD, {"ids": held})
            if waiting := decided[OverdueAction.WAIT]:
                _wait(connection, waiting, min(_WAIT_SECONDS, self._unknown_after))
        return {each: len(found) for each, found in decided.items()}

    def _locked(self, connection: Connection, overdue: Sequence[UUID]) -> list[OverdueAttempt]:
        """Those that are still unknown."""
        locked = list(connection.execute(within(_LOCK, overdue), {"ids": overdue}).scalars())
        margin = min(_MARGIN_SECONDS, self._unknown_after)
        values = {"ids": locked, "unknown_after": self._unknown_after, "margin": margin}
        return [
            OverdueAttempt(id_, channel, route, attempt, failures, now - created_ms(id_) / 1000, flowing, waited)
            for id_, channel, route, attempt, failures, now, flowing, waited in connection.execute(
                within(_TAKE, locked), values
            )
        ]


def _write(connection: Connection, decided: Sequence[tuple[OverdueAttempt, Decision]]) -> None:
    if not decided:
        return
    ordered = sorted(decided, key=lambda each: each[0].id)
    connection.execute(
        within(_SETTLE, _ids(ordered)),
        {
            "ids": [unknown.id for unknown, _ in ordered],
            "attempts": [unknown.attempt for unknown, _ in ordered],
            "to": [_TO[verdict.action] for _, verdict in ordered],
            "reasons": [verdict.reason for _, verdict in ordered],
        },
    )


def _wait(connection: Connection, waiting: Sequence[tuple[OverdueAttempt, Decision]], seconds: float) -> None:
    """Those that wait for a bridge with their route are due again soon at first, and at a random time: always at the
    same one, this bridge might always be the one that takes them.
    """
    values = {
        "ids": _ids(waiting),
        "seconds": [
            random.uniform(0.5, 1.5) * min(_WAIT_SECONDS, max(1.0, unknown.waited))  # noqa: S311  no secret
            if verdict.for_route
            else seconds
            for unknown, verdict in waiting
        ],
        "routeless": [unknown.waited if verdict.for_route else None for unknown, verdict in waiting],
    }
    connection.execute(_WAIT, values)


def _ids(decided: Sequence[tuple[OverdueAttempt, Decision]]) -> list[UUID]:
    return [unknown.id for unknown, _ in decided]
