"""The pages *Notifications* and *One notification*, on a real database."""

import re
import uuid
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest

from notifier.notifications import Status
from notifier.outbox import Journal, JournalFilter, Recipient, Scheduled, end_leases
from notifier.outbox.operator import operations
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded
from tests.web.console.pages.test_channels import text_of
from tests.web.console.person import Person
from web.console.app import Console
from web.console.pages import notifications

TO = "ana@example.com"


def ids_on(html: str) -> list[str]:
    return re.findall(r'href="/notifications/([0-9a-f-]{36})"', html)


def failed(rows: Rows, reason: str = "Rejected: no such user", **columns: object) -> UUID:
    return rows.in_status(Status.FAILED, reason=reason, ended_at="now", recipient=TO, **columns)


def actions(console: Console) -> list[tuple[str, str]]:
    return [(row["action"], row["reason"]) for row in Journal(console.engine).newest(JournalFilter(), 20)]


def test_filters_narrow_and_pages_turn(rows: Rows, viewer: Person) -> None:
    pending = rows.pending(60)
    bad = failed(rows)
    first = viewer.get("/notifications").text
    assert len(ids_on(first)) == 50
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = viewer.get(older.replace("&amp;", "&")).text
    assert len(ids_on(second)) == 11
    assert set(ids_on(first)) | set(ids_on(second)) == {str(each) for each in (*pending, bad)}
    (newer,) = re.findall(r'rel="prev" href="([^"]+)"', second)
    assert ids_on(viewer.get(newer.replace("&amp;", "&")).text) == ids_on(first)
    assert ids_on(viewer.get("/notifications?status=failed").text) == [str(bad)]
    assert ids_on(viewer.get("/notifications?because=such+user").text) == [str(bad)]
    assert ids_on(viewer.get("/notifications?route=other").text) == []
    assert ids_on(viewer.get("/notifications?until=2020-01-01").text) == []
    assert text_of(viewer.get("/notifications/count?status=pending").text).strip() == "60 match"


@pytest.mark.parametrize("find", ["Ana@EXAMPLE.com", " ana@example.com "])
def test_a_person_is_found_by_address_in_any_spelling(rows: Rows, viewer: Person, find: str) -> None:
    rows.pending(3)
    bad = failed(rows)
    page = viewer.client.get("/notifications", params={"find": find}).text
    assert ids_on(page) == [str(bad)]
    assert TO not in page.replace(f'value="{find.strip()}"', "")


def test_an_id_leads_to_its_page(rows: Rows, viewer: Person) -> None:
    (id_,) = rows.pending()
    for given in (str(id_), str(id_)[:23]):
        answer = viewer.client.get("/notifications", params={"find": given})
        assert answer.headers["location"] == f"/notifications/{id_}"
    assert viewer.get(f"/notifications/{str(id_)[:23]}").headers["location"] == f"/notifications/{id_}"


@pytest.mark.parametrize(
    "key",
    ["12345678", "deadbeef", "20261201-0001", "7f3b5a5e-8d0c-4c6e-9a52-0d8e6f1b2c3d", "9" * 32, "9" * 36],
)
def test_a_key_that_looks_like_an_id_is_found_and_acted_on(
    rows: Rows, viewer: Person, operator: Person, key: str
) -> None:
    wanted, other = recorded(rows, [record_of(key, "order"), record_of("87654321", "order")])
    page = viewer.get(f"/notifications?find={key}")
    assert page.status_code == 200
    assert ids_on(page.text) == [str(wanted)]
    assert "1 matches" in text_of(viewer.get(f"/notifications/count?find={key}").text)
    assert "1 pending notification matches" in text_of(operator.get(f"/notifications/all/cancel?find={key}").text)
    operator.post("/notifications/all/cancel", find=key, reason="the order is void")
    assert (rows.status(wanted), rows.status(other)) == (Status.CANCELLED, Status.PENDING)


def test_an_id_goes_before_a_key(rows: Rows, viewer: Person) -> None:
    (id_,) = rows.pending()
    recorded(rows, [record_of(str(id_))])
    answer = viewer.get(f"/notifications?find={id_}")
    assert answer.headers["location"] == f"/notifications/{id_}"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=odd", "No status is called"),
        ("since=noon", "is not a time, as 2026-01-31T12:00."),
        ("since=2026-02-01&until=2026-01-01", "The first time must be before the second."),
        ("older=odd", "This page does not exist"),
        ("find=00000000", "No notification matches."),
    ],
)
def test_a_wrong_filter_is_said_in_words(viewer: Person, query: str, said: str) -> None:
    answer = viewer.get(f"/notifications?{query}")
    assert answer.status_code == 200
    assert said in answer.text


