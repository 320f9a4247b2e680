"""What a mail carries, by RFC 8058, and the settings of links."""

from dataclasses import replace
from typing import Any

import pytest

from notifier.errors import SettingsError, Unsendable
from notifier.messages import Email, Sms, Webhook
from notifier.settings import UnsubscribeSettings, read_settings
from notifier.unsubscribe import Subscription, UnsubscribeLinks

KEY = "k" * 32
URL = "https://mail.example.com/u"
ANA = Subscription("email", "ana@example.com", "news")


def links(monkeypatch: pytest.MonkeyPatch, **given: str) -> UnsubscribeLinks | None:
    for name, value in given.items():
        monkeypatch.setenv(f"NOTIFIER_UNSUBSCRIBE_{name.upper()}", value)
    return UnsubscribeLinks.of(read_settings(UnsubscribeSettings))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> UnsubscribeLinks:
    found = links(monkeypatch, url=f"{URL}/", keys=f"{KEY}, {'o' * 32}")
    assert found
    return found


def test_both_headers_and_the_value_of_the_template(made: UnsubscribeLinks) -> None:
    """RFC 8058, 3.1: one https URI in List-Unsubscribe, and List-Unsubscribe-Post with this value exactly."""
    email = made.added_to(Email("ana@example.com", "news", {"name": "Ana"}, headers={"X-Own": "1"}), ANA)
    url = email.context["unsubscribe_url"]
    assert email.headers == {
        "X-Own": "1",
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert url.startswith(f"{URL}/")
    assert email.context["name"] == "Ana"
    assert made.read(url.rpartition("/")[2]) == ANA


@pytest.mark.parametrize("name", ["List-Unsubscribe", "list-unsubscribe"])
def test_a_header_of_the_route_stays(made: UnsubscribeLinks, name: str) -> None:
    email = made.added_to(Email("ana@example.com", "news", headers={name: "<mailto:a@example.com>"}), ANA)
    assert email.headers == {name: "<mailto:a@example.com>"}
    assert email.context["unsubscribe_url"]


@pytest.mark.parametrize(
    "others", [{"to": ["ana@example.com", "bo@example.com"]}, {"cc": "bo@example.com"}, {"bcc": ["bo@example.com"]}]
)
def test_a_mail_to_several_has_no_link_of_one_of_them(made: UnsubscribeLinks, others: dict[str, Any]) -> None:
    """Each of them who clicks would opt out Ana, and go on getting mails."""
    email = replace(Email("ana@example.com", "news"), **others)
    with pytest.raises(Unsendable, match="one recipient") as error:
        made.added_to(email, ANA)
    assert "@" not in str(error.value)
    own = {"List-Unsubscribe": "<mailto:a@example.com>"}
    assert made.added_to(replace(email, headers=own), ANA).headers == own


def test_one_recipient_in_a_list_has_a_link(made: UnsubscribeLinks) -> None:
    assert "List-Unsubscribe" in made.added_to(Email(["ana@example.com"], "news"), ANA).headers


def test_a_mail_has_each_header_once(made: UnsubscribeLinks) -> None:
    email = made.added_to(Email("ana@example.com", "news", headers={"list-unsubscribe-post": "x"}), ANA)
    assert sorted(email.headers) == ["List-Unsubscribe", "List-Unsubscribe-Post"]


def test_a_value_of_the_route_stays(made: UnsubscribeLinks) -> None:
    email = made.added_to(Email("ana@example.com", "news", {"unsubscribe_url": "https://own.example.com"}), ANA)
    assert email.context == {"unsubscribe_url": "https://own.example.com"}


def test_other_channels(made: UnsubscribeLinks) -> None:
    sms = Sms("+351912345678", template="news")
    assert made.added_to(sms, ANA).context["unsubscribe_url"]
    hook = Webhook("https://example.com", {})
    assert made.added_to(hook, ANA) is hook


def test_without_settings_there_are_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    assert links(monkeypatch) is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": URL}, "NOTIFIER_UNSUBSCRIBE_KEYS is not set"),
        ({"keys": KEY}, "NOTIFIER_UNSUBSCRIBE_URL is not set"),
        ({"url": "http://mail.example.com/u", "keys": KEY}, "must begin with https"),
        ({"url": f"{URL}?a=b", "keys": KEY}, "without \\? and #"),
        ({"url": "https://me:hidden@mail.example.com", "keys": KEY}, "without user"),
        ({"url": URL, "keys": f"{KEY},short"}, "32 characters"),
    ],
)
def test_wrong_settings(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        links(monkeypatch, **given)
    assert "short" not in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_loopback_may_be_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    assert links(monkeypatch, url="http://127.0.0.1:8027", keys=KEY)
