"""Recipients who are not to be written to. `begin` looks here, so that no request leaves for one of them."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox.days import within
from notifier.outbox.operator.journal import journal
from notifier.outbox.operator.report import Row

# Reasons weigh in the order of the alphabet: a complaint most, an opt-out least.
_ADD = text("""
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, note)
VALUES (:channel, :address, :topic, :reason, :actor, :note)
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, note = excluded.note, since = now()
  WHERE excluded.reason < s.reason
""")

_REMOVE = text("""
DELETE FROM suppressions WHERE channel = :channel AND address = :address AND (:topic = '*' OR topic = :topic)
""")

_LIST = text("""
SELECT channel, address, topic, reason, actor, note, since, notification_id FROM suppressions
WHERE (:channel = '' OR channel = :channel) AND (:address = '' OR address = :address)
ORDER BY since DESC LIMIT :limit
""")

# The address is the event's own: the row names that of the last attempt, which may be another. An event without one
# counts only where it is of the message and the attempt that the row names.
_BAR = text("""
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id)
SELECT DISTINCT ON (barred.address, barred.topic)
       :channel, barred.address, barred.topic, barred.reason, :actor, barred.id
FROM (
  SELECT told.id, told.reason, told.topic, coalesce(told.address, d.recipient) AS address
  FROM unnest(
    CAST(:ids AS uuid[]), CAST(:reasons AS text[]), CAST(:topics AS text[]), CAST(:addresses AS text[]),
    CAST(:attempts AS int[]), CAST(:message_ids AS text[])
  ) AS told (id, reason, topic, address, attempt, message_id)
  LEFT JOIN deliveries d ON d.notification_id = told.id AND in_days(d.notification_id) AND told.address IS NULL
    AND d.attempt = told.attempt AND d.provider_message_id = told.message_id
) AS barred
WHERE barred.address IS NOT NULL
ORDER BY barred.address, barred.topic, barred.reason
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, notification_id = excluded.notification_id
  WHERE excluded.reason < s.reason
""")

REASONS = ("complaint", "hard_bounce", "manual", "unsubscribe")
EVERY_TOPIC = "*"


class Suppressions:
    """What operators, and people who opt out, ask for. Feedback adds its own."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, channel: str, address: str, *, reason: str, topic: str = "", note: str | None = None) -> bool:
        """Write to this address no more; an empty topic means all. Answers whether it was not known for as much."""
        values = {"channel": channel, "address": address, "topic": topic, "reason": reason, "note": note}
        with self._engine.begin() as connection:
            added = connection.execute(_ADD, {**values, "actor": self._actor}).rowcount == 1
            known = "" if added else ", which was suppressed for as much"
            journal(connection, self._actor, "suppress", note, f"{channel} topic={topic or 'all'} {reason}{known}")
            return added

    def remove(self, channel: str, address: str, *, topic: str = EVERY_TOPIC, note: str | None = None) -> int:
        """Write to this address again; answers how many entries there were."""
        with self._engine.begin() as connection:
            removed = connection.execute(_REMOVE, {"channel": channel, "address": address, "topic": topic}).rowcount
            if removed:
                journal(connection, self._actor, "unsuppress", note, f"{channel} topic={topic}")
            return removed

    def list(self, *, channel: str = "", address: str = "", limit: int = 50) -> list[Row]:
        with self._engine.connect() as connection:
            values = {"channel": channel, "address": address, "limit": limit}
            return [dict(row) for row in connection.execute(_LIST, values).mappings()]


def bar(
    connection: Connection, channel: str, fresh: Sequence[Feedback], address: Callable[[str], str], actor: str
) -> None:
    """Suppress the recipients of hard bounces, complaints and opt-outs. `address` is the channel's: its spelling."""
    rows: set[tuple[UUID, str, str, str | None, int | None, str]] = set()
    for each in fresh:
        if each.notification_id is not None and (barred := barring(each)):
            recipient = address(each.recipient) if each.recipient else None
            rows.add((each.notification_id, *barred, recipient, each.attempt, each.message_id))
    if not rows:
        return
    columns = zip(*sorted(rows, key=lambda row: row[:3]), strict=True)
    names = ("ids", "reasons", "topics", "addresses", "attempts", "message_ids")
    values = {name: list(column) for name, column in zip(names, columns, strict=True)}
    connection.execute(within(_BAR, [row[0] for row in rows]), {**values, "channel": channel, "actor": actor})


def barring(event: Feedback) -> tuple[str, str] | None:
    """Why its recipient is not to be written to again, and about which topic; an empty topic means all. Pure."""
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
