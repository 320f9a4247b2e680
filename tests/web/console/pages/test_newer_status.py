"""A console of an older version, beside processes that write a status which it does not know."""

from uuid import UUID

import pytest

from notifier.outbox import Report
from tests.outbox.rows import Rows
from tests.web.console.person import Person


@pytest.fixture
def newer(rows: Rows) -> UUID:
    """A delivery in a status of a newer version."""
    (id_,) = rows.pending()
    rows.run("ALTER TYPE delivery_status ADD VALUE 'paperbound'")
    rows.run("UPDATE deliveries SET status = 'paperbound' WHERE notification_id = :id", id=id_)
    return id_


def test_each_page_shows_its_word(newer: UUID, operator: Person) -> None:
    for path in ("/", "/notifications", f"/notifications/{newer}", "/attention", "/channels", "/operations"):
        answer = operator.get(path)
        assert answer.status_code == 200, path
    page = operator.get(f"/notifications/{newer}").text
    assert "paperbound" in page
    assert "A newer version of Notifier knows what this status means" in page
    assert "paperbound" in operator.get("/notifications").text


def test_the_report_counts_it_by_its_word(newer: UUID, rows: Rows) -> None:
    assert Report(rows.engine).totals() == {"paperbound": 1}
    assert Report(rows.engine).statuses([newer]) == {newer: "paperbound"}