def test_an_operator_sees_why_it_failed_and_redrives_it(rows: Rows, console: Console, operator: Person) -> None:
    bad = failed(rows)
    page = text_of(operator.get(f"/notifications/{bad}").text)
    assert "Rejected: no such user" in page
    assert "It was given up." in page
    assert TO not in page
    operator.post(f"/notifications/{bad}/redrive", reason="she mended her mailbox")
    assert operator.flashes() == ["It is redriven: a worker sends it soon."]
    assert rows.status(bad) is Status.PENDING
    operator.post(f"/notifications/{bad}/redrive", reason="again")
    assert operator.flashes() == ["Nothing was done: its status has changed meanwhile, or it may have been accepted."]
    operator.post(f"/notifications/{bad}/cancel", reason="no, do not")
    assert rows.status(bad) is Status.CANCELLED
    assert ("redrive", "she mended her mailbox") in actions(console)
    assert "she mended her mailbox" in operator.get(f"/notifications/{bad}").text


@pytest.mark.parametrize(
    ("outcome", "status"), [("sent", Status.SENT), ("resend", Status.PENDING), ("failed", Status.FAILED)]
)
def test_an_operator_settles_an_unknown(rows: Rows, operator: Person, outcome: str, status: Status) -> None:
    (id_,) = rows.pending()
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], -1).begun  # with a lease that has ended
    assert end_leases(rows.engine) == [id_]
    operator.post(f"/notifications/{id_}/resolve", reason="not said")
    assert operator.flashes() == ["Choose what is known of it: sent, to be sent again, or given up."]
    operator.post(f"/notifications/{id_}/resolve", outcome=outcome, reason="asked the provider")
    assert rows.status(id_) is status


def test_reveal_is_journaled_and_for_operators(
    rows: Rows, console: Console, viewer: Person, operator: Person
) -> None:
    bad = failed(rows)
    assert viewer.post(f"/notifications/{bad}/reveal", reason="curious").status_code == 403
    assert actions(console) == []
    page = operator.post(f"/notifications/{bad}/reveal", reason="she asked").text
    assert TO in page
    assert "&#34;n&#34;" in page
    assert actions(console) == [("reveal", "she asked")]
    assert TO not in operator.get(f"/notifications/{bad}").text


def test_chosen_rows_and_all_that_match(rows: Rows, console: Console, operator: Person) -> None:
    waiting = rows.pending(3)
    first, second, other = failed(rows), failed(rows), failed(rows, "Throttled")
    operator.client.post(
        "/notifications/some/cancel",
        data={"csrf": operator.session.csrf, "reason": "wrong text", "id": [str(waiting[0]), str(first), "odd"]},
    )
    assert operator.flashes() == ["Nothing was done: one of the chosen notifications has no valid id."]
    operator.client.post(
        "/notifications/some/cancel",
        data={"csrf": operator.session.csrf, "reason": "wrong text", "id": [str(waiting[0]), str(first)]},
    )
    assert operator.flashes() == ["1 is cancelled."]
    assert rows.status(first) is Status.FAILED
    page = text_of(operator.get("/notifications/all/redrive?because=no+such").text)
    assert "2 failed notifications match" in page
    operator.post("/notifications/all/redrive", because="no such", per_second="1000", reason="mended")
    assert operator.flashes() == ["2 are redriven."]
    assert [rows.status(each) for each in (first, second, other)] == [Status.PENDING, Status.PENDING, Status.FAILED]
    operator.post("/notifications/all/redrive", because="no such", reason="mended")
    assert operator.flashes() == [
        "Nothing is redriven: none of them has failed, or all of them may have been accepted."
    ]
    operator.post("/notifications/all/redrive", per_second="0", reason="mended")
    assert operator.flashes() == ["The pace must be a number from 0.01 to 10,000."]
    operator.post("/notifications/some/redrive", reason="mended")
    assert operator.flashes() == ["Nothing was chosen: tick the notifications first."]
    assert "There is no such action." in operator.get("/notifications/all/erase").text


