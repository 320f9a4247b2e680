"""Places of limits: attempts take them in the transaction that begins them."""

import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    BeginResult,
    Change,
    LimitedRecipient,
    Operations,
    Recipient,
    Retention,
    Selection,
    Suppressions,
    end_leases,
)
from tests.outbox.rows import Rows
from tests.waiting import wait_until

TO = "ana@example.com"
DAY = 86_400.0
_WAITS_FOR_A_LOCK = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def begin(
    attempts: Attempts,
    ids: Sequence[UUID],
    most: int = 2,
    *,
    to: str = TO,
    token: UUID | None = None,
    per: float = DAY,
    scope: str = "route a",
) -> BeginResult:
    limited = [LimitedRecipient(id_, scope, to, most, per) for id_ in ids]
    return attempts.begin(token or uuid.uuid4(), [Recipient(id_, to) for id_ in ids], 60.0, limited=limited)


def begun(result: BeginResult) -> list[UUID]:
    return [each.id for each in result.begun]


def over(result: BeginResult) -> list[UUID]:
    return [each.id for each in result.over_limit]


def age(rows: Rows, seconds: float) -> None:
    """Time passes: the places were taken so much earlier."""
    rows.run(
        "UPDATE limit_places SET since = ARRAY(SELECT at - make_interval(secs => :s) FROM unnest(since) AS at), "
        "ends_at = ends_at - make_interval(secs => :s)",
        s=seconds,
    )


def test_the_last_places_go_to_the_oldest_and_the_others_stay_pending(rows: Rows) -> None:
    ids = rows.pending(4)

    result = begin(rows.attempts(), ids, most=3)

    oldest = sorted(ids)
    assert sorted(begun(result)) == oldest[:3]
    (left,) = result.over_limit
    assert (left.id, left.used) == (oldest[3], 3)
    assert left.free_at - datetime.now(UTC) == pytest.approx(timedelta(days=1), abs=timedelta(seconds=20))
    assert rows.status(oldest[3]) is Status.PENDING
    assert rows.delivery(oldest[3])["attempt"] == 0
    assert rows.balanced()


def test_places_are_free_when_their_time_is_over_and_not_before(rows: Rows) -> None:
    first, second, third, fourth = (rows.pending()[0] for _ in range(4))
    attempts = rows.attempts()
    assert begun(begin(attempts, [first])) == [first]
    age(rows, DAY - 60)
    assert begun(begin(attempts, [second])) == [second]
    result = begin(attempts, [third])
    assert over(result) == [third]
    assert result.over_limit[0].free_at - datetime.now(UTC) < timedelta(minutes=2), "the older one of the two ends"

    age(rows, 61)

    assert begun(begin(attempts, [third])) == [third], "the window slides: the second place is still taken"
    assert over(begin(attempts, [fourth])) == [fourth]


def test_a_retry_counts_once_and_from_its_latest_attempt(rows: Rows) -> None:
    first, second, third = (rows.pending()[0] for _ in range(3))
    attempts = rows.attempts()
    for _ in range(3):
        token = uuid.uuid4()
        assert begun(begin(attempts, [first], 2, token=token)) == [first]
        attempts.finish(token, [Change(first, Status.PENDING, failed=True, delay=-1.0, reason="throttled")])
        age(rows, DAY / 2)
    assert begun(begin(attempts, [first], 2)) == [first]
    assert begun(begin(attempts, [second], 2)) == [second]
    age(rows, DAY / 2)
    assert over(begin(attempts, [third], 2)) == [third]


def test_a_repeated_begin_whose_answer_was_lost_finds_its_attempts(rows: Rows) -> None:
    ids = rows.pending(3)
    token = uuid.uuid4()
    attempts = rows.attempts()
    first = begin(attempts, ids, token=token)

    again = begin(attempts, ids, token=token)

    assert sorted(begun(again)) == sorted(begun(first))
    assert [each.attempt for each in again.begun] == [1, 1]
    assert over(again) == over(first)
    assert len(rows.one("SELECT ids FROM limit_places")["ids"]) == 2


def test_what_is_not_begun_takes_no_place(rows: Rows) -> None:
    attempts = rows.attempts()
    (suppressed,) = rows.pending()
    Suppressions(rows.engine, actor="test").add("email", TO, reason="manual")
    result = begin(attempts, [suppressed])
    assert (result.suppressed, begun(result), over(result)) == ([suppressed], [], [])
    Suppressions(rows.engine, actor="test").remove("email", TO)
    cancelled, waiting = rows.pending(2)
    list(Operations(rows.engine, actor="eva").cancel(Selection(ids=[cancelled]), "why"))
    attempts.decide([Change(waiting, Status.PENDING, delay=60.0, reason="busy")])
    assert begin(attempts, [cancelled, waiting]) == BeginResult([], [])
    assert rows.all("SELECT * FROM limit_places") == []


def test_an_unknown_outcome_keeps_its_place(rows: Rows) -> None:
    first, second = (rows.pending()[0] for _ in range(2))
    attempts = rows.attempts()
    begin(attempts, [first], 1)
    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    assert end_leases(rows.engine) == [first]
    assert over(begin(attempts, [second], 1)) == [second]


