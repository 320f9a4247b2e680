"""Suppressions: recipients to whom nothing is sent. `begin` reads them, so that no request is sent."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox.days import within
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.operator.journal import journal
from notifier.outbox.statements import statement

_ADD = statement(__package__, "add_suppression.sql")
_REMOVE = statement(__package__, "remove_suppression.sql")
_NEWEST = statement(__package__, "newest_suppressions.sql")
_OF_ADDRESS = statement(__package__, "suppressions_of_address.sql")
_NEXT = statement(__package__, "next_suppressions.sql")
_SUPPRESS_RECIPIENTS = statement(__package__, "suppress_recipients.sql")

REASONS = ("complaint", "hard_bounce", "manual", "unsubscribe")
ALL_TOPICS = "*"
"""The topic of a suppression that stops every route with a topic. One without a topic also stops routes without."""

_BATCH = 1_000
"""Suppressions that are added in one transaction, or read in one by `export`."""


class NewSuppression(NamedTuple):
    """Nothing is to be sent to this address, as its channel spells it, about this topic.

    An empty topic means everything, ALL_TOPICS every topic.
    """

    channel: str
    address: str
    topic: str = ""
    reason: str = "manual"
    note: str | None = None


class Suppressions:
    """Suppressions that operators and unsubscribing recipients add and remove.

    Feedback adds others (`suppress_recipients`). The journal names the `actor`. With the `erasure_keys` a recipient
    who was erased is found, and can be removed.

        Suppressions(engine, actor="eva").add("email", "ana@example.com", reason="manual", note="she called")
    """

    def __init__(self, engine: Engine, *, actor: str, erasure_keys: ErasureKeys | None = None) -> None:
        self._engine = engine
        self._actor = actor
        self._erasure_keys = erasure_keys or ErasureKeys()

    def add(self, channel: str, address: str, *, reason: str, topic: str = "", note: str | None = None) -> bool:
        """Send nothing to this address from now on. An empty topic means everything, ALL_TOPICS every topic.

        `reason` is one of REASONS. False if the address was already suppressed for this reason or a graver one. An
        opt-out (`unsubscribe`) is kept beside a graver reason, whichever came first.
        """
        values = {"channel": channel, "address": address, "topic": topic, "reason": reason, "note": note}
        with self._engine.begin() as connection:
            added = connection.execute(_ADD, {**values, "actor": self._actor}).rowcount == 1
            known = "" if added else ", which was suppressed already"
            journal(connection, self._actor, "suppress", note, f"{channel} topic={topic or 'all'} {reason}{known}")
            return added

    def add_all(self, rows: Sequence[NewSuppression], note: str) -> int:
        """Add many, a thousand in one transaction; return how many were not suppressed already. `note` says why."""
        added = 0
        for first in range(0, len(rows), _BATCH):
            some = [{**row._asdict(), "actor": self._actor} for row in rows[first : first + _BATCH]]
            with self._engine.begin() as connection:
                count = sum(connection.execute(_ADD, values).rowcount for values in some)
                journal(connection, self._actor, "suppress", note, f"{len(some):,} of a file, {count:,} of them new")
            added += count
        return added

    def export(self, note: str) -> Iterator[dict[str, Any]]:
        """Yield all suppressions, by channel and address. The journal says that they were read. An opt-out beside a
        graver reason is a suppression of its own.

        No transaction is open between two batches, so that a reader may be slow. What is added or removed meanwhile
        may be yielded or not.
        """
        with self._engine.begin() as connection:
            journal(connection, self._actor, "export suppressions", note, "all")
        return self._all()

    def _all(self) -> Iterator[dict[str, Any]]:
        last = {"channel": "", "address": "", "topic": ""}
        while True:
            with self._engine.connect() as connection:
                rows = [dict(row) for row in connection.execute(_NEXT, {**last, "limit": _BATCH}).mappings()]
            for row in rows:
                opted_out = row.pop("opted_out")
                yield row
                if opted_out:
                    yield {**row, "reason": "unsubscribe", "note": None}
            if len(rows) < _BATCH:
                return
            last = {name: rows[-1][name] for name in last}

    def remove(self, channel: str, address: str, *, topic: str | None = None, note: str | None = None) -> int:
        """Send to this address again. Return the number of suppressions that were removed.

        Without a `topic` every suppression of the address is removed, whatever its topic. With one, an opt-out that
        is kept beside a graver reason stays: `has_opted_out` says so, and removing again removes it.
        """
        values = {"channel": channel, "addresses": self._erasure_keys.known_as(channel, address), "topic": topic}
        with self._engine.begin() as connection:
            removed: int = connection.execute(_REMOVE, {**values, "actor": self._actor}).scalar_one()
            if removed:
                journal(connection, self._actor, "unsuppress", note, f"{channel} topic={_named(topic)}")
            return removed

    def has_opted_out(self, channel: str, address: str, topic: str) -> bool:
        """Return whether the recipient has opted out of this very topic, also beside a graver reason."""
        rows = self.list(channel=channel, address=address, limit=_BATCH)
        return any(row["topic"] == topic and (row["opted_out"] or row["reason"] == "unsubscribe") for row in rows)

    def list(self, *, channel: str = "", address: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Return the newest suppressions, at most `limit`. An empty channel or address selects all.

        `opted_out` is true if the recipient has opted out beside a graver reason. Hashes of a recipient are found
        with its channel only.
        """
        with self._engine.connect() as connection:
            query, values = _NEWEST, {"channel": channel, "limit": limit}
            if address:
                known_as = self._erasure_keys.known_as(channel, address)
                query, values = _OF_ADDRESS, {**values, "addresses": known_as}
            return [dict(row) for row in connection.execute(query, values).mappings()]


def _named(topic: str | None) -> str:
    return "any" if topic is None else topic or "all"


def suppress_recipients(
    connection: Connection, channel: str, events: Sequence[Feedback], address: Callable[[str], str], actor: str
) -> None:
    """Suppress the recipients of hard bounces, complaints and unsubscriptions, in the caller's transaction.

    `address` returns a recipient as the suppressions of the channel spell it.
    """
    rows: set[tuple[UUID, str, str, str | None, int | None, str]] = set()
    for each in events:
        if each.notification_id is not None and (suppression := suppression_of(each)):
            recipient = address(each.recipient) if each.recipient else None
            rows.add((each.notification_id, *suppression, recipient, each.attempt, each.message_id))
    if not rows:
        return
    columns = zip(*sorted(rows, key=lambda row: row[:3]), strict=True)
    names = ("ids", "reasons", "topics", "addresses", "attempts", "message_ids")
    values: dict[str, Any] = {name: list(column) for name, column in zip(names, columns, strict=True)}
    values |= {"channel": channel, "actor": actor}
    connection.execute(within(_SUPPRESS_RECIPIENTS, [row[0] for row in rows]), values)


def suppression_of(event: Feedback) -> tuple[str, str] | None:
    """Return the reason and the topic for which an event suppresses its recipient; None if it does not.

    An empty topic means all topics.
    """
    match event.kind:
        case FeedbackKind.COMPLAINT:
            return "complaint", ""
        case FeedbackKind.BOUNCE if event.permanent:
            return "hard_bounce", ""
        case FeedbackKind.SUPPRESSED:
            return "hard_bounce" if event.permanent else "complaint", ""
        case FeedbackKind.UNSUBSCRIBE:
            return "unsubscribe", event.topic or ""
        case _:
            return None
