"""How many deliveries wait for a worker, per channel, at a bounded cost.

A publication is forgotten only when the relay looks at it again, so that the messages of all publications are more
than those that wait. How many of them still wait is looked up for a sample: SAMPLE publications of each channel and
kind (published or not), evenly spread over their age, the oldest among them. Up to that number the answer is exact.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.outbox.days import within
from notifier.outbox.delivery.changes import uuids

SAMPLE = 20

_SAMPLE = text("""
WITH numbered AS (
  SELECT channel, published_at IS NULL AS unpublished, notification_ids,
         id, row_number() OVER kind - 1 AS number, count(*) OVER (PARTITION BY channel, published_at IS NULL) AS rows,
         sum(cardinality(notification_ids)) OVER (PARTITION BY channel, published_at IS NULL) AS messages
  FROM publications WINDOW kind AS (PARTITION BY channel, published_at IS NULL ORDER BY id)
)
SELECT channel, unpublished, messages::int8, rows, id, notification_ids FROM numbered
WHERE number = 0 OR number * :sample / rows > (number - 1) * :sample / rows
ORDER BY id
""")

_PENDING = text("""
SELECT sampled.publication, count(*), min(d.notification_id::text)::uuid
FROM unnest(CAST(:publications AS int8[]), CAST(:ids AS uuid[])) AS sampled (publication, id)
JOIN deliveries d ON d.notification_id = sampled.id AND in_days(d.notification_id)
WHERE sampled.id IS NULL OR d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
GROUP BY sampled.publication
""")


@dataclass(frozen=True, slots=True)
class Backlog:
    """`deliveries` that are pending and due, and the `oldest` of them that was found, None where none was. `at_most`
    supposes of the publications between two sampled ones that as many of their messages wait as of the worse one.
    """

    deliveries: int
    at_most: int
    oldest: UUID | None


@dataclass(slots=True)
class _Kind:
    """The publications of a channel, published or not: in all `messages` in `rows`, of which some are sampled."""

    messages: int
    rows: int
    sampled: dict[int, Sequence[UUID]] = field(default_factory=dict)


def backlog(connection: Connection) -> dict[str, Backlog]:
    """What waits, by channel. Channels without a publication are left out."""
    kinds: dict[tuple[str, bool], _Kind] = {}
    for channel, unpublished, in_all, rows, id_, ids in connection.execute(_SAMPLE, {"sample": SAMPLE}):
        kinds.setdefault((channel, unpublished), _Kind(in_all, rows)).sampled[id_] = ids
    pending = _pending(connection, [(p, id_) for each in kinds.values() for p, ids in each.sampled.items()
                                    for id_ in ids])  # fmt: skip
    found: dict[str, Backlog] = {}
    for (channel, _), kind in kinds.items():
        known, more = found.get(channel), _estimate(kind, pending)
        found[channel] = _sum(known, more) if known else more
    return found


def _pending(connection: Connection, sampled: Sequence[tuple[int, UUID]]) -> Mapping[int, tuple[int, UUID]]:
    """Of each publication how many of these wait, and the oldest one. None wait of those that are left out."""
    ids = [id_ for _, id_ in sampled]
    if not ids:
        return {}
    values = {"publications": [publication for publication, _ in sampled], "ids": uuids(ids)}
    return {row[0]: (row[1], row[2]) for row in connection.execute(within(_PENDING, ids), values)}


def _estimate(kind: _Kind, pending: Mapping[int, tuple[int, UUID]]) -> Backlog:
    waiting = [pending[each][0] if each in pending else 0 for each in kind.sampled]
    oldest = min((pending[each][1] for each in kind.sampled if each in pending), default=None)
    if len(kind.sampled) == kind.rows:
        return Backlog(sum(waiting), sum(waiting), oldest)
    shares = [count / max(1, len(ids)) for count, ids in zip(waiting, kind.sampled.values(), strict=True)]
    worse = [max(pair) for pair in pairwise([*shares, 1.0])]
    mean, most = (kind.messages * sum(each) / len(shares) for each in (shares, worse))
    return Backlog(math.ceil(mean), math.ceil(most), oldest)


def _sum(one: Backlog, other: Backlog) -> Backlog:
    oldest = min((each.oldest for each in (one, other) if each.oldest), default=None)
    return Backlog(one.deliveries + other.deliveries, one.at_most + other.at_most, oldest)
