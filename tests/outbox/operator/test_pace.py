"""The pace of redrives and of what is brought forward: it holds for all of them together, not for each."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from notifier.notifications import Status
from notifier.outbox import Operations, Scheduled, Selection
from notifier.outbox.operator import operations as module
from tests.outbox.rows import Rows


def failed(rows: Rows, count: int) -> list[UUID]:
    return sorted(rows.in_status(Status.FAILED, reason="no", ended_at="now") for _ in range(count))


def redriven(rows: Rows, ids: Sequence[UUID], per_second: float = 1.0, actor: str = "eva") -> Iterator[int]:
    return Operations(rows.engine, actor=actor).redrive(Selection(ids=ids), "mended", per_second=per_second)


def gaps(rows: Rows) -> list[float]:
    """Seconds between the times of what waits, in order."""
    times = [row["due_at"] for row in rows.all("SELECT due_at FROM due ORDER BY due_at")]
    return [round((later - earlier).total_seconds(), 3) for earlier, later in pairwise(times)]


def waits(rows: Rows, id_: UUID) -> float:
    """Seconds until it is due."""
    return float(
        rows.one("SELECT extract(epoch FROM due_at - now()) AS s FROM due WHERE notification_id = :i", i=id_)["s"]
    )


def test_a_run_begins_where_the_one_before_ends(rows: Rows) -> None:
    first, second, third = (failed(rows, 5) for _ in range(3))
    assert [sum(redriven(rows, each)) for each in (first, second, third)] == [5, 5, 5]
    assert gaps(rows) == [1.0] * 14


def test_two_operators_share_the_pace(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    runs = [redriven(rows, failed(rows, 4), actor=actor) for actor in ("eva", "sam")]
    assert [next(run) for _ in range(2) for run in runs] == [2] * 4
    assert gaps(rows) == [1.0] * 7


def test_it_says_when_the_last_one_is_due(rows: Rows) -> None:
    operations = Operations(rows.engine, actor="eva")
    assert operations.until is None
    ids = failed(rows, 3)
    for batch in (ids[:2], ids[2:]):
        list(operations.redrive(Selection(route="a_route", ids=batch), "mended", per_second=0.01))
    assert operations.until == rows.one("SELECT max(due_at) AS last FROM due WHERE kind = 'retry'")["last"]


def test_after_an_end_in_the_past_a_run_begins_at_once(rows: Rows) -> None:
    list(redriven(rows, failed(rows, 2), per_second=1000))
    rows.run("UPDATE operations SET scope = replace(scope, extract(year FROM now())::text, '2020')")
    again = failed(rows, 2)
    list(redriven(rows, again, per_second=0.1))
    assert waits(rows, again[0]) <= 0
    assert 5 < waits(rows, again[1]) <= 10


def test_one_that_is_named_is_due_at_once_and_holds_nothing_up(rows: Rows) -> None:
    list(redriven(rows, failed(rows, 2), per_second=0.01))
    (one,) = failed(rows, 1)
    list(redriven(rows, [one], per_second=0.01))
    assert waits(rows, one) <= 0
    next_ = failed(rows, 2)
    list(redriven(rows, next_))
    assert 95 < waits(rows, next_[0]) <= 101


def test_a_run_that_was_cancelled_holds_nothing_up(rows: Rows) -> None:
    slow, wanted = failed(rows, 3), failed(rows, 2)
    list(redriven(rows, slow, per_second=0.01))
    list(Operations(rows.engine, actor="eva").cancel(Selection(ids=slow), "the pace was a mistake"))
    list(redriven(rows, wanted))
    assert waits(rows, wanted[0]) <= 1


def test_what_waits_longer_for_another_reason_holds_nothing_up(rows: Rows) -> None:
    (other,) = rows.pending()
    rows.run(
        "INSERT INTO due (notification_id, kind, channel, due_at) VALUES "
        "(:id, 'retry', 'email', now() + interval '1 h')",
        id=other,
    )
    ids = failed(rows, 2)
    list(redriven(rows, ids))
    assert waits(rows, ids[0]) <= 0


def test_what_is_brought_forward_has_a_pace_of_its_own(rows: Rows) -> None:
    until = datetime.now(UTC) + timedelta(days=9)
    ids = sorted(rows.pending(6))
    rows.attempts().schedule([Scheduled(id_, Status.PENDING, reason="quiet hours", until=until) for id_ in ids])
    list(redriven(rows, failed(rows, 2), per_second=0.01))
    for some in (ids[:2], ids[2:4]):
        list(Operations(rows.engine, actor="eva").bring_forward(Selection(ids=some), "now", per_second=1))
    assert [waits(rows, id_) > 0 for id_ in ids[:4]] == [False, True, True, True]
    assert 2 < waits(rows, ids[3]) <= 3
    assert waits(rows, ids[4]) > 8 * 24 * 3600


@pytest.mark.parametrize("matching", [0, 2])
def test_words_of_a_reason_that_was_selected_are_not_its_end(rows: Rows, matching: int) -> None:
    """The journal names the reason that was selected, which may have the words before the journal's own time."""
    because = "payment, due until 2026-31-31"
    for id_ in failed(rows, matching):
        rows.run("UPDATE deliveries SET reason = :because WHERE notification_id = :id", because=because, id=id_)
    chosen = Operations(rows.engine, actor="eva").redrive(Selection(because=because), "mended", per_second=1.0)
    assert sum(chosen) == matching
    assert sum(redriven(rows, failed(rows, 2))) == 2
    assert gaps(rows) == [1.0] * (matching + 1)
