"""What users test their routes with, without a server."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from notifier import Attachment, Chat, Digest, Email, Event, Later, Push, Sms, Webhook, quiet_hours, route
from notifier.errors import RoutesError, TemplateError, UsageError
from notifier.testing import NotClaimed, event_of, render, run_route


@route(table="orders", match={"status": ["paid"]}, channel="email", topic="orders")
def paid(event: Event) -> Email | Later | None:
    item = event.new or {}
    if until := quiet_hours("22:00-08:00", "UTC"):
        return Later(until, reason="quiet hours")
    return Email(item["email"], "paid", {"total": item["total"]}) if item["email"] else None


@route(table="orders", on="MODIFY", match={"status": ["shipped"]}, match_old={"status": ["paid"]}, channel="sms")
def shipped(event: Event) -> Sms:
    return Sms(to="+351912345678", text="It is on its way")


ROUTES = [paid, shipped]
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)


def order(status: str, **more: Any) -> dict[str, Any]:
    return {"pk": "order#1", "status": status, "email": "ana@example.com", "total": Decimal("12.50"), **more}


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "paid"
    folder.mkdir()
    (folder / "subject.txt").write_text("You paid {{ total }}")
    (folder / "subject.de.txt").write_text("Sie haben {{ total }} bezahlt")
    (folder / "body.txt").write_text("{{ total }} for {{ unsubscribe_url }}")
    (folder / "body.html").write_text("<b>{{ total }}</b>")
    return tmp_path


def test_an_event_has_the_values_that_dynamodb_gives() -> None:
    stored = {
        "pk": "a",
        "whole": Decimal("2.0"),
        "part": Decimal("2.50"),
        "large": Decimal("1E+2"),
        "none": None,
        "yes": True,
        "bytes": b"x",
        "names": {"b", "a"},
        "numbers": {1, Decimal("2.5")},
        "several": [1, "two", {"three": False}],
    }
    event = event_of("orders", new=stored, at=NOON)
    assert event.new == {**stored, "whole": 2, "part": Decimal("2.5"), "large": 100}
    assert type((event.new or {})["whole"]) is int
    assert isinstance((event.new or {})["names"], frozenset)
    assert (event.table, event.name, event.keys, event.created_at) == ("orders", "INSERT", {"pk": "a"}, NOON)


@pytest.mark.parametrize(
    ("items", "name"),
    [
        ({"new": {"a": 1}}, "INSERT"),
        ({"new": {"a": 1}, "old": {"a": 0}}, "MODIFY"),
        ({"old": {"a": 0}}, "REMOVE"),
        ({"new": {"a": 1}, "on": "MODIFY"}, "MODIFY"),
    ],
)
def test_the_items_say_what_happened(items: dict[str, Any], name: str) -> None:
    assert event_of("orders", **items).name == name


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ({}, "new="),
        ({"new": {"a": 1.5}}, r"a in the item is a float.*Decimal\('1.5'\)"),
        ({"new": {"a": [object()]}}, r"a in the item\[0\] is of object"),
        ({"new": {"a": set()}}, "a set that DynamoDB does not store"),
        ({"new": {"a": {1, "b"}}}, "a set that DynamoDB does not store"),
        ({"new": {"a": 1}, "on": "REMOVE"}, "with new alone is INSERT"),
        ({"new": {"a": 1}, "old": {"a": 1}, "on": "INSERT"}, "on='INSERT' does not fit"),
        ({"new": {"a": 1}, "on": "insert"}, "INSERT, MODIFY or REMOVE"),
    ],
)
def test_what_no_table_would_give_is_refused(items: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        event_of("orders", **items)


def test_time_to_live_removes_an_item() -> None:
    assert event_of("orders", old={"pk": "a"}, expired_by_ttl=True).expired_by_ttl


def test_the_route_that_claims_an_event_runs(templates: Path) -> None:
    run = run_route(ROUTES, event_of("orders", new=order("paid"), at=NOON), templates=templates)
    assert run.name == "paid"
    assert run.returned == Email("ana@example.com", "paid", {"total": Decimal("12.5")})
    message = run.message
    assert (message.channel, message.to, message.subject) == ("email", "ana@example.com", "You paid 12.5")
    assert message.text.startswith("12.5 for http")
    assert message.html is not None
    assert "<b>12.5</b>" in message.html
    assert run_route(ROUTES, event_of("orders", new=order("shipped"), old=order("paid"))).name == "shipped"


def test_why_no_route_claims_an_event() -> None:
    with pytest.raises(NotClaimed) as wrong:
        run_route(ROUTES, event_of("orders", new=order("new")))
    lines = str(wrong.value).splitlines()
    assert lines[0] == "no route claims this INSERT in the table orders:"
    assert lines[1] == "  paid: status is “new”; wanted: status is “paid”"
    assert lines[2] == "  shipped: it is for MODIFY, not for INSERT"


@route(table="orders", match={"status": ["paid", "offered"]}, channel="sms", exclusive=False)
def seller(event: Event) -> Sms:
    return Sms(to="+351912345678", text="Please send it")


def test_a_route_beside_the_owner_is_run_by_its_name_or_where_it_stands_alone() -> None:
    event = event_of("orders", new=order("paid"))
    assert run_route([seller, *ROUTES], event).name == "paid"
    assert run_route([*ROUTES, seller], event, name="seller").returned == seller(event)
    assert run_route([*ROUTES, seller], event_of("orders", new=order("offered"))).name == "seller"
    with pytest.raises(NotClaimed) as wrong:
        run_route([*ROUTES, seller], event, name="shipped")
    lines = str(wrong.value).splitlines()
    assert lines[0] == "the wanted route does not claim this INSERT in the table orders:"
    assert lines[1] == "  paid: it claims it"


def test_the_time_is_that_of_the_event_or_the_given_one() -> None:
    event = event_of("orders", new=order("paid"), at=NOON)
    assert isinstance(run_route(paid, event).returned, Email)
    later = run_route(paid, event, now=NOON.replace(hour=23)).returned
    assert later == Later(datetime(2027, 1, 5, 8, tzinfo=UTC), reason="quiet hours")


def test_there_is_no_message_of_a_route_that_returned_none() -> None:
    run = run_route(paid, event_of("orders", new=order("paid", email=""), at=NOON))
    assert run.returned is None
    with pytest.raises(UsageError, match="the route paid returned None: there is no message"):
        _ = run.message


def test_what_a_channel_does_not_send_is_an_error() -> None:
    @route(table="orders", channel="sms", name="odd")
    def odd(event: Event) -> Email:
        return Email("a@example.com", "paid")

    run = run_route(odd, event_of("orders", new=order("paid")))
    with pytest.raises(Exception, match="Sms"):
        _ = run.message


@pytest.mark.parametrize(
    ("channel", "request_", "text"),
    [
        ("sms", Sms(to="+351912345678", text="hello"), "hello"),
        ("chat", Chat(to="https://hooks.slack.com/services/x", text="hello"), "hello"),
        ("webhook", Webhook(to="https://example.com/hooks", payload={"a": 1}), '{"a":1}'),
    ],
)
def test_messages_of_other_channels(
    channel: str, request_: Any, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_WEBHOOK_SECRET", "whsec_dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHM=")

    @route(table="orders", channel=channel)
    def other(event: Event) -> Any:
        return request_

    message = run_route(other, event_of("orders", new=order("paid")), templates=tmp_path).message
    assert (message.channel, message.to, message.text) == (channel, request_.to, text)
    assert message.request == request_


def test_a_function_without_a_route_is_refused() -> None:
    with pytest.raises(UsageError, match="has a @route"):
        run_route(order, event_of("orders", new=order("paid")))


def test_a_template_is_rendered(templates: Path) -> None:
    values = {"total": 3, "unsubscribe_url": "https://example.com"}
    assert render("paid", values, templates=templates).subject == "You paid 3"
    assert render("paid", values, templates=templates, locale="de").subject == "Sie haben 3 bezahlt"
    with pytest.raises(TemplateError, match="total"):
        render("paid", {}, templates=templates)


def test_a_push_is_rendered_without_an_account_of_google(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/there-is-no-such-file")

    @route(table="orders", channel=["push", "sms"])
    def told(event: Event, channel: str) -> Push | Sms:
        return (
            Push(to="registration-token:0123456789", text="Hi") if channel == "push" else Sms("+351912345678", "Hi")
        )

    for channel in ("push", "sms"):
        run = run_route(told, event_of("orders", new=order("new")), channel=channel, templates=templates)
        assert (run.channel, run.message.text) == (channel, "Hi")


@route(table="visits", channel="email", digest=Digest(by="profile", window=timedelta(hours=1)))
def viewed(events: list[Event]) -> Email:
    return Email("ana@example.com", "paid", {"total": len(events)})


def test_a_digest_is_made_of_several_events() -> None:
    first, second = (event_of("visits", new={"pk": pk, "profile": "ana"}) for pk in ("1", "2"))
    assert run_route(viewed, [first, second]).returned.context == {"total": 2}
    assert run_route(viewed, first).returned.context == {"total": 1}
    paid_event = event_of("orders", new=order("paid"), at=NOON)
    with pytest.raises(UsageError, match="the route paid has no digest: its function gets one event, not 2"):
        run_route(ROUTES, [paid_event, paid_event])
    with pytest.raises(NotClaimed, match="is of the route paid, not viewed"):
        run_route([viewed, *ROUTES], [first, paid_event])
    with pytest.raises(UsageError, match="an empty list"):
        run_route(viewed, [])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "either content= or s3=, not neither"),
        ({"content": b"a", "s3": "s3://bucket/a"}, "not both"),
        ({"content": b"", "s3": ""}, "not both"),
        ({"content": "text"}, "is bytes, not str"),
        ({"s3": "/bucket/key"}, "is not s3://BUCKET/KEY"),
        ({"s3": 5}, "is not s3://BUCKET/KEY"),
    ],
)
def test_an_attachment_that_no_worker_takes_is_refused_where_it_is_made(given: dict[str, Any], text: str) -> None:
    with pytest.raises(RoutesError, match=text):
        Attachment("a.pdf", **given)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (Attachment("a.pdf", content=b"a"), r"write attachments=\[Attachment\(...\)\]"),
        (["a.pdf"], "are a list of Attachment"),
    ],
)
def test_attachments_that_are_no_list_are_refused_as_a_worker_does(given: Any, text: str) -> None:
    @route(table="invoices", channel="email")
    def invoiced(event: Event) -> Email:
        return Email("ana@example.com", "paid", attachments=given)

    with pytest.raises(RoutesError, match=text):
        run_route(invoiced, event_of("invoices", new={"pk": "1"}))
