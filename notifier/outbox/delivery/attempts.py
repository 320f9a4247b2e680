"""Attempts to send, as a worker writes them: load, begin, finish.

An attempt belongs to a token, which only its worker holds. `begin` commits the status `sending` before the request
leaves, so that no other worker sends the same notification, whatever happens to this one.
"""

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause

from notifier.notifications import Status, created_ms
from notifier.outbox.days import within
from notifier.outbox.delivery.acceptances import Acceptance, accept
from notifier.outbox.delivery.changes import Change, array, columns, uuids
from notifier.outbox.delivery.results import apply_earlier_results
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.statements import statement
from notifier.settings import default

UNKNOWN_AFTER_SECONDS: float = default("unknown_after_seconds")
"""Seconds that an unknown outcome waits for a delivery event before its route's policy applies."""

LARGE = 16_384
"""Bytes. `load` leaves out larger records, and `load_large_records` reads them: 500 smaller ones take at most 8 MB,
but 500 of the largest items of DynamoDB take 400 MB.
"""

_ACTOR_RENEWED_SECONDS = 43_200.0

_NOT_RECORDED = "'sent', 'skipped'"
"""Changes to these statuses are not written into the history: the row of the delivery has the same data."""

_LOAD = statement(__package__, "load.sql", large=str(LARGE))
_RECORDS = statement(__package__, "read_records.sql")
_BEGIN = statement(__package__, "begin.sql")
_DECIDE = statement(__package__, "decide.sql", unrecorded=_NOT_RECORDED)
_FINISH = statement(__package__, "finish.sql", unrecorded=_NOT_RECORDED)
_FINISH_LATE = statement(__package__, "finish_late.sql", unrecorded="'unknown'")
_REGISTER_ACTOR = statement(__package__, "register_actor.sql")


@dataclass(frozen=True, slots=True)
class DueNotification:
    """A notification that is pending and due. `age` is seconds since its event, by the database's clock.

    `record` is empty if it is larger than LARGE; `size` is its bytes in any case. A `suspect` is built alone:
    a worker died while it had the message.
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
    """To whom the notification `id` is sent. `address` is spelled as in suppressions.

    An unsubscription from `topic`, or from all topics, does not stop a `transactional` message.
    """

    id: UUID
    address: str
    topic: str = ""
    transactional: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that was begun under this token: its request may be sent now. `attempt` counts from 1."""

    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class BeginResult:
    """The attempts that were begun under this token, and the ids of deliveries that are suppressed instead."""

    begun: list[Begun]
    suppressed: list[UUID]