def test_an_action_that_is_repeated_goes_on_where_it_ended(
    rows: Rows, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each click would add its own pace to the one before."""
    monkeypatch.setattr(operations, "_BATCH", 2)
    monkeypatch.setattr(notifications, "_MOST_AT_ONCE", 4)
    for _ in range(6):
        failed(rows)
    said = []
    for _ in range(2):
        operator.post("/notifications/all/redrive", per_second="0.1", reason="mended")
        said += operator.flashes()
    times = [row["due_at"] for row in rows.all("SELECT due_at FROM due ORDER BY due_at")]
    assert [(later - earlier).total_seconds() for earlier, later in pairwise(times)] == [10.0] * 5
    fourth, sixth = (f"{each.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for each in (times[3], times[5]))
    assert said == [
        f"4 are redriven, the last one due at {fourth} UTC, and more may match: do it again to go on.",
        f"2 are redriven, the last one due at {sixth} UTC.",
    ]


def test_only_actions_that_change_something_are_offered(rows: Rows, viewer: Person, operator: Person) -> None:
    def links(query: str = "") -> str:
        return text_of(operator.get(f"/notifications/count?{query}").text).strip()

    rows.pending(2)
    assert links() == "2 match All that match: cancel 2 pending"
    page = operator.get("/notifications").text
    assert re.findall(r'formaction="/notifications/some/(\w+)"', page) == ["cancel"]
    assert page.count('type="checkbox"') == 2
    failed(rows)
    sent = rows.in_status(Status.SENT)
    assert links() == "4 match All that match: redrive 1 failed · cancel 2 pending"
    assert links("status=failed") == "1 matches All that match: redrive 1 failed"
    assert links("status=sent") == "1 matches"
    assert text_of(viewer.get("/notifications/count").text).strip() == "4 match"
    page = operator.get("/notifications").text
    assert re.findall(r'formaction="/notifications/some/(\w+)"', page) == ["redrive", "cancel"]
    assert page.count('type="checkbox"') == 3
    page = operator.get("/notifications?status=sent").text
    assert ids_on(page) == [str(sent)]
    assert "/some/" not in page
    assert "/all/" not in page
    assert 'type="checkbox"' not in page


def test_one_that_may_have_been_sent_is_redriven_only_knowingly(rows: Rows, operator: Person) -> None:
    id_ = failed(rows, attempt=1)
    rows.run(
        "INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor) "
        "VALUES (:id, 'unknown', 'failed', 1, 'bridge')",
        id=id_,
    )
    assert 'name="maybe_sent"' in operator.get(f"/notifications/{id_}").text
    operator.post(f"/notifications/{id_}/redrive", reason="try")
    assert rows.status(id_) is Status.FAILED
    operator.post(f"/notifications/{id_}/redrive", reason="try", maybe_sent="1")
    assert rows.status(id_) is Status.PENDING


def test_a_page_of_a_notification_that_does_not_exist(viewer: Person) -> None:
    for path in ("odd", "019b0000-0000-8000-8000-000000000000", "019b0000-0000-8000-8000-000000000000/now"):
        assert viewer.get(f"/notifications/{path}").status_code == 404


def test_what_waits_for_a_time_says_until_when_and_is_brought_forward(
    rows: Rows, console: Console, viewer: Person, operator: Person
) -> None:
    first, second, other = rows.pending(3)
    until = datetime(2090, 1, 1, 8, tzinfo=UTC)
    rows.attempts().schedule(
        [Scheduled(id_, Status.PENDING, reason="quiet hours", until=until) for id_ in (first, second)]
    )

    assert set(ids_on(viewer.get("/notifications?status=scheduled").text)) == {str(first), str(second)}
    assert text_of(viewer.get("/notifications/count?status=scheduled").text).strip() == "2 match"
    page = text_of(viewer.get(f"/notifications/{first}").text)
    assert "scheduled" in page
    assert "until 2090-01-01 08:00" in page
    assert viewer.post(f"/notifications/{first}/forward", reason="curious").status_code == 403

    operator.post(f"/notifications/{first}/forward", reason="the sale ends")
    assert operator.flashes() == ["It waits no longer: its route runs now."]
    operator.post(f"/notifications/{other}/forward", reason="why not")
    assert operator.flashes() == ["Nothing was done: its status has changed meanwhile, or it may have been accepted."]
    assert "1 notification waits for a time" in text_of(operator.get("/notifications/all/forward").text)
    operator.post("/notifications/all/forward", reason="all of them", per_second="100")
    assert operator.flashes() == ["1 is brought forward."]
    assert {each.id for each in rows.attempts().load([first, second])} == {first, second}
    assert ("bring forward", "the sale ends") in actions(console)
