"""The example of the README and of the demo: every item makes one complete mail to one recipient."""

from pathlib import Path

import examples.notifications
from examples.activity import START, Item, sample_items
from notifier import Email, Event
from notifier.messages import EmailContent
from notifier.routes.loading import load_routes
from notifier.templates import Templates

COUNT = 500
ROUTES = load_routes("examples.notifications")
TEMPLATES = Templates(Path(examples.notifications.__file__).parent / "templates")


def event(item: Item) -> Event:
    keys = {"pk": item["pk"], "sk": item["sk"]}
    return Event("1", "activity", "INSERT", keys, item, None, START, "1")


def mail(item: Item) -> tuple[Email, EmailContent]:
    route = ROUTES.owner(event(item))
    assert route is not None
    email = route.build(event(item))
    assert isinstance(email, Email)
    return email, TEMPLATES.render(email.template, email.context, email.locale)


def test_every_template_compiles() -> None:
    TEMPLATES.check()
    assert TEMPLATES.names() == ["friend_request", "job_application", "profile_view"]


def test_items_are_the_same_for_the_same_seed_and_have_keys_and_recipients_of_their_own() -> None:
    items = list(sample_items(COUNT))
    assert items == list(sample_items(COUNT, seed=0)) != list(sample_items(COUNT, seed=1))
    assert len({(item["pk"], item["sk"]) for item in items}) == COUNT
    assert len({item["to"] for item in items}) == COUNT
    assert all(item["to"].isascii() and item["to"].endswith("@example.com") for item in items)
    assert {item["type"] for item in items} == set(TEMPLATES.names())


def test_every_item_makes_one_complete_mail() -> None:
    for item in sample_items(COUNT):
        email, content = mail(item)
        assert email.to == item["to"]
        assert content.html is not None
        told = item.get("from_name") or item.get("viewer_name") or item["job"]
        assert told in content.subject
        for part in (content.text, content.html):
            assert email.context["url"] in part
            assert item["name"] in part
        assert "\n\n\n" not in content.text


def test_a_german_recipient_gets_the_german_translation() -> None:
    item = next(item for item in sample_items(COUNT) if item["type"] == "friend_request")
    _, content = mail({**item, "locale": "de-AT"})
    assert content.subject.endswith("möchte sich mit Ihnen vernetzen")
    assert content.html is not None
    assert '<html lang="de"' in content.html
    assert "Guten Tag" in content.text


def test_a_draft_makes_no_notification() -> None:
    item = next(item for item in sample_items(COUNT) if item["type"] == "job_application")
    route = ROUTES.owner(event(item))
    assert route is not None
    assert route.build(event({**item, "status": "draft"})) is None
