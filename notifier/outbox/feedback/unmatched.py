"""Events of notifications that are not in this database. A restored backup lacks the newest ones.

The bridge records those again from the stream, with the same ids. Until then their events wait here, for as long as a
stream keeps its records; `begin` sends nothing for an id that has one waiting.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox.days import within

OLDEST_ID = """
(lpad(to_hex((extract(epoch FROM now() - interval '2 days') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
""".strip()
"""SQL: the first id of a notification whose record a stream may still bring. It keeps records for a day."""

_MAY_COME = f"u.received_at > now() - interval '2 days' AND u.notification_id >= {OLDEST_ID}"

# Looked at later and later, up to a minute; never again once no stream can bring the record. The time of the next
# look is committed before anything is settled: processes beside this one take other events, and no lock on these is
# held while the rows of the notifications are locked, which come first in every settlement.
_TAKE = text(f"""
WITH taken AS (
  SELECT message_id, kind, occurred_at FROM unmatched_feedback WHERE look_at <= now()
  ORDER BY look_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE unmatched_feedback u SET
  look_at = CASE WHEN {_MAY_COME}
                 THEN now() + least(interval '1 min', greatest(interval '1 s', now() - u.received_at)) END,
  recipient = CASE WHEN {_MAY_COME} THEN u.recipient END
FROM taken
WHERE u.message_id = taken.message_id AND u.kind = taken.kind AND u.occurred_at = taken.occurred_at
RETURNING u.kind, u.message_id, u.occurred_at, u.sent_at, u.notification_id, u.attempt, u.recipient, u.permanent,
  u.detail, u.topic
""")  # noqa: S608  constants of this module

_KNOWN = text("""
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
""")

_KEYS = """
unnest(CAST(:message_ids AS text[]), CAST(:kinds AS text[]), CAST(:occurred AS timestamptz[]))
  AS told (message_id, kind, occurred_at)
"""

_MATCHED = text(f"""
DELETE FROM unmatched_feedback u USING {_KEYS}
WHERE u.message_id = told.message_id AND u.kind = told.kind AND u.occurred_at = told.occurred_at
""")  # noqa: S608  constants of this module


def take(connection: Connection, limit: int) -> list[Feedback]:
    """Up to `limit` events whose time to be looked at has come; they are looked at again later."""
    return [
        Feedback(FeedbackKind(kind), message_id, occurred_at, sent_at, id_, attempt, recipient, bool(permanent),
                 detail, topic)
        for kind, message_id, occurred_at, sent_at, id_, attempt, recipient, permanent, detail, topic
        in connection.execute(_TAKE, {"limit": limit})
    ]  # fmt: skip


def recorded(connection: Connection, events: Sequence[Feedback]) -> list[Feedback]:
    """Those of the events whose notification is in the database."""
    ids = [each.notification_id for each in events if each.notification_id is not None]
    known = set(connection.execute(within(_KNOWN, ids), {"ids": ids}).scalars())
    return [each for each in events if each.notification_id in known]


def matched(connection: Connection, events: Sequence[Feedback]) -> None:
    """These are settled: they wait no more."""
    connection.execute(_MATCHED, _keys(events))


def _keys(events: Sequence[Feedback]) -> dict[str, list[object]]:
    ordered = sorted(events, key=lambda each: (each.message_id, each.kind, each.occurred_at))
    return {
        "message_ids": [each.message_id for each in ordered],
        "kinds": [each.kind.value for each in ordered],
        "occurred": [each.occurred_at for each in ordered],
    }
