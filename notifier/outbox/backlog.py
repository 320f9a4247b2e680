"""How many deliveries wait for a worker or are in its hands, per channel, at a bounded cost.

A publication is forgotten only when the relay looks at it again, so that the messages of all publications are more
than those that are open. How many of them are is looked up for a sample: SAMPLE publications of each channel and
kind (published or not), evenly spread over their age, the oldest among them. Up to that number the answer is exact.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

SAMPLE = 20

_MESSAGES = text("""
SELECT channel, sum(cardinality(notification_ids))::int8 FROM publications GROUP BY channel
""")

_SAMPLE = text("""
WITH numbered AS (
  SELECT channel, published_at IS NULL AS unpublished, notification_ids,
         row_number() OVER kind - 1 AS number, count(*) OVER (PARTITION BY channel, published_at IS NULL) AS rows,
         sum(cardinality(notification_ids)) OVER (PARTITION BY channel, published_at IS NULL) AS messages
  FROM publications WINDOW kind AS (PARTITION BY channel, published_at IS NULL ORDER BY id)
)
SELECT channel, unpublished, messages::int8, notification_ids FROM numbered
WHERE number = 0 OR number * :sample / rows > (number - 1) * :sample / rows
""")

_PENDING = text("""
SELECT sampled.kind, count(*), min(d.notification_id::text)::uuid
FROM unnest(CAST(:kinds AS int[]), CAST(:ids AS uuid[])) AS sampled (kind, id)
JOIN deliveries d ON d.notification_id = sampled.id
WHERE d.notification_id BETWEEN :first AND :last
  AND (d.status = 'sending' OR d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now()))
GROUP BY sampled.kind
""")


@dataclass(frozen=True, slots=True)
class Backlog:
    """`deliveries` that are pending and due, or sending; and the `oldest` of them that was found, None without any."""

    deliveries: int
    oldest: UUID | None


def messages(connection: Connection) -> dict[str, int]:
    """The messages of all publications, by channel: at least as many as wait."""
    return {row[0]: row[1] for row in connection.execute(_MESSAGES)}


def backlog(connection: Connection) -> dict[str, Backlog]:
    """What waits, by channel. Channels without a publication are left out."""
    kinds: dict[tuple[str, bool], int] = {}
    in_all: dict[int, int] = {}
    sampled: list[tuple[int, UUID]] = []
    for channel, unpublished, total, ids in connection.execute(_SAMPLE, {"sample": SAMPLE}):
        kind = kinds.setdefault((channel, unpublished), len(kinds))
        in_all[kind] = total
        sampled += [(kind, each) for each in ids]
    pending = _pending(connection, sampled) if sampled else {}
    looked_at = Counter(kind for kind, _ in sampled)
    found: dict[str, Backlog] = {}
    for (channel, _), kind in kinds.items():
        waiting, oldest = pending.get(kind, (0, None))
        count = -(-waiting * in_all[kind] // max(1, looked_at[kind]))
        found[channel] = _both(found.get(channel), Backlog(count, oldest))
    return found


def _pending(connection: Connection, sampled: list[tuple[int, UUID]]) -> Mapping[int, tuple[int, UUID]]:
    """Of each kind how many of these wait, and the oldest one."""
    ids = [id_ for _, id_ in sampled]
    values = {"kinds": [kind for kind, _ in sampled], "ids": ids, "first": min(ids), "last": max(ids)}
    return {row[0]: (row[1], row[2]) for row in connection.execute(_PENDING, values)}


def _both(one: Backlog | None, other: Backlog) -> Backlog:
    if one is None:
        return other
    oldest = min((each.oldest for each in (one, other) if each.oldest), default=None)
    return Backlog(one.deliveries + other.deliveries, oldest)
