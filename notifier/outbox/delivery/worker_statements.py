"""What all statements of one worker on one channel share: their connection, and the recipients that they name."""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause

from notifier.database.arrays import uuids
from notifier.outbox.days import within
from notifier.outbox.delivery.attempt import Recipient
from notifier.outbox.delivery.changes import by_id
from notifier.outbox.delivery.parameters import barred_of, recipient_columns
from notifier.outbox.delivery.places import LimitedRecipient, OverLimit, take_places
from notifier.outbox.digests import merging
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.statements import statement
from notifier.settings import Settings, default

_READ_BARRED = statement(__package__, "read_barred.sql")
_GONE_ON = statement(__package__, "gone_on.sql")
UNKNOWN_AFTER_SECONDS: float = default("unknown_after_seconds")
"""Seconds that an unknown outcome waits for a delivery event before its route's policy applies."""

NONE_GIVEN: merging.Given = MappingProxyType({})


class WorkerStatements:
    """Runs statements for one worker on one channel."""

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

    @classmethod
    def of(cls, settings: Settings, engine: Engine, *, channel: str, worker: str, **more: Any) -> Self:
        """Return them with what the settings say about unknown outcomes and erasures. `more` is for subclasses."""
        return cls(
            engine,
            channel=channel,
            worker=worker,
            unknown_after=settings.unknown_after_seconds,
            erasure_keys=ErasureKeys.of(settings),
            **more,
        )

    def why_suppressed(self, recipients: Sequence[Recipient]) -> dict[UUID, str]:
        """Return the ids of those that are suppressed, with the reason."""
        if not recipients:
            return {}
        rows = self._run_without_ids(_READ_BARRED, self._recipients(recipients, probing=False))
        return {row[0]: row[1] for row in rows}

    def barred(self, recipients: Sequence[Recipient]) -> set[tuple[UUID, str]]:
        """Return those that are suppressed, by id and address: any number of recipients for each notification."""
        with self._engine.connect() as connection:
            return barred_of(connection, self._channel, recipients, self._erasure_keys)

    def _gone_on(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the deliveries that are on another channel."""
        return {row[0] for row in self._run(_GONE_ON, ids, ids=uuids(ids), channel=self._channel)}

    def _of_recipients(
        self,
        query: TextClause,
        recipients: Sequence[Recipient],
        given: merging.Given,
        values: Callable[[Sequence[Recipient]], dict[str, Any]],
        limited: Sequence[LimitedRecipient] = (),
    ) -> tuple[Sequence[Any], set[UUID], list[OverLimit]]:
        """Run a statement that begins with suppress.sql. Return its rows, what was merged, and what has no place.

        With `limited` or `given` in a transaction that also takes their places, or merges them.
        """
        ordered = sorted(recipients, key=by_id)  # so that two workers do not end in a deadlock
        if not given and not limited:
            return self._run(query, [each.id for each in ordered], **values(ordered)), set(), []
        with self._transactions.begin() as connection:
            locked = merging.lock(connection, [each.id for each in ordered], given, self._channel) if given else None
            kept = [each for each in ordered if each.id not in locked.refused] if locked else ordered
            over = self._take_places(connection, limited, kept, values) if limited and kept else []
            left = {each.id for each in over}
            kept = [each for each in kept if each.id not in left]
            rows = connection.execute(within(query, [each.id for each in kept]), values(kept)).all() if kept else []
            ended = {row[0] for row in rows}
            if not locked:
                return rows, set(), over
            return rows, merging.merge(connection, locked, given, ended, self._channel, self._worker), over

    def _take_places(
        self,
        connection: Connection,
        limited: Sequence[LimitedRecipient],
        recipients: Sequence[Recipient],
        values: Callable[[Sequence[Recipient]], dict[str, Any]],
    ) -> list[OverLimit]:
        ids = {each.id for each in recipients}
        return take_places(connection, [each for each in limited if each.id in ids], ids, values(recipients))

    def _recipients(self, ordered: Sequence[Recipient], *, probing: bool) -> dict[str, Any]:
        """The parameters of suppress.sql."""
        columns = recipient_columns(ordered, self._channel, self._erasure_keys)
        return {**columns, "worker": self._worker, "probing": probing}

    def _run_without_ids(self, query: TextClause, values: dict[str, Any]) -> Sequence[Any]:
        """Run a statement that finds no rows by ids of notifications."""
        with self._engine.connect() as connection:
            return connection.execute(query, values).all()

    def _run(
        self, query: TextClause, days_of: Collection[UUID], transaction: Connection | None = None, **values: Any
    ) -> Sequence[Any]:
        with nullcontext(transaction) if transaction else self._engine.connect() as connection:
            return connection.execute(within(query, days_of), values).all()
