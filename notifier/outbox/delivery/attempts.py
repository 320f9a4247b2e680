"""Attempts to send: load, begin, finish. What a worker writes.

An attempt belongs to a token, which only its worker knows. Begin commits the intent before the request leaves, so
that whoever comes later finds `sending` and keeps its hands off.
"""

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from notifier.notifications import Status, created_ms
from notifier.outbox.days import within
from notifier.outbox.delivery.acceptances import Acceptance, accept
from notifier.outbox.delivery.changes import Change, change_statement, columns, uuids
from notifier.outbox.delivery.results import conclude
from notifier.settings import default

UNKNOWN_AFTER_SECONDS: float = default("unknown_after_seconds")
"""How long an unknown outcome waits for a delivery event before its route's policy applies."""


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A notification that is pending and due. `age` is the seconds since its event, by the database's clock.

    `record` is empty where it is larger than LARGE: `size` says how many bytes it has. A `suspect` is to be built
    alone: a worker died with it.
    """

    id: UUID
    route: str
    table: str
    record: bytes
    failures: int
    age: float = 0.0
    size: int = 0
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """A notification that is ready to be sent. `address` is the recipient as suppressions name it."""

    id: UUID
    address: str
    topic: str = ""
    transactional: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that is ours: its request may leave now. `attempt` counts from 1."""

    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class BeginResult:
    """What begin came to: the attempts that are ours, and the deliveries that are suppressed instead."""

    begun: list[Begun]
    suppressed: list[UUID]


DUE = "d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())"

# A probe may pass where the channel is parked, nothing may where it is paused.
_RUNS = """NOT EXISTS (
  SELECT FROM channels c
  WHERE c.channel = :channel AND (c.state = 'paused' OR c.state = 'parked' AND NOT CAST(:probing AS bool))
)"""

LARGE = 16_384
"""Bytes of a record that is loaded for itself: 500 of less have 8 MB, 500 of DynamoDB's largest items have 400."""

# The length of a bytea is in its head: nothing large is read for it. `suspects` has few rows or none: they are read
# once for all ids.
_LOAD = text(f"""
SELECT n.notification_id, n.route, n.table_name,
  CASE WHEN octet_length(n.record) <= {LARGE} THEN n.record ELSE '' END,
  d.failures, extract(epoch FROM now())::float8, octet_length(n.record),
  n.notification_id IN (SELECT s.notification_id FROM suspects s)
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND {DUE} AND {_RUNS}
""")  # noqa: S608  constants of this module

_RECORDS = text("""
SELECT notification_id, record FROM notifications
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
""")

# Idempotent for its token: where the answer to the commit was lost, the same call finds what it began, and it may
# begin more. The claim then covers all rows of the token, with a fresh lease.
# A notification that was lost and recorded again may have been accepted before: nothing is begun for it while an
# event that names it waits to be settled (`Settlement.match_again`).
_BEGIN = text(f"""
WITH wanted AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:topics AS text[]), CAST(:transactional AS bool[])
  ) AS wanted (id, address, topic, transactional)
), barred AS (
  SELECT wanted.id, min(s.reason) AS reason
  FROM wanted JOIN suppressions s
    ON s.channel = :channel AND s.address = wanted.address AND s.topic IN ('', wanted.topic)
  WHERE NOT (wanted.transactional AND s.reason = 'unsubscribe')
  GROUP BY wanted.id
), told AS (
  SELECT u.notification_id AS id FROM unmatched_feedback u
  WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.look_at IS NOT NULL
), suppressed AS (
  UPDATE deliveries d SET status = 'suppressed', recipient = wanted.address, ended_at = now(),
    next_attempt_at = NULL, reason = barred.reason
  FROM barred JOIN wanted USING (id)
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND {_RUNS}
    AND (wanted.id IS NULL OR {DUE})
  RETURNING d.notification_id, d.attempt, d.reason
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason)
  SELECT notification_id, 'pending', 'suppressed', attempt, :worker, reason FROM suppressed
), begun AS (
  UPDATE deliveries d SET
    status = 'sending', token = :token, attempt = d.attempt + (d.status = 'pending')::int,
    recipient = wanted.address, begun_at = now(), ended_at = NULL, next_attempt_at = NULL
  FROM wanted
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id)
    AND (wanted.id IS NULL
         OR {DUE} AND {_RUNS} AND NOT EXISTS (SELECT FROM barred WHERE barred.id = wanted.id)
         AND NOT EXISTS (SELECT FROM told WHERE told.id = wanted.id)
         OR d.status = 'sending' AND d.token = :token)
  RETURNING d.notification_id, d.attempt
), claim AS (
  INSERT INTO claims (token, channel, worker, notification_ids, lease_until)
  SELECT :token, :channel, :worker, array_agg(notification_id), now() + make_interval(secs => :lease)
  FROM begun HAVING count(*) > 0
  ON CONFLICT (token) DO UPDATE SET
    notification_ids = ARRAY(SELECT unnest(claims.notification_ids) UNION SELECT unnest(excluded.notification_ids)),
    lease_until = excluded.lease_until
)
SELECT notification_id, attempt, true FROM begun
UNION ALL SELECT notification_id, attempt, false FROM suppressed
""")  # noqa: S608  constants of this module

