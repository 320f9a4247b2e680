"""Events of notifications that are not in this database, as after a restored backup, which lacks the newest ones.

The bridge records these notifications again from the stream, with the same ids. Until then their events wait in
`unmatched_feedback`, at most two days; streams keep records for one day. `begin` sends nothing for an id while an
event that names it waits.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox.days import within
from notifier.outbox.statements import statement

_TAKE = statement(__package__, "take_unmatched.sql")
_READ_RECORDED = statement(__package__, "read_recorded.sql")
_DELETE = statement(__package__, "delete_matched.sql")


def take(connection: Connection, limit: int) -> list[Feedback]:
    """Return up to `limit` events that are due to be looked at, and set the time of their next look.

    The channel of one that was stored without it is empty.
    """
    return [
        Feedback(FeedbackKind(kind), message_id, occurred_at, sent_at, id_, attempt, recipient, bool(permanent),
                 detail, topic, channel or "", configuration_set)
        for kind, message_id, occurred_at, sent_at, id_, attempt, recipient, permanent, detail, topic, channel,
        configuration_set in connection.execute(_TAKE, {"limit": limit})
    ]  # fmt: skip


def with_notification(
    connection: Connection, events: Sequence[Feedback], channel: str, others: Collection[str]
) -> list[Feedback]:
    """Return those of the events whose notification is in the database.

    One that was stored without its channel gets `channel`, or that of the notification if it is one of the `others`,
    whose events come with those of `channel`.
    """
    ids = [each.notification_id for each in events if each.notification_id is not None]
    if not ids:
        return []
    channels = {row[0]: row[1] for row in connection.execute(within(_READ_RECORDED, ids), {"ids": ids})}
    return [
        each
        if each.channel
        else replace(each, channel=known if (known := channels[each.notification_id]) in others else channel)
        for each in events
        if each.notification_id in channels
    ]


def delete(connection: Connection, events: Sequence[Feedback]) -> None:
    """Delete events that are settled."""
    ordered = sorted(events, key=lambda each: (each.message_id, each.kind, each.occurred_at))
    values = {
        "message_ids": [each.message_id for each in ordered],
        "kinds": [each.kind.value for each in ordered],
        "occurred": [each.occurred_at for each in ordered],
    }
    connection.execute(_DELETE, values)
