"""The API for pages of customers."""

from typing import Any

import httpx
import pytest

from notifier.unsubscribe import Subscription, UnsubscribeLinks
from tests.web.preferences.conftest import ANA, SECRET

HERS = {"channel": "email", "address": "Ana@Example.com"}
ALL_ON = {"news": True, "offers": True, "tips": True}


@pytest.fixture
def api(visitor: httpx.Client) -> httpx.Client:
    visitor.headers["Authorization"] = f"Bearer {SECRET}"
    return visitor


def topics(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["topics"]


def test_by_address_and_by_the_token_of_a_link(api: httpx.Client, links: UnsubscribeLinks) -> None:
    token = links.url(ANA).rpartition("/")[2]
    assert topics(api.get("/api/preferences", params=HERS)) == ALL_ON
    assert topics(api.post("/api/preferences", json={**HERS, "unsubscribe": ["news"]})) == {**ALL_ON, "news": False}
    found = api.get("/api/preferences", params={"token": token}).json()
    assert found == {
        "channel": "email",
        "address": "ana@example.com",
        "topic": "news",
        "unsubscribed_from_all": False,
        "topics": {**ALL_ON, "news": False},
    }
    assert topics(api.post("/api/preferences", json={"token": token, "subscribe": ["news"]})) == ALL_ON


def test_all_of_them(api: httpx.Client) -> None:
    answer = api.post("/api/preferences", json={**HERS, "unsubscribe": ["*"]})
    assert answer.json()["unsubscribed_from_all"]
    assert not any(topics(answer).values())
    assert topics(api.post("/api/preferences", json={**HERS, "subscribe": ["*"]})) == ALL_ON


def test_a_link_for_a_mail_of_somebody_else(api: httpx.Client, links: UnsubscribeLinks) -> None:
    url = api.post("/api/links", json={**HERS, "topic": "news"}).json()["url"]
    assert url == links.url(ANA)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"channel": "email"},
        {"channel": "pigeon", "address": "a@b.c"},
        {"channel": "email", "address": "nobody"},
        {"token": "forged"},
        {**HERS, "unsubscribe": "news"},
        {**HERS, "unsubscribe": [""]},
        {**HERS, "unsubscribe": ["news"], "subscribe": ["news"]},
        {**HERS, "unsubscribe": ["*"], "subscribe": ["news"]},
        {**HERS, "topic": "*"},
        {**HERS, "unsubscribe": ["a\0b"]},
    ],
)
def test_a_mistake_is_400_and_says_so(api: httpx.Client, wrong: dict[str, Any]) -> None:
    answer = api.post("/api/preferences", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer é"])
def test_only_with_the_secret(visitor: httpx.Client, given: str) -> None:
    headers = {"Authorization": given.encode()} if given else {}
    for answer in (
        visitor.get("/api/preferences", params=HERS, headers=headers),
        visitor.post("/api/preferences", json=HERS, headers=headers),
        visitor.post("/api/links", json={**HERS, "topic": "news"}, headers=headers),
    ):
        assert answer.status_code == 401


def test_guesses_of_the_secret_wait(visitor: httpx.Client) -> None:
    codes = [visitor.get("/api/preferences").status_code for _ in range(62)]
    assert codes == [401] * 60 + [429] * 2


def test_the_probe_of_the_doctor_is_no_recipient(api: httpx.Client, links: UnsubscribeLinks) -> None:
    token = links.url(Subscription("email", "", "")).rpartition("/")[2]
    assert api.get("/api/preferences", params={"token": token}).status_code == 400
