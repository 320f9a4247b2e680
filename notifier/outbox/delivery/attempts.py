"""Attempts to send, as a worker writes them: load, begin, finish.

An attempt belongs to a token, which only its worker holds. `begin` commits the status `sending` before the request
leaves, so that no other worker sends the same notification, whatever happens to this one.
"""

import secrets
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause

from notifier.database.arrays import uuids
from notifier.notifications import Status, created_ms
from notifier.outbox.delivery.acceptances import Acceptance, accept
from notifier.outbox.delivery.attempt import LARGE, BeginResult, Begun, DueNotification, Recipient, ShadowMessage
from notifier.outbox.delivery.changes import Change, FallBack, Scheduled, columns, fall_back_columns
from notifier.outbox.delivery.places import LimitedRecipient, OverLimit, full_limits
from notifier.outbox.delivery.results import apply_earlier_results, take_over
from notifier.outbox.delivery.worker_statements import NONE_GIVEN, WorkerStatements
from notifier.outbox.digests import merging
from notifier.outbox.statements import statement

_ACTOR_RENEWED_SECONDS = 43_200.0

_NOT_RECORDED = "'sent', 'skipped'"
"""Changes to these statuses are not written into the history: the row of the delivery has the same data."""

_LOAD = statement(__package__, "load.sql", large=str(LARGE))
_RECORDS = statement(__package__, "read_records.sql")
_UNLESS_SPARED = "AND NOT wanted.id = ANY(CAST(:spared AS uuid[]))"
_BEGIN = statement(__package__, "begin.sql", unless_spared="")
_BEGIN_SPARING = statement(__package__, "begin.sql", unless_spared=_UNLESS_SPARED)
_SHADOW = statement(__package__, "shadow.sql", unless_spared="")
_SHADOW_SPARING = statement(__package__, "shadow.sql", unless_spared=_UNLESS_SPARED)
_FALL_BACK_DECIDED = statement(__package__, "fall_back_decided.sql")
_FALL_BACK_SENT = statement(__package__, "fall_back_sent.sql")
_FALL_BACK_LATE = statement(__package__, "fall_back_late.sql")
_DECIDE = statement(__package__, "decide.sql", unrecorded=_NOT_RECORDED)
_SCHEDULE = statement(__package__, "schedule.sql")
_UNLESS_ACCEPTED = {
    "unless_accepted": "AND d.provider_message_id IS NULL",
    "if_all_changed": "AND cardinality(CAST(:ids AS uuid[])) = (SELECT count(*) FROM changed)",
}
_FINISH = statement(__package__, "finish.sql", unrecorded=_NOT_RECORDED, **_UNLESS_ACCEPTED)
_FINISH_GONE = statement(__package__, "finish_gone.sql", unrecorded=_NOT_RECORDED, **_UNLESS_ACCEPTED)
_FINISH_REST = statement(__package__, "finish.sql", unrecorded=_NOT_RECORDED, unless_accepted="", if_all_changed="")
_FINISH_LATE = statement(__package__, "finish_late.sql", unrecorded="'unknown'")
_REGISTER_ACTOR = statement(__package__, "register_actor.sql")


