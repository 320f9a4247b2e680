import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Change, ChannelStates, Publications, Recipient
from tests.outbox.rows import Rows


def test_a_page_that_was_not_published_is_due_after_its_grace(rows: Rows) -> None:
    ids = rows.pending(3)
    publications = Publications(rows.engine)
    assert publications.queues_due() == []

    rows.run("UPDATE publications SET due_at = now()")

    assert publications.queues_due() == ["email"]
    (found,) = publications.take_due("email", 10)
    assert found.age is None
    assert found.waiting == dict.fromkeys(ids, 0)


def test_what_is_marked_as_published_is_looked_at_later(rows: Rows) -> None:
    rows.pending(3)
    publications = Publications(rows.engine, look_again=60.0)

    publications.mark_published([row["id"] for row in rows.all("SELECT id FROM publications")])

    assert rows.one("SELECT published_at IS NOT NULL AS published, due_at > now() + interval '50 s' AS rests "
                    "FROM publications") == {"published": True, "rests": True}  # fmt: skip


@pytest.mark.parametrize("marked", ["before", "after", "late"])
def test_what_the_broker_may_have_lost_is_due_also_if_it_was_marked_after_that(rows: Rows, marked: str) -> None:
    """A bridge marks what it published half a second later: the broker may have lost it by then."""
    ids = rows.pending(3)
    publications = Publications(rows.engine)
    made = [row["id"] for row in rows.all("SELECT id FROM publications")]
    if marked == "before":
        publications.mark_published(made)

    if marked == "late":
        rows.run("UPDATE publications SET due_at = now()")  # its grace is over
    else:
        publications.make_all_due()
    if marked != "before":
        publications.mark_published(made)

    assert publications.queues_due() == ["email"]
    (found,) = publications.take_due("email", 10)
    assert found.waiting == dict.fromkeys(ids, 0)


def test_a_mark_does_not_wait_for_what_is_being_made_due(rows: Rows, database_url: str) -> None:
    """Both change many rows, in whatever order: if each waited for the other, that would be a deadlock."""
    rows.pending(3)
    made = [row["id"] for row in rows.all("SELECT id FROM publications")]
    impatient = connect(database_url, lock_patience=1)
    try:
        with rows.engine.begin() as other:
            other.execute(text("UPDATE publications SET due_at = now()"))
            Publications(impatient).mark_published(made)
    finally:
        impatient.dispose()
    assert Publications(rows.engine).queues_due() == ["email"]


@pytest.mark.parametrize("parked", [False, True])
def test_what_workers_left_alone_is_due_when_the_channel_runs_again_also_if_it_was_not_marked_yet(
    rows: Rows, parked: bool
) -> None:
    """Workers take what was just published for a channel that does not run from the broker, and leave it alone."""
    ids = rows.pending(3)
    states, publications = ChannelStates(rows.engine, actor="eva"), Publications(rows.engine)
    if parked:
        states.park("email", "the account is blocked")
    else:
        states.pause("email", "a wrong footer")
    assert rows.attempts().load(ids) == []

    assert states.reopen("email") if parked else states.resume("email")
    publications.mark_published([row["id"] for row in rows.all("SELECT id FROM publications")])

    assert publications.queues_due() == ["email"]


def test_only_what_is_still_pending_is_published_again(rows: Rows) -> None:
    sent, begun, later, waiting = rows.pending(4)
    attempts, token = rows.attempts(), uuid.uuid4()
    attempts.begin(token, [Recipient(sent, "a@example.com")], 60)
    attempts.finish(token, [Change(sent, Status.SENT)])
    attempts.begin(uuid.uuid4(), [Recipient(begun, "a@example.com")], 60)
    attempts.decide([Change(later, Status.PENDING, failed=True, delay=60.0, reason="route failed")])
    rows.run("UPDATE publications SET due_at = now(), published_at = now()")

    (found,) = Publications(rows.engine).take_due("email", 10)

    assert found.waiting == {waiting: 0}


def test_relays_share_the_work(rows: Rows) -> None:
    for _ in range(40):
        rows.pending()
    rows.run("UPDATE publications SET due_at = now()")

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: Publications(rows.engine).take_due("email", 10), range(4)))

    ids = [each.id for some in taken for each in some]
    assert len(ids) == len(set(ids)) == 40


def test_a_retry_that_is_due_becomes_a_publication(rows: Rows) -> None:
    first, second = rows.pending(2)
    rows.attempts().decide(
        [
            Change(first, Status.PENDING, failed=True, delay=0.0, reason="busy"),
            Change(second, Status.PENDING, failed=True, delay=3600.0, reason="busy"),
        ]
    )
    rows.run("DELETE FROM publications")
    publications = Publications(rows.engine)

    assert publications.publish_due_retries(100) == 1

    (found,) = publications.take_due("email", 10)
    assert found.waiting == {first: 1}
    assert [row["notification_id"] for row in rows.all("SELECT * FROM due")] == [second]


def test_a_publication_is_reduced_to_what_was_published_again(rows: Rows) -> None:
    sent, waiting = rows.pending(2)
    attempts, token = rows.attempts(), uuid.uuid4()
    attempts.begin(token, [Recipient(sent, "a@example.com")], 60)
    attempts.finish(token, [Change(sent, Status.SENT)])
    rows.run("UPDATE publications SET due_at = now()")
    publications = Publications(rows.engine)

    (found,) = publications.take_due("email", 10)
    publications.keep_waiting(found)

    row = rows.one("SELECT notification_ids, published_at IS NOT NULL AS published, due_at > now() AS rests "
                   "FROM publications")  # fmt: skip
    assert row == {"notification_ids": [waiting], "published": True, "rests": True}


def test_a_settled_publication_is_deleted(rows: Rows) -> None:
    rows.pending()
    publications = Publications(rows.engine)
    publications.delete([row["id"] for row in rows.all("SELECT id FROM publications")])
    assert rows.all("SELECT * FROM publications") == []