def test_a_failed_one_keeps_its_place_and_a_redrive_uses_it(rows: Rows) -> None:
    first, second = (rows.pending()[0] for _ in range(2))
    attempts, token = rows.attempts(), uuid.uuid4()
    begin(attempts, [first], 1, token=token)
    attempts.finish(token, [Change(first, Status.FAILED, failed=True, reason="refused")])
    assert over(begin(attempts, [second], 1)) == [second]
    list(Operations(rows.engine, actor="eva").redrive(Selection(ids=[first]), "again", per_second=1_000))
    assert begun(begin(attempts, [first], 1)) == [first]


def test_recipients_and_scopes_count_apart(rows: Rows) -> None:
    attempts = rows.attempts()
    for to, scope in ((TO, "route a"), ("bo@example.com", "route a"), (TO, "route b")):
        ids = rows.pending(2)
        assert len(begun(begin(attempts, ids, 1, to=to, scope=scope))) == 1


def test_a_lower_limit_holds_at_once_and_a_higher_one_too(rows: Rows) -> None:
    attempts = rows.attempts()
    assert len(begun(begin(attempts, rows.pending(3), 3))) == 3
    assert begun(begin(attempts, rows.pending(), 2)) == []
    assert attempts.full_limits([LimitedRecipient(uuid.uuid4(), "route a", TO, 2, DAY)])[0].used == 3
    assert len(begun(begin(attempts, rows.pending(2), 4))) == 1


def test_full_limits_says_what_begin_would(rows: Rows) -> None:
    attempts = rows.attempts()
    first, second = rows.pending(2)
    other = LimitedRecipient(second, "route a", TO, 1, DAY)
    assert attempts.full_limits([other]) == []
    begin(attempts, [first], 1)
    assert attempts.full_limits([other]) == begin(attempts, [second], 1).over_limit
    assert attempts.full_limits([LimitedRecipient(first, "route a", TO, 1, DAY)]) == [], "it has the place"
    age(rows, DAY)
    assert attempts.full_limits([other]) == []


def test_others_of_the_unit_begin_in_the_same_transaction(rows: Rows) -> None:
    unlimited, first, second = rows.pending(3)
    token = uuid.uuid4()
    limited = [LimitedRecipient(id_, "route a", TO, 1, DAY) for id_ in (first, second)]
    recipients = [Recipient(id_, TO) for id_ in (unlimited, first, second)]
    result = rows.attempts().begin(token, recipients, 60.0, limited=limited)
    assert {*begun(result)} == {unlimited, min(first, second)}
    claim = rows.one("SELECT notification_ids FROM claims WHERE token = :t", t=token)
    assert {*claim["notification_ids"]} == {*begun(result)}


def test_workers_at_the_same_moment_never_exceed_the_limit(rows: Rows, database_url: str) -> None:
    """Eight connections begin units of few people at once, the same notifications among them."""
    people = [f"{number}@example.com" for number in range(4)]
    workers = 8
    engines: list[Engine] = [connect(database_url, pool_size=1) for _ in range(workers)]
    try:
        for most in (1, 3):
            to = {id_: people[number % len(people)] for number, id_ in enumerate(rows.pending(60))}
            scope = f"route {most}"

            def work(engine: Engine, to: dict[UUID, str] = to, most: int = most, scope: str = scope) -> list[UUID]:
                attempts, found = Attempts(engine, channel="email", worker="w"), []
                ids = random.sample(list(to), len(to))
                for at in range(0, len(ids), 7):
                    unit = ids[at : at + 7]
                    limited = [LimitedRecipient(id_, scope, to[id_], most, DAY) for id_ in unit]
                    recipients = [Recipient(id_, to[id_]) for id_ in unit]
                    found += begun(attempts.begin(uuid.uuid4(), recipients, 60.0, limited=limited))
                return found

            with ThreadPoolExecutor(workers) as threads:
                every = [id_ for found in threads.map(work, engines) for id_ in found]

            assert len(every) == len(set(every)), "none was begun twice"
            assert {person: sum(to[id_] == person for id_ in every) for person in people} == dict.fromkeys(
                people, most
            )
    finally:
        for engine in engines:
            engine.dispose()


def test_the_second_waits_for_the_first_and_sees_its_places(rows: Rows) -> None:
    first, second = (rows.pending()[0] for _ in range(2))
    with rows.engine.begin() as connection, ThreadPoolExecutor(1) as threads:
        connection.exec_driver_sql(
            "INSERT INTO limit_places "
            "SELECT 'route a', sha256('ana@example.com'), ARRAY[%s::uuid], ARRAY[now()], now() + interval '1 day'",
            (str(first),),
        )
        waiting = threads.submit(begin, rows.attempts(), [second], 1)
        wait_until(lambda: bool(rows.all(_WAITS_FOR_A_LOCK)), 20)
        connection.commit()
        assert over(waiting.result(20)) == [second]


def test_places_that_ended_are_deleted(rows: Rows) -> None:
    attempts = rows.attempts()
    begin(attempts, rows.pending(), to="old@example.com")
    age(rows, DAY + 1)
    begin(attempts, rows.pending(), to="new@example.com")
    retention = Retention(rows.engine, 0)

    assert retention.run_once().deleted == {"limit_places": 1}
    assert "limit_places" not in retention.run_once().deleted
    assert rows.all("SELECT recipient = sha256('new@example.com') AS is_new FROM limit_places") == [{"is_new": True}]