class Attempts(WorkerStatements):
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

    @property
    def channel(self) -> str:
        return self._channel

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        """Return those of the notifications that are pending and due, without duplicates.

        Records larger than LARGE are left to `load_large_records`, so that the caller limits how many it holds at
        once. Empty if the channel is paused, or parked. With `probing`, the messages of a parked channel are loaded.
        """
        rows = self._run(_LOAD, ids, ids=uuids(ids), channel=self._channel, probing=probing)
        return [
            DueNotification(id_, route, table, record, failed, now - created_ms(id_) / 1000, size, alone, early, more)
            for id_, route, table, record, failed, now, size, alone, early, more in rows
        ]

    def load_large_records(self, notifications: Sequence[DueNotification]) -> list[DueNotification]:
        """Return the notifications with their records, which `load` left out, and with those of their members."""
        ids = [each.id for each in notifications]
        ids += [id_ for each in notifications for id_ in each.member_ids]
        records = {row[0]: row[1] for row in self._run(_RECORDS, ids, ids=uuids(ids))}
        return [
            replace(
                each,
                record=records[each.id],
                members=each.members and tuple(replace(one, record=records[one.id]) for one in each.members),
            )
            for each in notifications
        ]

    def token(self) -> UUID:
        """Return a new token. Its first 32 bits are this worker's number in `actors`: the row shows who sent it. That
        row is renewed twice a day, because retention deletes those that have not been renewed for long.
        """
        if self._actor is None or time.monotonic() > self._renew_at:
            self._actor = int(self._run_without_ids(_REGISTER_ACTOR, {"name": self._worker})[0][0])
            self._renew_at = time.monotonic() + _ACTOR_RENEWED_SECONDS
        return UUID(int=self._actor << 96 | secrets.randbits(96))

    def begin(
        self,
        token: UUID,
        recipients: Sequence[Recipient],
        lease_seconds: float,
        *,
        probing: bool = False,
        spared: Sequence[UUID] = (),
        limited: Sequence[LimitedRecipient] = (),
        given: merging.Given = NONE_GIVEN,
    ) -> BeginResult:
        """Pending → sending under this token, or → suppressed. Only what `begun` names may be sent.

        The `limited` take a place of their limit in the same transaction; those without one stay pending. So do those
        of `spared` whose recipient is suppressed: they are to go on to another channel, and `why_suppressed` tells
        which these are. `given` are the members of leaders, whose events are in the message: pending → merged; a
        leader of which one is not pending any more is not begun. The lease runs for `lease_seconds`; then the relay
        ends the attempt (`end_leases`). Repeated with the same token, it also returns what the first call has begun.
        Nothing else is asked after its commit: what fails then would keep the requests from being made.
        """
        attempt = {"token": token, "lease": lease_seconds, **({"spared": uuids(spared)} if spared else {})}
        rows, merged, over = self._of_recipients(
            _BEGIN_SPARING if spared else _BEGIN,
            recipients,
            given,
            lambda kept: attempt | self._recipients(kept, probing=probing),
            limited,
        )
        begun, suppressed = [Begun(row[0], row[1]) for row in rows if row[2]], [row[0] for row in rows if not row[2]]
        return BeginResult(begun, suppressed, over_limit=over, merged=merged)

    def full_limits(self, limited: Sequence[LimitedRecipient], to: Sequence[Recipient] = ()) -> list[OverLimit]:
        """Return those whose limit is used up now, without those of the recipients `to` that are suppressed. It says
        nothing of the others: `begin` does.
        """
        with self._engine.connect() as connection:
            full = full_limits(connection, limited)
        barred = self.why_suppressed([each for each in to if each.id in {over.id for over in full}])
        return [each for each in full if each.id not in barred]

    def shadow(
        self,
        messages: Sequence[ShadowMessage],
        *,
        probing: bool = False,
        spared: Sequence[UUID] = (),
        given: merging.Given = NONE_GIVEN,
    ) -> BeginResult:
        """Pending → shadowed or suppressed: nothing of these may be sent. Repeated, it leaves out what is written.

        `spared` and `given` as in `begin`.
        """
        by_id = {each.recipient.id: each for each in messages}
        recipients = [each.recipient for each in messages]

        def values(kept: Sequence[Recipient]) -> dict[str, Any]:
            some = [by_id[each.id] for each in kept]
            texts = {"reasons": [each.reason for each in some], "subjects": [each.subject for each in some]}
            more = {"spared": uuids(spared)} if spared else {}
            return texts | more | self._recipients(kept, probing=probing)

        rows, merged, _ = self._of_recipients(_SHADOW_SPARING if spared else _SHADOW, recipients, given, values)
        suppressed, shadowed = [row[0] for row in rows if not row[1]], [row[0] for row in rows if row[1]]
        return BeginResult([], suppressed, shadowed, merged=merged)

    def decide(self, changes: Sequence[Change], *, given: merging.Given = NONE_GIVEN) -> set[UUID]:
        """Pending → skipped, expired, failed, or pending after a delay, without a request. Return what changed.

        `given` are the members of leaders: they become merged, and what changed names them too. An expired leader
        expires alone.
        """
        if not given:
            return self._apply(_DECIDE, Status.PENDING, changes)
        ends = [each for each in changes if each.id in given and each.to is not Status.PENDING]
        ending = {each.id for each in ends}
        done = self._apply(_DECIDE, Status.PENDING, [each for each in changes if each.id not in ending])
        if ends:
            with self._transactions.begin() as connection:
                given = {id_: given[id_] for id_ in ending}
                locked = merging.lock(connection, ending, given, self._channel)
                kept = [each for each in ends if each.id not in locked.refused]
                ended = self._apply(_DECIDE, Status.PENDING, kept, connection)
                expired = {each.id for each in kept if each.to is Status.EXPIRED} & ended
                merging.leave(connection, locked, given, expired, self._channel, self._worker)
                merged = merging.merge(connection, locked, given, ended - expired, self._channel, self._worker)
            done |= ended | merged
        return done

    def schedule(self, changes: Sequence[Scheduled]) -> set[UUID]:
        """Pending → pending: each waits until its time, at least a second, and is due then. No attempt is counted.

        Return the ids that changed. Repeating it is safe: those that wait are not changed again.
        """
        ordered = sorted(changes, key=lambda each: each.id.int)  # so that two workers do not end in a deadlock
        ids = [each.id for each in ordered]
        rows = self._run(
            _SCHEDULE,
            ids,
            ids=uuids(ids),
            untils=[each.until for each in ordered],
            reasons=[each.reason for each in ordered],
            channel=self._channel,
            worker=self._worker,
        )
        return {row[0] for row in rows}

    def fall_back(self, changes: Sequence[FallBack], token: UUID | None = None, *, again: bool = False) -> set[UUID]:
        """→ pending on the next channel, due there at once: sending or, if the answer came late, unknown under the
        token; without a token pending, because no request was sent.

        Return the ids that changed; with `again` also those that an earlier try, its answer lost, has changed. To be
        called before `finish` or `decide`, which writes the others.
        """
        if token is None:
            moved = self._fall_back(_FALL_BACK_DECIDED, Status.PENDING, changes)
        else:
            gone = uuids(each.id for each in changes if each.gone)
            moved = self._fall_back(_FALL_BACK_SENT, Status.SENDING, changes, token=token, gone=gone)
            late = [each for each in changes if each.id not in moved]
            moved |= self._fall_back(_FALL_BACK_LATE, Status.UNKNOWN, late, token=token)
        return moved | self._gone_on([each.id for each in changes]) if again else moved

    def _fall_back(self, move: TextClause, source: Status, changes: Sequence[FallBack], **more: Any) -> set[UUID]:
        if not changes:
            return set()
        values = {
            **fall_back_columns(changes),
            "channel": self._channel,
            "worker": self._worker,
            "from": source.value,
        }
        return {row[0] for row in self._run(move, [each.id for each in changes], **values, **more)}

    def finish(self, token: UUID, changes: Sequence[Change]) -> set[UUID]:
        """Sending → sent, failed, unknown, or pending after a delay, for the attempts of this token; ends its lease.

        Return the ids that changed; another process has written the result of the others. A late answer also counts:
        if the lease has ended meanwhile, the unknown outcome becomes what the answer says. An acceptance changes any
        status; if the delivery already names another message, it is counted in `duplicates`. What an event has proved
        to be accepted is written in one transaction with its stored results: none is lost if the worker dies.
        """
        if gone := [each.id for each in changes if each.gone]:
            changed = self._apply(_FINISH_GONE, Status.SENDING, changes, token=token, gone=uuids(gone))
        else:
            changed = self._apply(_FINISH, Status.SENDING, changes, token=token)
        if len(changed) == len(changes):
            return changed
        left = [each for each in changes if each.id not in changed]
        with self._transactions.begin() as connection:
            changed |= self._apply(_FINISH_REST, Status.SENDING, left, connection, token=token)
        late = [each for each in left if each.id not in changed]
        refused = [each for each in late if each.to not in (Status.SENT, Status.UNKNOWN)]
        changed |= self._apply(_FINISH_LATE, Status.UNKNOWN, refused, token=token)
        return changed | self._accept(token, [each for each in late if each.to is Status.SENT])

    def _accept(self, token: UUID, late: Sequence[Change]) -> set[UUID]:
        if not late:
            return set()
        reason = "the provider's answer came late: it had accepted"
        acceptances = [Acceptance(each.id, each.message_id, reason) for each in late]
        with self._transactions.begin() as connection:
            accepted, _ = accept(connection, acceptances, self._worker)
            # Not only for `accepted`: an earlier call may have committed `accept` and failed here.
            take_over(connection, token, late)
            apply_earlier_results(connection, sorted(each.id for each in late))
        return accepted

    def _apply(
        self,
        change: TextClause,
        source: Status,
        changes: Sequence[Change],
        transaction: Connection | None = None,
        **more: Any,
    ) -> set[UUID]:
        if not changes:
            return set()
        values = {
            **columns(changes),
            "channel": self._channel,
            "worker": self._worker,
            "unknown_after": self._unknown_after,
            "from": source.value,
            **more,
        }
        ids = [each.id for each in changes]
        rows = self._run(change, ids, transaction, **values)
        if accepted_before := [id_ for id_, accepted in rows if accepted]:
            with nullcontext(transaction) if transaction else self._engine.connect() as connection:
                take_over(connection, more.get("token"), [each for each in changes if each.id in accepted_before])
                apply_earlier_results(connection, accepted_before)
        return {row[0] for row in rows}
