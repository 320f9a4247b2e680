"""The message of one notification, built again."""

import re

from notifier.outbox import Journal, JournalFilter
from tests.notifier.preview.project import Project, project
from tests.outbox.rows import Rows
from tests.web.console.pages.test_routes import text_of
from tests.web.console.person import Person
from web.console.app import Console

__all__ = ["project"]

RECORD = (
    '{"eventID": "1", "eventName": "INSERT", "dynamodb": {"ApproximateCreationDateTime": 1790000000, '
    '"SequenceNumber": "1", "Keys": {"id": {"N": "7"}}, "NewImage": {"id": {"N": "7"}, "kind": {"S": "mail"}, '
    '"to": {"S": "ana@example.com"}, "name": {"S": "Ana"}}}}'
)


def recorded(rows: Rows, route: str) -> str:
    (id_,) = rows.pending()
    values = {"route": route, "record": RECORD.encode(), "id": id_}
    rows.run(
        "UPDATE notifications SET route = :route, table_name = 'orders', record = :record "
        "WHERE notification_id = :id",
        **values,
    )
    return str(id_)


def test_it_is_built_from_the_record_and_journaled(
    project: Project, console: Console, rows: Rows, operator: Person
) -> None:
    id_ = recorded(rows, "mailed")
    assert f"/notifications/{id_}/message" in operator.get(f"/notifications/{id_}").text
    answer = operator.post(f"/notifications/{id_}/message", reason="ticket 4711")
    page = text_of(answer.text)
    assert "Built again now" in page
    assert "may have differed" in page
    assert "ana@example.com" in page
    assert "Hello Ana" in page
    (frame,) = re.findall(r'<iframe class="light" sandbox src="([^"]+)"', answer.text)
    assert operator.get(frame).text == "<p>Dear <b>Ana</b></p>"
    (row,) = Journal(console.engine).newest(JournalFilter(), 10)
    assert (row["action"], row["actor"], row["reason"]) == ("reveal", "a operator", "ticket 4711")
    assert id_ in row["scope"]


def test_a_route_that_was_removed(project: Project, rows: Rows, operator: Person) -> None:
    answer = operator.post(f"/notifications/{recorded(rows, 'gone')}/message", reason="ticket 4711")
    assert "no route is called" in text_of(answer.text)


def test_without_a_reason_or_without_routes_nothing_is_revealed(
    console: Console, rows: Rows, operator: Person
) -> None:
    id_ = recorded(rows, "mailed")
    assert f"/notifications/{id_}/message" not in operator.get(f"/notifications/{id_}").text
    operator.post(f"/notifications/{id_}/message", reason=" ")
    operator.post(f"/notifications/{id_}/message", reason="ticket 4711")
    assert operator.flashes()[1] == "The console does not know the routes: set NOTIFIER_ROUTES for it."
    assert Journal(console.engine).newest(JournalFilter(), 10) == []
