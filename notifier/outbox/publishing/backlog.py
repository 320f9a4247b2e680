"""How many deliveries wait for a worker, per queue, estimated at a bounded cost.

A publication is deleted only when the relay checks it again, so the messages of all publications are more than those
that still wait. How many still wait is read for a sample: SAMPLE publications of each queue and kind (published or
not), evenly spread over their age, the oldest among them. With no more than SAMPLE publications of a kind the number
is exact.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.outbox.days import within
from notifier.outbox.statements import statement

SAMPLE = 20
"""Publications of each queue and kind whose deliveries are read."""

_SAMPLE = statement(__package__, "sample_publications.sql")
_PENDING = statement(__package__, "count_due_messages.sql")


@dataclass(frozen=True, slots=True)
class Backlog:
    """`deliveries` that are pending and due, and the `oldest` of those in the sample, None if there is none.
    `at_most` is an upper estimate: each publication between two sampled ones counts like the one of the two with the
    larger share.
    """

    deliveries: int
    at_most: int
    oldest: UUID | None


@dataclass(slots=True)
class _Kind:
    """The publications of a queue, published or not: `messages` in `rows`, and the ids of the sampled rows."""

    messages: int
    rows: int
    sampled: dict[int, Sequence[UUID]] = field(default_factory=dict)


def backlog(connection: Connection) -> dict[str, Backlog]:
    """Return what waits, by queue. Queues without a publication are left out."""
    kinds: dict[tuple[str, bool], _Kind] = {}
    for queue, unpublished, in_all, rows, id_, ids in connection.execute(_SAMPLE, {"sample": SAMPLE}):
        kinds.setdefault((queue, unpublished), _Kind(in_all, rows)).sampled[id_] = ids
    pending = _pending(connection, [(p, id_) for each in kinds.values() for p, ids in each.sampled.items()
                                    for id_ in ids])  # fmt: skip
    found: dict[str, Backlog] = {}
    for (queue, _), kind in kinds.items():
        known, more = found.get(queue), _estimate(kind, pending)
        found[queue] = _sum(known, more) if known else more
    return found


def _pending(connection: Connection, sampled: Sequence[tuple[int, UUID]]) -> Mapping[int, tuple[int, UUID]]:
    """Return, by publication, how many of these are pending and due, and the oldest. Others have none."""
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
