"""The example with the testing kit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from examples.shop.items import order
from notifier import Later
from notifier.testing import Behaviour, event_of, run_route
from sandbox.testing.pipeline import Pipeline

ROUTES = "examples.shop.notifications"
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
NIGHT = NOON.replace(hour=23)


@pytest.fixture
def notifier_settings() -> dict[str, Any]:
    return {"routes": ROUTES}


def test_nothing_is_sent_at_night() -> None:
    event = event_of("orders", new=order("shipped"), old=order("paid"), at=NIGHT)
    assert run_route(ROUTES, event).returned == Later(datetime(2027, 1, 5, 8, tzinfo=UTC), reason="quiet hours")


def test_buyer_and_seller_hear_of_the_same_order(pipeline: Pipeline) -> None:
    pipeline.put(order("paid"))
    assert {mail.to: mail.subject for mail in pipeline.mails} == {
        "ana@example.com": "Your order 17",
        "orders@lumen.example.com": "New order 17",
    }
    assert [list(mail.attachments) for mail in pipeline.mails if mail.to == "ana@example.com"] == [["invoice-17.txt"]]
    pipeline.settled(delivered=2)


def test_the_first_way_that_reaches_the_buyer(pipeline: Pipeline) -> None:
    pipeline.at(NOON)
    pipeline.fail_next(Behaviour.REFUSE, channel="push")
    pipeline.put(order("shipped"), old=order("paid"))
    assert [(each.channel, each.to) for each in pipeline.messages] == [("sms", "+351912345678")]
    pipeline.settled(sent=1)


def test_a_later_change_of_the_order_is_not_told(pipeline: Pipeline) -> None:
    pipeline.at(NOON)
    pipeline.put(order("shipped", carrier="DHL"), old=order("shipped"))
    pipeline.settled()
    assert pipeline.messages == []


def test_a_buyer_without_a_telephone_gets_a_mail(pipeline: Pipeline) -> None:
    pipeline.at(NOON)
    buyer = {"name": "Bo", "email": "bo@example.com", "zone": "Europe/Lisbon"}
    pipeline.put(order("shipped", buyer=buyer), old=order("paid", buyer=buyer))
    assert [(each.channel, each.subject) for each in pipeline.messages] == [("email", "Order 17 is on its way")]
    pipeline.settled(delivered=1)


def test_what_was_sent_at_night_is_said_in_the_morning(pipeline: Pipeline) -> None:
    pipeline.at(NIGHT)
    pipeline.put(order("shipped"), old=order("paid"))
    assert pipeline.messages == []
    pipeline.advance(timedelta(hours=9))
    assert [each.channel for each in pipeline.messages] == ["push"]
    pipeline.settled(sent=1)
