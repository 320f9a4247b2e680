"""Publications: the messages that the broker should hold. One row has up to PUBLICATION_SIZE messages of a queue.

A publication stays until none of its deliveries is pending. By it the relay finds messages that were never published,
and messages that the broker lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.database.arrays import uuids
from notifier.lanes import Lane, parts_of, queue_of
from notifier.outbox.days import within
from notifier.outbox.publishing.backlog import Backlog, backlog
from notifier.outbox.publishing.due_scan import DueScan
from notifier.outbox.statements import statement
from notifier.outbox.stream.new_publications import PUBLICATION_SIZE, insert_messages
from notifier.settings import default


@dataclass(frozen=True, slots=True)
class Publication:
    """Messages of one queue. `age`: seconds since they were published, None if they were not. `waiting`: the ids of
    those that are pending and due, with their failures so far.
    """

    id: int
    queue: str
    age: float | None
    waiting: Mapping[UUID, int]


_MARK_PUBLISHED = statement(__package__, "mark_published.sql")
_TAKE = statement(__package__, "take_due.sql")
_QUEUES_DUE = statement(__package__, "queues_due.sql")
_HELD_BACK = statement(__package__, "queues_held_back.sql")
_DUE_MESSAGES = statement(__package__, "due_messages.sql")
_DELETE = statement(__package__, "delete_publications.sql")
_KEEP_WAITING = statement(__package__, "keep_due_messages.sql")
_POSTPONE = statement(__package__, "postpone.sql")
_MESSAGE_COUNT = statement(__package__, "count_messages.sql")
_ALL_DUE = statement(__package__, "make_all_due.sql")
_PUBLISH_RETRIES = statement(__package__, "publish_retries.sql", returned="cardinality(notification_ids)")
_READY_RETRIES = statement(__package__, "publish_retries.sql", returned="id, channel, notification_ids")
_ROUTES = statement(__package__, "read_routes.sql")


class Publications:
    """The rows of `publications`. The relay checks `look_again` seconds after a publication was published whether its
    messages are still pending. `lanes` are those of the routes that are not of the normal one.
    """

    def __init__(
        self,
        engine: Engine,
        look_again: float = default("look_again_seconds"),
        lanes: Mapping[str, Lane] = MappingProxyType({}),
    ) -> None:
        self._transactions = engine
        self._lanes = lanes
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.look_again = look_again
        self._publications = DueScan()
        self._retries = DueScan()
        self._now: datetime | None = None

    def mark_published(self, ids: Sequence[int]) -> None:
        """Mark these publications as published."""
        with self._engine.connect() as connection:
            connection.execute(_MARK_PUBLISHED, {"ids": list(ids), "look_again": self.look_again})

    def publish_due_retries(self, limit: int) -> int:
        """Turn retries and scheduled deliveries that are due into publications that are due, at most `limit` of each
        kind; return how many.
        """
        values = {"limit": limit, "page": PUBLICATION_SIZE, "after": self._retries.start()}
        if self._lanes:
            ready = self._publish_by_lanes(values)
        else:
            with self._engine.connect() as connection:
                ready = int(sum(connection.execute(_PUBLISH_RETRIES, values).scalars()))
        if self._now and ready < limit:  # these are all that were due at the last known time of the database
            self._retries.finished(self._now, None)
        return ready

    def _publish_by_lanes(self, values: Mapping[str, object]) -> int:
        """Do the same in one transaction that gives each message to the queue of its route's lane: `due` has the
        channel only.
        """
        with self._transactions.begin() as connection:
            made = connection.execute(_READY_RETRIES, values).all()
            ids = [id_ for _, _, some in made for id_ in some]
            if not ids:
                return 0
            wanted = {"ids": uuids(ids), "routes": list(self._lanes)}
            lanes = {id_: self._lanes[route] for id_, route in connection.execute(within(_ROUTES, ids), wanted)}
            if lanes:
                connection.execute(_DELETE, {"ids": [publication for publication, _, _ in made]})
                by_queue: dict[str, list[UUID]] = {}
                for _, channel, some in made:
                    for id_ in some:
                        by_queue.setdefault(queue_of(channel, lanes.get(id_, Lane.NORMAL)), []).append(id_)
                for queue, some in by_queue.items():
                    insert_messages(connection, queue, some)
        return len(ids)

    def message_count(self) -> int:
        """Return the number of messages in all publications: at most so many deliveries wait for a worker. Those that
        were settled since the relay last checked their publication still count.
        """
        with self._engine.connect() as connection:
            return int(connection.execute(_MESSAGE_COUNT).scalar_one())

    def backlog(self) -> dict[str, Backlog]:
        """Return how many deliveries of each queue wait for a worker, estimated from a sample."""
        with self._engine.connect() as connection:
            return backlog(connection)

    def make_all_due(self) -> None:
        """Make all published publications due: the broker may have lost its messages."""
        with self._engine.connect() as connection:
            connection.execute(_ALL_DUE)
        self._publications.reset()

    def queues_due(self) -> list[str]:
        """Return the queues with a publication that is due, except those of channels that are paused, or parked
        without a probe due.
        """
        with self._engine.connect() as connection:
            *due, (_, now) = connection.execute(_QUEUES_DUE, {"after": self._publications.start()}).all()
        self._now = now
        self._publications.finished(now, min((oldest for _, oldest in due), default=None))
        return [queue for queue, _ in due]

    def queues_held_back(self) -> set[str]:
        """Return the queues of paused and parked channels with a publication that is due and was never published."""
        with self._engine.connect() as connection:
            return set(connection.execute(_HELD_BACK).scalars())

    def take_due(self, queue: str, limit: int) -> list[Publication]:
        """Take at most `limit` publications of the queue that are due, the oldest first. Other relays do not take
        them for `look_again` seconds.
        """
        channel, lane = parts_of(queue)
        values: dict[str, Any] = {
            "channel": channel,
            "lane": None if lane is Lane.NORMAL else lane.value,
            "limit": limit,
            "look_again": self.look_again,
        }
        with self._engine.connect() as connection:
            values["after"] = self._publications.start()
            taken = sorted(connection.execute(_TAKE, values).all(), key=lambda row: row[0])
            published = [(row[0], id_) for row in taken for id_ in row[2]]
            waiting = _waiting(connection, channel, published) if published else {}
        return [Publication(id_, queue, age, waiting.get(id_, {})) for id_, age, _ in taken]

    def delete(self, ids: Sequence[int]) -> None:
        """Delete these publications: none of their deliveries is pending."""
        if ids:
            with self._engine.connect() as connection:
                connection.execute(_DELETE, {"ids": list(ids)})

    def keep_waiting(self, *publications: Publication, anew: bool = True) -> None:
        """Reduce the publications to their `waiting` messages, which the broker has. `anew`: they were published just
        now.
        """
        pairs = [(each.id, id_) for each in publications for id_ in each.waiting]
        if pairs:
            values = {"publications": [id_ for id_, _ in pairs], "waiting": uuids([id_ for _, id_ in pairs])}
            with self._engine.connect() as connection:
                options = {"anew": anew, "look_again": self.look_again}
                connection.execute(_KEEP_WAITING, {**values, **options})

    def postpone(self, ids: Sequence[int], seconds: float) -> None:
        """Make these publications due in so many seconds."""
        if ids:
            with self._engine.connect() as connection:
                connection.execute(_POSTPONE, {"ids": list(ids), "seconds": seconds})


def _waiting(
    connection: Connection, channel: str, published: Sequence[tuple[int, UUID]]
) -> dict[int, dict[UUID, int]]:
    """Return, by publication, the notifications that are pending and due, with their failures."""
    publications, ids = [list(each) for each in zip(*published, strict=True)]
    waiting: dict[int, dict[UUID, int]] = {}
    values = {"publications": publications, "ids": uuids(ids), "channel": channel}
    for publication, notification, failures in connection.execute(within(_DUE_MESSAGES, ids), values):
        waiting.setdefault(publication, {})[notification] = failures
    return waiting
