"""The channel `chat`: what each chat gets, what its answers mean, and where nothing is sent."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from notifier import Chat
from notifier.messages import ChatContent, Message
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from notifier.testing import HttpAnswer, HttpRequest, channel_settings
from tests.workers.channels.providers import ChatServer
from workers.channels.chat import ChatChannel
from workers.channels.chat.services import DISCORD, SLACK, TEAMS, posted, service_of
from workers.channels.webhook.client import WebhookClient

SLACK_URL = "https://hooks.slack.com/services/T0001/B0001/a-long-secret-of-slack"
DISCORD_URL = "https://discord.com/api/webhooks/123456789012345678/a-long-secret-of-discord"
TEAMS_URL = "https://prod-01.westeurope.logic.azure.com:443/workflows/abcdef/triggers/manual/paths/invoke?sig=secret"
Make = Callable[..., ChatChannel]


class Server(ChatServer):
    says = HttpAnswer(200, b"ok")

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return self.says


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ChatChannel] = []

    def make(**changes: Any) -> ChatChannel:
        made.append(ChatChannel(channel_settings(**{"chat_allow_private": True, **changes})))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def send(channel: ChatChannel, url: str, text: str = "Deployed") -> Outcome:
    (outcome,) = channel.send([Message(uuid4(), 1, Chat(url, text=text), ChatContent(text))])
    return outcome


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (SLACK_URL, "Slack"),
        (DISCORD_URL, "Discord"),
        ("https://ptb.discord.com/api/webhooks/1/x", "Discord"),
        ("https://evildiscord.com/api/webhooks/1/x", "Slack"),
        (TEAMS_URL, "Microsoft Teams"),
        ("https://x.environment.api.powerplatform.com/powerautomate/x", "Microsoft Teams"),
        ("https://chat.example.com/hooks/x", "Slack"),
    ],
)
def test_the_host_says_which_chat_it_is(url: str, name: str) -> None:
    assert service_of(httpx.URL(url)).name == name


def test_each_chat_gets_its_own_format() -> None:
    assert json.loads(posted(SLACK, "a & b")) == {"text": "a & b"}
    assert json.loads(posted(DISCORD, "hi")) == {"content": "hi", "allowed_mentions": {"parse": []}}
    card = json.loads(posted(TEAMS, "hi"))["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"] == [{"type": "TextBlock", "text": "hi", "wrap": True}]


def test_a_value_of_an_event_cannot_call_everybody() -> None:
    assert "<!" not in json.loads(posted(SLACK, "<!channel> <!here> <!subteam^S1>"))["text"]


@pytest.mark.parametrize(("service", "text"), [(DISCORD, "x" * 2001), (SLACK, "x" * 40_001), (TEAMS, "ç" * 14_000)])
def test_a_text_that_is_too_long_is_refused(service: Any, text: str) -> None:
    with pytest.raises(ValueError, match=service.name):
        posted(service, text)


@pytest.mark.parametrize(
    ("answer", "expected", "gone"),
    [
        (HttpAnswer(200, b"ok"), Accepted, False),
        (HttpAnswer(202), Accepted, False),
        (HttpAnswer(204), Accepted, False),
        (HttpAnswer(404, b"no_service"), Rejected, True),
        (HttpAnswer(410, b"channel_is_archived"), Rejected, True),
        (HttpAnswer(403, b"invalid_token"), Rejected, False),
        (HttpAnswer(400, b"invalid_payload"), Rejected, False),
        (HttpAnswer(302, b"", {"Location": "http://127.0.0.1/"}), Rejected, False),
        (HttpAnswer(429, b"", {"Retry-After": "3"}), Throttled, False),
        (HttpAnswer(503, b"", {"Retry-After": "3"}), Throttled, False),
        (HttpAnswer(425), NotSent, False),
        (HttpAnswer(500, b"rollup_error"), Unknown, False),
        (HttpAnswer(503), Unknown, False),
    ],
)
def test_each_answer_is_one_request_and_one_outcome(
    answer: HttpAnswer, expected: type[Outcome], gone: bool, server: Server, make: Make
) -> None:
    server.says = answer
    outcome = send(make(), f"{server.url}/services/T0001/B0001/a-long-secret")
    assert type(outcome) is expected
    assert getattr(outcome, "gone", False) is gone
    assert "a-long-secret" not in str(outcome)
    assert server.requests() == 1


def test_a_long_answer_that_quotes_the_url_shows_no_part_of_its_key(server: Server, make: Make) -> None:
    server.says = HttpAnswer(404, b"x" * 170 + b" /services/T0001/B0001/a-long-secret was not found")
    assert "a-long" not in str(send(make(), f"{server.url}/services/T0001/B0001/a-long-secret"))


def test_discord_is_asked_for_the_id_of_the_message(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.URL] = []

    def post(_: object, url: httpx.URL, headers: object, body: bytes) -> Any:
        asked.append(url)
        from workers.channels.webhook.client import WebhookResponse

        return WebhookResponse(200, {}, '{"id": "987"}')

    monkeypatch.setattr(WebhookClient, "post", post)
    assert send(make(), DISCORD_URL) == Accepted("987")
    assert asked == [httpx.URL(f"{DISCORD_URL}?wait=true")]
    send(make(), SLACK_URL)
    assert asked[-1] == httpx.URL(SLACK_URL)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/hook", "https://[::1]/hook", "https://169.254.169.254/latest", "http://hooks.slack.com/x"],
)
def test_nothing_is_sent_into_a_private_network_or_without_tls(url: str, make: Make) -> None:
    outcome = send(make(chat_allow_private=False), url)
    assert isinstance(outcome, Rejected)
    assert "CHAT_ALLOW_PRIVATE" in outcome.reason or "https" in outcome.reason
