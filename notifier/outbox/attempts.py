"""Attempts to send: load, begin, finish. What a worker writes.

An attempt belongs to a token, which only its worker knows. Begin commits the intent before the request leaves, so
that whoever comes later finds `sending` and keeps its hands off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from notifier.notifications import Status
from notifier.outbox.claims import UNKNOWN_DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class Work:
    """A notification that is pending and due."""

    id: UUID
    route: str
    table: str
    record: bytes
    failures: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that is ours: its request may leave now. `attempt` counts from 1."""

    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a delivery. `delay` is seconds until the next attempt, for a change to pending."""

    id: UUID
    to: Status
    failed: bool = False
    delay: float | None = None
    message_id: str | None = None
    reason: str | None = None
    detail: str | None = None


_LOAD = text("""
SELECT n.notification_id, n.route, n.table_name, n.record, d.failures
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND d.status = 'pending'
  AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
""")

# Idempotent for its token: where the answer to the commit was lost, the same call finds what it began.
_BEGIN = text("""
WITH begun AS (
  UPDATE deliveries d SET
    status = 'sending', token = :token, attempt = d.attempt + (d.status = 'pending')::int,
    recipient = wanted.recipient, begun_at = now(), ended_at = NULL, next_attempt_at = NULL
  FROM unnest(CAST(:ids AS uuid[]), CAST(:recipients AS text[])) AS wanted (id, recipient)
  WHERE d.notification_id = wanted.id
    AND (d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
         OR d.status = 'sending' AND d.token = :token)
  RETURNING d.notification_id, d.attempt
), claim AS (
  INSERT INTO claims (token, channel, worker, notification_ids, lease_until)
  SELECT :token, :channel, :worker, array_agg(notification_id), now() + make_interval(secs => :lease)
  FROM begun HAVING count(*) > 0
  ON CONFLICT (token) DO NOTHING
)
SELECT notification_id, attempt FROM begun
""")


def _change(guard: str, then: str = "", quiet: str = "'sent', 'skipped'") -> TextClause:
    """The statement that applies changes to deliveries in the one status that `guard` names.

    `quiet` statuses write no event: the row itself says enough. `then` is one more part of the statement.
    """
    return text(f"""
WITH change AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:to AS delivery_status[]), CAST(:failed AS int[]), CAST(:delays AS float8[]),
    CAST(:message_ids AS text[]), CAST(:reasons AS text[]), CAST(:details AS text[])
  ) AS change (id, status, failed, delay, message_id, reason, detail)
), changed AS (
  UPDATE deliveries d SET
    status = change.status, failures = d.failures + change.failed, ended_at = now(), reason = change.reason,
    provider_message_id = coalesce(change.message_id, d.provider_message_id),
    next_attempt_at = CASE change.status WHEN 'pending' THEN now() + make_interval(secs => change.delay) END
  FROM change
  WHERE d.notification_id = change.id AND {guard}
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.next_attempt_at, change.reason, change.detail
), attention AS (
  INSERT INTO due (notification_id, kind, channel, due_at)
  SELECT notification_id, CASE status WHEN 'pending' THEN 'retry' ELSE 'unknown' END, :channel,
         coalesce(next_attempt_at, now() + make_interval(secs => :deadline))
  FROM changed WHERE status IN ('pending', 'unknown')
  ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, detail, begun_at)
  SELECT notification_id, CAST(:from AS delivery_status), status, attempt, :worker, reason, detail, begun_at
  FROM changed WHERE status NOT IN ({quiet})
){then}
SELECT notification_id FROM changed
""")  # noqa: S608  every part is a constant of this module


_CHANGE_PENDING = _change("d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())")
_FINISH = _change(
    "d.status = 'sending' AND d.token = :token", ", released AS (DELETE FROM claims WHERE token = :token)"
)
_FINISH_LATE = _change(
    "d.status = 'unknown' AND d.token = :token",
    """, settled AS (
  DELETE FROM due USING changed
  WHERE due.notification_id = changed.notification_id AND changed.status <> 'pending'
)""",
    quiet="'unknown'",
)


class Attempts:
    """Deliveries on their way through one worker, called by its name in what it writes."""

    def __init__(self, engine: Engine, *, channel: str, worker: str) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")  # one statement, one round trip
        self._channel = channel
        self._worker = worker

    def load(self, ids: Sequence[UUID]) -> list[Work]:
        """Those of the notifications that are pending and due, each once; the others are under way, or done."""
        return [Work(*row) for row in self._run(_LOAD, ids=list(ids))]

    def begin(self, token: UUID, recipients: Sequence[tuple[UUID, str]], lease_seconds: float) -> list[Begun]:
        """Pending → sending, under this token. Only what it answers may be sent."""
        ordered = sorted(recipients)  # two workers with the same ids lock them in the same order
        rows = self._run(
            _BEGIN,
            token=token,
            ids=[id_ for id_, _ in ordered],
            recipients=[storable(recipient) for _, recipient in ordered],
            channel=self._channel,
            worker=self._worker,
            lease=lease_seconds,
        )
        return [Begun(*row) for row in rows]

    def decide(self, changes: Sequence[Change]) -> set[UUID]:
        """Pending → skipped, pending (later), failed: what needs no request. Answers the ids that changed."""
        return self._apply(_CHANGE_PENDING, Status.PENDING, changes)

    def finish(self, token: UUID, changes: Sequence[Change]) -> set[UUID]:
        """Sending → sent, pending (later), failed, unknown, for the attempts of this token; ends its lease.

        A delivery that the end of the lease made unknown meanwhile is settled all the same: a late answer of the
        same attempt is evidence. Answers the ids that changed; the others were lost to a later attempt.
        """
        changed = self._apply(_FINISH, Status.SENDING, changes, token=token)
        late = [each for each in changes if each.id not in changed and each.to is not Status.UNKNOWN]
        return changed | self._apply(_FINISH_LATE, Status.UNKNOWN, late, token=token)

    def _apply(self, statement: TextClause, source: Status, changes: Sequence[Change], **more: Any) -> set[UUID]:
        if not changes:
            return set()
        ordered = sorted(changes, key=lambda each: each.id)
        rows = self._run(
            statement,
            ids=[each.id for each in ordered],
            to=[each.to.value for each in ordered],
            failed=[int(each.failed) for each in ordered],
            delays=[each.delay for each in ordered],
            message_ids=[each.message_id for each in ordered],
            reasons=[storable(each.reason) for each in ordered],
            details=[storable(each.detail) for each in ordered],
            channel=self._channel,
            worker=self._worker,
            deadline=UNKNOWN_DEADLINE_SECONDS,
            **{"from": source.value},
            **more,
        )
        return {row[0] for row in rows}

    def _run(self, statement: TextClause, **values: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement, values).all()


def storable(text_: str | None) -> str | None:
    """Text that Postgres takes: it refuses NUL, and UTF-8 has no lone surrogates."""
    if text_ is None:
        return None
    return text_.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")