class Attempts:
    """The attempts of one worker on one channel.

    The history names `worker`. `unknown_after` is seconds until a route's policy for unknown outcomes applies;
    `erasure_keys` tell which suppressed people were erased.

        attempts = Attempts(engine, channel="email", worker="host:12")
        due = attempts.load(ids)
        token = attempts.token()
        result = attempts.begin(token, [Recipient(each.id, "ana@example.com") for each in due], lease_seconds=60.0)
        ...  # send result.begun, and nothing else
        attempts.finish(token, [Change(each.id, Status.SENT, message_id="m-1") for each in result.begun])
    """

    def __init__(
        self,
        engine: Engine,
        *,
        channel: str,
        worker: str,
        unknown_after: float = UNKNOWN_AFTER_SECONDS,
        erasure_keys: ErasureKeys | None = None,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")  # one statement, one round trip
        self._transactions = engine
        self._channel = channel
        self._worker = worker
        self._unknown_after = unknown_after
        self._erasure_keys = erasure_keys or ErasureKeys()
        self._actor: int | None = None
        self._renew_at = 0.0

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        """Return those of the notifications that are pending and due, without duplicates.

        Records larger than LARGE are left to `load_large_records`, so that the caller limits how many it holds at
        once. Empty if the channel is paused, or parked. With `probing`, the messages of a parked channel are loaded.
        """
        rows = self._run(_LOAD, ids, ids=uuids(ids), channel=self._channel, probing=probing)
        return [
            DueNotification(id_, route, table, record, failures, now - created_ms(id_) / 1000, size, suspect)
            for id_, route, table, record, failures, now, size, suspect in rows
        ]

    def load_large_records(self, notifications: Sequence[DueNotification]) -> list[DueNotification]:
        """Return the notifications with their records, which `load` left out."""
        ids = [each.id for each in notifications]
        records = {row[0]: row[1] for row in self._run(_RECORDS, ids, ids=uuids(ids))}
        return [replace(each, record=records[each.id]) for each in notifications]

    def token(self) -> UUID:
        """Return a new token. Its first 32 bits are this worker's number in `actors`: the row shows who sent it.

        The worker's row is renewed twice a day, because retention deletes those that have not been renewed for long.
        """
        if self._actor is None or time.monotonic() > self._renew_at:
            self._actor = int(self._run(_REGISTER_ACTOR, (), name=self._worker)[0][0])
            self._renew_at = time.monotonic() + _ACTOR_RENEWED_SECONDS
        return UUID(int=self._actor << 96 | secrets.randbits(96))

    def begin(
        self, token: UUID, recipients: Sequence[Recipient], lease_seconds: float, *, probing: bool = False
    ) -> BeginResult:
        """Pending → sending under this token, or → suppressed. Only what `begun` names may be sent.

        The lease runs for `lease_seconds`; then the relay ends the attempt (`end_leases`). Repeating the call with
        the same token is safe: it also returns what the first call has begun.
        """
        ordered = sorted(recipients, key=lambda each: each.id.int)  # so that two workers do not end in a deadlock
        rows = self._run(
            _BEGIN,
            [each.id for each in ordered],
            token=token,
            ids=uuids([each.id for each in ordered]),
            addresses=[each.address for each in ordered],
            **self._hashed(ordered),
            topics=[each.topic for each in ordered],
            transactional=array(["t" if each.transactional else "f" for each in ordered]),
            channel=self._channel,
            worker=self._worker,
            lease=lease_seconds,
            probing=probing,
        )
        return BeginResult(
            [Begun(id_, attempt) for id_, attempt, ours in rows if ours], [row[0] for row in rows if not row[2]]
        )

    def _hashed(self, recipients: Sequence[Recipient]) -> dict[str, Any]:
        """What suppressions of people who were erased have instead of these addresses; nothing without a key."""
        if not self._erasure_keys:
            return {"hashed": [], "hashes": []}
        pairs = [
            (each.id, hashed)
            for each in recipients
            for hashed in self._erasure_keys.hashes(self._channel, each.address)
        ]
        return {"hashed": uuids([id_ for id_, _ in pairs]), "hashes": [hashed for _, hashed in pairs]}

    def decide(self, changes: Sequence[Change]) -> set[UUID]:
        """Pending → skipped, expired, failed, or pending after a delay, without a request. Return what changed."""
        return self._apply(_DECIDE, Status.PENDING, changes)

    def finish(self, token: UUID, changes: Sequence[Change]) -> set[UUID]:
        """Sending → sent, failed, unknown, or pending after a delay, for the attempts of this token; ends its lease.

        Return the ids that changed; another process has written the result of the others. A late answer also counts:
        if the lease has ended meanwhile, the unknown outcome becomes what the answer says. An acceptance changes any
        status; if the delivery already names another message, it is counted in `duplicates`.
        """
        changed = self._apply(_FINISH, Status.SENDING, changes, token=token)
        late = [each for each in changes if each.id not in changed]
        refused = [each for each in late if each.to not in (Status.SENT, Status.UNKNOWN)]
        changed |= self._apply(_FINISH_LATE, Status.UNKNOWN, refused, token=token)
        return changed | self._accept([each for each in late if each.to is Status.SENT])

    def _accept(self, late: Sequence[Change]) -> set[UUID]:
        if not late:
            return set()
        reason = "the provider's answer came late: it had accepted"
        acceptances = [Acceptance(each.id, each.message_id, reason) for each in late]
        with self._transactions.begin() as connection:
            accepted, _ = accept(connection, acceptances, self._worker)
            # Not only for `accepted`: an earlier call may have committed `accept` and failed before this line.
            apply_earlier_results(connection, sorted(each.id for each in late))
        return accepted

    def _apply(self, change: TextClause, source: Status, changes: Sequence[Change], **more: Any) -> set[UUID]:
        if not changes:
            return set()
        rows = self._run(
            change,
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
                apply_earlier_results(connection, accepted_before)
        return {row[0] for row in rows}

    def _run(self, query: TextClause, days_of: Collection[UUID], **values: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(within(query, days_of), values).all()
