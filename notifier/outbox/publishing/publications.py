"""Publications: the messages that the broker should hold. One row for a page of them, not one a message.

A publication stays until nothing in it is pending. What the broker lost is found here, and what nobody published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.outbox.days import within
from notifier.outbox.delivery.changes import uuids
from notifier.outbox.publishing.backlog import Backlog, backlog
from notifier.outbox.publishing.due_scan import DueScan
from notifier.outbox.stream.recording import PUBLICATION_SIZE
from notifier.settings import default


@dataclass(frozen=True, slots=True)
class Publication:
    """Messages of one channel. `age` is seconds since they were published, None where nobody did. `waiting` maps
    those still pending and due to their failures so far.
    """

    id: int
    channel: str
    age: float | None
    waiting: Mapping[UUID, int]


_PUBLISHED = text("""
UPDATE publications SET published_at = now(), due_at = now() + make_interval(secs => :look_again)
WHERE id = ANY(:ids)
""")

_TAKE = text("""
UPDATE publications SET due_at = now() + make_interval(secs => :look_again)
WHERE id IN (
  SELECT id FROM publications WHERE due_at <= now() AND due_at >= :after AND channel = :channel
  ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING id, extract(epoch FROM now() - published_at)::float8, notification_ids
""")

# A paused channel gets nothing, a parked one only when it may send a probe: what it has may have become due long ago.
_CHANNELS_DUE = text("""
SELECT p.channel, min(p.due_at) FROM publications p LEFT JOIN channels c USING (channel)
WHERE p.due_at <= now()
  AND p.due_at >= CASE WHEN EXISTS (SELECT FROM channels WHERE state = 'parked') THEN '-infinity' ELSE :after END
  AND (c.state IS NULL OR c.state = 'running' OR c.state = 'parked' AND c.probe_at <= now())
GROUP BY p.channel
UNION ALL SELECT NULL, now()
ORDER BY channel NULLS LAST
""")

# OFFSET keeps the planner from looking through publications where all channels run, as nearly always.
_HELD_BACK = text("""
SELECT c.channel FROM channels c
WHERE (c.state = 'paused' OR c.state = 'parked' AND c.probe_at > now()) AND EXISTS (
  SELECT FROM publications p
  WHERE p.channel = c.channel AND p.due_at <= now() AND p.published_at IS NULL OFFSET 0
)
""")

_WAITING = text("""
SELECT published.publication, d.notification_id, d.failures
FROM unnest(CAST(:publications AS int8[]), CAST(:ids AS uuid[])) AS published (publication, id)
JOIN deliveries d ON d.notification_id = published.id AND in_days(d.notification_id)
WHERE published.id IS NULL OR d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
""")

_SETTLED = text("DELETE FROM publications WHERE id = ANY(:ids)")

_PUBLISHED_AGAIN = text("""
UPDATE publications p SET notification_ids = held.ids,
  published_at = CASE WHEN :anew THEN now() ELSE p.published_at END,
  due_at = now() + make_interval(secs => :look_again)
FROM (
  SELECT publication, array_agg(id ORDER BY place) AS ids
  FROM unnest(CAST(:publications AS int8[]), CAST(:waiting AS uuid[])) WITH ORDINALITY AS one (publication, id, place)
  GROUP BY publication
) held
WHERE p.id = held.publication
""")

_POSTPONE = text("UPDATE publications SET due_at = now() + make_interval(secs => :seconds) WHERE id = ANY(:ids)")

_BACKLOG = text("SELECT coalesce(sum(cardinality(notification_ids)), 0) FROM publications")

_ALL_DUE = text("UPDATE publications SET due_at = now() WHERE published_at IS NOT NULL")

_DUE_RETRIES = text("""
WITH ready AS (
  DELETE FROM due WHERE notification_id IN (
    SELECT notification_id FROM due WHERE kind = 'retry' AND due_at <= now() AND due_at >= :after
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
  ) RETURNING notification_id, channel
)
INSERT INTO publications (channel, notification_ids)
SELECT channel, array_agg(notification_id)
FROM (SELECT *, (row_number() OVER (PARTITION BY channel) - 1) / :page AS page FROM ready) AS numbered
GROUP BY channel, page
RETURNING cardinality(notification_ids)
""")


class Publications:
    """What bridge and relay owe the broker. `look_again`: seconds that published messages are left to the workers."""

    def __init__(self, engine: Engine, look_again: float = default("look_again_seconds")) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.look_again = look_again
        self._publications = DueScan()
        self._retries = DueScan()
        self._now: datetime | None = None

    def published(self, ids: Sequence[int]) -> None:
        """The broker has these now."""
        with self._engine.connect() as connection:
            connection.execute(_PUBLISHED, {"ids": list(ids), "look_again": self.look_again})

    def retries_due(self, limit: int) -> int:
        """Turn deliveries whose next attempt is due into publications that are due; answers how many."""
        values = {"limit": limit, "page": PUBLICATION_SIZE, "after": self._retries.start()}
        with self._engine.connect() as connection:
            ready = int(sum(connection.execute(_DUE_RETRIES, values).scalars()))
        if self._now and ready < limit:  # found all that were due when we last looked at the clock
            self._retries.finished(self._now, None)
        return ready

    def backlog(self) -> int:
        """How many deliveries wait for a worker at most: what was settled since the relay looked still counts."""
        with self._engine.connect() as connection:
            return int(connection.execute(_BACKLOG).scalar_one())

    def waiting(self) -> dict[str, Backlog]:
        """How many deliveries of each channel wait for a worker. Looks up a sample of them."""
        with self._engine.connect() as connection:
            return backlog(connection)

    def all_due(self) -> None:
        """Look at everything that was published, now: the broker may have lost it."""
        with self._engine.connect() as connection:
            connection.execute(_ALL_DUE)
        self._publications.reset()

    def channels_due(self) -> list[str]:
        """The channels that have a publication to look at, and to which the relay may publish now."""
        with self._engine.connect() as connection:
            *due, (_, now) = connection.execute(_CHANNELS_DUE, {"after": self._publications.start()}).all()
        self._now = now
        self._publications.finished(now, min((oldest for _, oldest in due), default=None))
        return [channel for channel, _ in due]

    def channels_held_back(self) -> set[str]:
        """The paused and parked channels with a publication that is due and that nobody has published yet."""
        with self._engine.connect() as connection:
            return set(connection.execute(_HELD_BACK).scalars())

    def take_due(self, channel: str, limit: int) -> list[Publication]:
        """The publications to look at now, the oldest first. No other relay looks at them for a while."""
        with self._engine.connect() as connection:
            after = self._publications.start()
            values = {"channel": channel, "limit": limit, "look_again": self.look_again, "after": after}
            taken = sorted(connection.execute(_TAKE, values).all(), key=lambda row: row[0])
            published = [(row[0], id_) for row in taken for id_ in row[2]]
            waiting = _waiting(connection, published) if published else {}
        return [Publication(id_, channel, age, waiting.get(id_, {})) for id_, age, _ in taken]

    def settled(self, ids: Sequence[int]) -> None:
        """Nothing in these is pending any more."""
        if ids:
            with self._engine.connect() as connection:
                connection.execute(_SETTLED, {"ids": list(ids)})

    def published_again(self, *publications: Publication, anew: bool = True) -> None:
        """The broker has all of these that wait, perhaps `anew`, and the rest of the publications is forgotten."""
        pairs = [(each.id, id_) for each in publications for id_ in each.waiting]
        if pairs:
            values = {"publications": [id_ for id_, _ in pairs], "waiting": uuids([id_ for _, id_ in pairs])}
            with self._engine.connect() as connection:
                options = {"anew": anew, "look_again": self.look_again}
                connection.execute(_PUBLISHED_AGAIN, {**values, **options})

    def postpone(self, ids: Sequence[int], seconds: float) -> None:
        """Look at these again after so many seconds."""
        if ids:
            with self._engine.connect() as connection:
                connection.execute(_POSTPONE, {"ids": list(ids), "seconds": seconds})


def _waiting(connection: Connection, published: Sequence[tuple[int, UUID]]) -> dict[int, dict[UUID, int]]:
    """Of these pairs of publication and notification those that are pending and due; failures by both."""
    publications, ids = [list(each) for each in zip(*published, strict=True)]
    waiting: dict[int, dict[UUID, int]] = {}
    values = {"publications": publications, "ids": uuids(ids)}
    for publication, notification, failures in connection.execute(within(_WAITING, ids), values):
        waiting.setdefault(publication, {})[notification] = failures
    return waiting