_CHANGE_PENDING = change_statement(DUE)
_FINISH = change_statement(
    "d.status = 'sending' AND d.token = :token", ", released AS (DELETE FROM claims WHERE token = :token)"
)
_FINISH_LATE = change_statement(
    "d.status = 'unknown' AND d.token = :token",
    """, settled AS (
  DELETE FROM due USING changed
  WHERE due.notification_id = changed.notification_id AND changed.status <> 'pending'
)""",
    quiet="'unknown'",
)

_LATE = "the provider's answer came late: it had accepted"

_ACTOR = text("""
INSERT INTO actors (name) VALUES (:name) ON CONFLICT (name) DO UPDATE SET started_at = now() RETURNING id
""")

_RENEWED_SECONDS = 43_200.0


class Attempts:
    """Deliveries on their way through one worker, called by its name in what it writes."""

    def __init__(
        self, engine: Engine, *, channel: str, worker: str, unknown_after: float = UNKNOWN_AFTER_SECONDS
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")  # one statement, one round trip
        self._transactions = engine
        self._channel = channel
        self._worker = worker
        self._unknown_after = unknown_after
        self._actor: int | None = None
        self._renew_at = 0.0

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        """Those of the notifications that are pending and due, each once; the others are under way, or done.

        Records larger than LARGE are left to `fill`, so that the caller decides how many it holds at once.

        Empty where the channel is parked or paused; a probe may pass a parked one.
        """
        rows = self._run(_LOAD, ids, ids=uuids(ids), channel=self._channel, probing=probing)
        return [
            DueNotification(id_, route, table, record, failures, now - created_ms(id_) / 1000, size, suspect)
            for id_, route, table, record, failures, now, size, suspect in rows
        ]

    def fill(self, works: Sequence[DueNotification]) -> list[DueNotification]:
        """The same with their records, for those that `load` left empty."""
        ids = [each.id for each in works]
        records = {row[0]: row[1] for row in self._run(_RECORDS, ids, ids=uuids(ids))}
        return [replace(each, record=records[each.id]) for each in works]

    def token(self) -> UUID:
        """A new one. It begins with the number of this worker in `actors`, so that a row tells who sent it.

        The worker's row is renewed twice a day: retention deletes those of workers that have long been gone.
        """
        if self._actor is None or time.monotonic() > self._renew_at:
            self._actor = int(self._run(_ACTOR, (), name=self._worker)[0][0])
            self._renew_at = time.monotonic() + _RENEWED_SECONDS
        return UUID(int=self._actor << 96 | secrets.randbits(96))

    def begin(
        self, token: UUID, wanted: Sequence[Recipient], lease_seconds: float, *, probing: bool = False
    ) -> BeginResult:
        """Pending → sending, under this token, or → suppressed. Only what it has begun may be sent."""
        ordered = sorted(wanted, key=lambda each: each.id)  # two workers with the same ids lock them in one order
        rows = self._run(
            _BEGIN,
            [each.id for each in ordered],
            token=token,
            ids=uuids(each.id for each in ordered),
            addresses=[each.address for each in ordered],
            topics=[each.topic for each in ordered],
            transactional=[each.transactional for each in ordered],
            channel=self._channel,
            worker=self._worker,
            lease=lease_seconds,
            probing=probing,
        )
        return BeginResult(
            [Begun(id_, attempt) for id_, attempt, ours in rows if ours], [row[0] for row in rows if not row[2]]
        )

    def decide(self, changes: Sequence[Change]) -> set[UUID]:
        """Pending → skipped, expired, pending (later), failed: without a request. Answers the ids that changed."""
        return self._apply(_CHANGE_PENDING, Status.PENDING, changes)

    def finish(self, token: UUID, changes: Sequence[Change]) -> set[UUID]:
        """Sending → sent, pending (later), failed, unknown, for the attempts of this token; ends its lease.

        A delivery that the end of the lease made unknown meanwhile is settled all the same: a late answer of the
        same attempt is evidence. A late acceptance is evidence for any later state too, and where the delivery
        names another message it is counted in `duplicates`. Return the ids that changed; the others were settled
        by somebody else.
        """
        changed = self._apply(_FINISH, Status.SENDING, changes, token=token)
        late = [each for each in changes if each.id not in changed]
        refused = [each for each in late if each.to not in (Status.SENT, Status.UNKNOWN)]
        changed |= self._apply(_FINISH_LATE, Status.UNKNOWN, refused, token=token)
        return changed | self._accept([each for each in late if each.to is Status.SENT])

    def _accept(self, late: Sequence[Change]) -> set[UUID]:
        if not late:
            return set()
        proofs = [Acceptance(each.id, each.message_id, _LATE) for each in late]
        with self._transactions.begin() as connection:
            accepted, _ = accept(connection, proofs, self._worker)
            # Also those that were settled already: perhaps by this call, whose answer was lost before it concluded.
            conclude(connection, sorted(each.id for each in late))
        return accepted

    def _apply(self, statement: TextClause, source: Status, changes: Sequence[Change], **more: Any) -> set[UUID]:
        if not changes:
            return set()
        rows = self._run(
            statement,
            [each.id for each in changes],
            **columns(changes),
            channel=self._channel,
            worker=self._worker,
            unknown_after=self._unknown_after,
            **{"from": source.value},
            **more,
        )
        if accepted_before := [id_ for id_, accepted in rows if accepted]:
            with self._engine.connect() as connection:
                conclude(connection, accepted_before)
        return {row[0] for row in rows}

    def _run(self, statement: TextClause, of: Collection[UUID], **values: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(within(statement, of), values).all()
