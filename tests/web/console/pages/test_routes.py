"""The page *Routes*: the routes in the code, how they fare, and what they make of an event."""

import re

from notifier.notifications import Status
from notifier.outbox import CountKey, DeliveryCounts
from tests.notifier.cli.test_failing_routes import raises
from tests.notifier.preview.project import Project, project
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from tests.web.console.test_pages import SCRIPT
from web.console.app import Console

__all__ = ["project"]

ITEM = '{"kind": "mail", "to": "ana@example.com", "name": "Ana"}'


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_routes_with_their_counts_and_errors(
    project: Project, console: Console, rows: Rows, viewer: Person
) -> None:
    DeliveryCounts(console.engine).add(
        {CountKey("email", "mailed", "sent"): 1_234, CountKey("email", "gone", "failed"): 2}
    )
    page = text_of(viewer.get("/routes/list").text)
    assert "1 mailed" in page
    assert "kind is “mail”" in page
    assert "1,234 sent" in page
    assert "before the change: paid is false" in page
    assert "retry: attempts=3" in page
    assert "Not in the code any more: gone (2 failed)" in page
    assert "/routes/try" not in viewer.get("/routes").text


def test_of_a_route_that_fails_on_two_channels_the_newest_error_is_shown(
    project: Project, rows: Rows, viewer: Person
) -> None:
    change = "UPDATE deliveries SET reason = :reason, ended_at = now() - make_interval(mins => :ago) "
    for channel, reason, ago in (("email", "newer error", 1), ("sms", "older error", 60)):
        (id_,) = rows.pending(1)
        raises(rows, [id_], 1, Status.FAILED)
        rows.run(
            "UPDATE notifications SET route = 'mailed', channel = :to WHERE notification_id = :id", to=channel, id=id_
        )
        rows.run(f"{change}WHERE notification_id = :id", reason=reason, ago=ago, id=id_)
    page = text_of(viewer.get("/routes/list").text)
    assert "newer error" in page
    assert "2 failed" in page


def test_the_page_itself_does_not_wait_for_the_code(project: Project, viewer: Person) -> None:
    project.routes.write_text("import time; time.sleep(1000)")
    page = viewer.get("/routes").text
    assert 'class="later" hx-get="/routes/list"' in page
    assert "Loading the routes…" in page


def test_without_routes_the_page_says_what_to_set(console: Console, operator: Person) -> None:
    page = operator.get("/routes").text
    assert "NOTIFIER_ROUTES" in page
    assert "/routes/try" not in page


def test_routes_that_cannot_be_loaded(project: Project, viewer: Person) -> None:
    project.routes.write_text("import no_such_module")
    assert "needs no_such_module, which is not installed" in viewer.get("/routes/list").text


def test_an_event_is_tried_and_nothing_is_kept(project: Project, rows: Rows, operator: Person) -> None:
    answer = operator.post("/routes/try", item=ITEM, table="orders", event="INSERT")
    page = text_of(answer.text)
    assert "the route mailed claims it" in page
    assert "Hello Ana" in page
    assert "shop@example.com" in page
    assert "kind is “mail”; wanted: kind is “text”" in page
    (frame,) = re.findall(r'<iframe class="light" sandbox src="([^"]+)"', answer.text)
    shown = operator.get(frame)
    assert shown.text == "<p>Dear <b>Ana</b></p>"
    assert rows.all("SELECT 1 FROM notifications") == []


def test_all_routes_that_claim_an_event_are_shown_with_their_messages(project: Project, operator: Person) -> None:
    project.routes.write_text(
        project.routes.read_text()
        + """

@route(table="orders", channel="email", match={"kind": ["mail", "offer"]}, exclusive=False)
def seller(event):
    return Email(to="bo@example.com", template="hello", context={"name": "Bo"})
"""
    )
    assert "beside the owner" in text_of(operator.get("/routes/list").text)
    page = text_of(operator.post("/routes/try", item=ITEM, table="orders", event="INSERT").text)
    assert "the route mailed claims it, and beside it seller" in page
    assert "What seller makes of it" in page
    assert "Hello Bo" in page
    alone = operator.post("/routes/try", item='{"kind": "offer"}', table="orders", event="INSERT")
    assert "no route owns it; seller claims it without an owner." in text_of(alone.text)


def test_a_mistake_in_what_is_pasted_is_said_and_the_form_is_kept(project: Project, operator: Person) -> None:
    answer = operator.post("/routes/try", item="{'a': 1", table="orders", event="INSERT")
    assert answer.status_code == 200
    assert "the item is not JSON" in answer.text
    assert "{&#39;a&#39;: 1" in answer.text


def test_script_and_tracking_in_an_item_do_nothing(project: Project, operator: Person) -> None:
    project.template("hello/body.html", "{{ name | safe }}<img src='https://spy.example.com/pixel'>")
    item = '{"kind": "mail", "to": "ana@example.com", "name": "<script>alert(1)</script>"}'
    answer = operator.post("/routes/try", item=item, table="orders", event="INSERT")
    assert "<script>alert" not in answer.text
    (frame,) = re.findall(r'<iframe class="light" sandbox src="([^"]+)"', answer.text)
    shown = operator.get(frame)
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; img-src data:;")
    assert "script-src" not in policy


def test_a_frame_belongs_to_its_session(project: Project, operator: Person, admin: Person) -> None:
    answer = operator.post("/routes/try", item=ITEM, table="orders", event="INSERT")
    (frame,) = re.findall(r'<iframe class="light" sandbox src="([^"]+)"', answer.text)
    assert admin.get(frame).status_code == 404


def test_what_the_routes_say_is_shown_as_text(project: Project, operator: Person) -> None:
    project.routes.write_text(
        "from notifier import route\n"
        f"@route(table={SCRIPT!r}, channel='email', name={SCRIPT!r}, match={{{SCRIPT!r}: [{SCRIPT!r}]}})\n"
        "def a_route(event): raise ValueError(event.new)\n"
    )
    pages = [operator.get("/routes/list"), operator.post("/routes/try", item="{}", table=SCRIPT, event="INSERT")]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
