"""The example with the testing kit."""

from datetime import timedelta
from typing import Any

import pytest

from examples.campaign.items import offer, password_reset
from notifier.testing import event_of, run_route
from sandbox.testing.pipeline import Pipeline

ROUTES = "examples.campaign.notifications"


@pytest.fixture
def notifier_settings() -> dict[str, Any]:
    return {"routes": ROUTES}


def test_the_mail_has_a_link_to_unsubscribe() -> None:
    message = run_route(ROUTES, event_of("offers", new=offer("Ana", "lamps"))).message
    assert message.subject == "20 % off lamps"
    assert message.html is not None
    assert "No more offers" in message.html


def test_who_gave_no_consent_gets_nothing() -> None:
    assert run_route(ROUTES, event_of("offers", new=offer("Ana", "lamps", consent=False))).returned is None


def test_a_person_gets_at_most_two_a_day(pipeline: Pipeline) -> None:
    for product in ("lamps", "chairs", "tables"):
        pipeline.put(offer("Ana", product), table="offers")
    pipeline.settled(delivered=2, skipped=1)

    pipeline.advance(timedelta(days=1, seconds=1))
    pipeline.put(offer("Ana", "shelves"), table="offers")
    assert [mail.subject for mail in pipeline.mails] == ["20 % off lamps", "20 % off chairs", "20 % off shelves"]


def test_who_unsubscribes_gets_the_password_reset_and_no_offer(pipeline: Pipeline) -> None:
    pipeline.put(offer("Ana", "lamps"), table="offers")
    pipeline.unsubscribe(pipeline.mails[0])
    pipeline.put(offer("Ana", "chairs"), table="offers")
    pipeline.put(password_reset("Ana"), table="logins")
    assert [mail.subject for mail in pipeline.mails] == ["20 % off lamps", "Your code is 4711"]
    pipeline.settled(delivered=2, suppressed=1)
