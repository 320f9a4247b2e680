"""The row of a digest goes when its leader ends otherwise than by an attempt of a worker."""

import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox import Arrival, Digests, Operations, Selection, Settlement
from notifier.outbox.operator import operations
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "rows"]


def collected(rows: Rows, members: int) -> UUID:
    """Return the leader of a digest with so many members."""
    key = uuid.uuid4()
    ids = sorted(rows.pending(1 + members))
    arrivals = [Arrival(id_, key, 3600.0, 100, first_at_once=False) for id_ in ids]
    assert Digests(rows.engine, channel="email").collect(arrivals) == []
    assert rows.one("SELECT leader FROM digests WHERE key = :key", key=key) == {"leader": ids[0]}
    return ids[0]


@pytest.mark.parametrize("members", [0, 1])
def test_it_goes_when_an_event_proves_that_its_leader_was_sent(rows: Rows, members: int) -> None:
    leader, now = collected(rows, members), datetime.now(UTC)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, "m-1", now, now, leader, 1)])
    assert rows.delivery(leader)["status"] == "sent"
    assert rows.all("SELECT * FROM digests") == []


@pytest.mark.parametrize("members", [0, 1])
def test_it_goes_when_an_operator_cancels_its_leader(rows: Rows, members: int) -> None:
    leader = collected(rows, members)
    assert list(Operations(rows.engine, actor="eva").cancel(Selection(ids=[leader]), "erased")) == [1]
    assert rows.all("SELECT * FROM digests") == []


def test_a_transaction_that_cancels_leaders_is_bounded_with_their_members(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_BATCH", 8)
    leaders = [collected(rows, members=3) for _ in range(5)]
    assert list(Operations(rows.engine, actor="eva").cancel(Selection(ids=leaders), "not these")) == [2, 2, 1]
    assert rows.all("SELECT * FROM digests") == []
    assert rows.one("SELECT count(*) AS n FROM deliveries WHERE status = 'merged'")["n"] == 15
