"""The example with the testing kit: each route alone, then the whole way."""

from datetime import timedelta
from typing import Any

import pytest

from examples.social.items import comment, friend_request, profile_view
from notifier.testing import NotClaimed, event_of, run_route
from sandbox.testing.pipeline import Pipeline

ROUTES = "examples.social.notifications"


@pytest.fixture
def notifier_settings() -> dict[str, Any]:
    return {"routes": ROUTES}


def test_a_friend_request_in_the_language_of_its_recipient() -> None:
    message = run_route(ROUTES, event_of("activity", new=friend_request("Bo", locale="de-AT"))).message
    assert message.to == "ana@example.com"
    assert message.subject == "Bo möchte sich mit dir vernetzen"
    assert message.html is not None
    assert "<b>Bo</b>" in message.html


def test_a_comment_without_a_mention_is_no_notification() -> None:
    item = comment("Mei", "hello")
    del item["mentions"]
    with pytest.raises(NotClaimed, match="mention: mentions is absent"):
        run_route(ROUTES, event_of("activity", new=item))


def test_who_mentions_herself_is_not_told(pipeline: Pipeline) -> None:
    pipeline.put(comment("Ana", "Ana was here"))
    pipeline.put(comment("Mei", "Ana, <see> you?"))
    (mail,) = pipeline.mails
    assert mail.subject == "Mei mentioned you"
    assert mail.html is not None
    assert "&lt;see&gt;" in mail.html
    pipeline.settled(delivered=1, skipped=1)


def test_views_of_an_hour_are_one_mail(pipeline: Pipeline) -> None:
    pipeline.put(profile_view("Elif"))
    pipeline.put(profile_view("Femi"))
    pipeline.put(profile_view("Grace"))
    assert [mail.subject for mail in pipeline.mails] == ["Elif viewed your profile"]

    pipeline.advance(timedelta(hours=1, seconds=1))
    assert [mail.subject for mail in pipeline.mails[1:]] == ["2 people viewed your profile"]
    assert "- Grace" in pipeline.mails[1].text
    pipeline.settled(delivered=2, merged=1)
