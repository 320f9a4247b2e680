"""SesChannel over HTTP: never more than one request, and the outcome of each answer."""

import socket
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from typing import Any
from uuid import UUID, uuid4

import pytest

from notifier.channels import Capability, load_channel, redirected
from notifier.errors import SettingsError
from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.settings import Settings
from tests.waiting import wait_until
from tests.workers.channels.wire import Behaviour, Wire, cut, hang, plain, refuse, reset, serve
from workers.channels.ses import CONCURRENCY, SesChannel

pytestmark = pytest.mark.usefixtures("aws")

MakeChannel = Callable[..., SesChannel]
PATHS = {"single": "/v2/email/outbound-emails", "bulk": "/v2/email/outbound-bulk-emails"}
IMPATIENT = 2.0
"""A lease that makes the channel wait for half a second."""
CONTENT = EmailContent("A subject", "The text", "<p>The text</p>")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as wire:
        yield wire


@pytest.fixture(params=PATHS)
def mode(request: pytest.FixtureRequest) -> str:
    """Both modes: each test runs in both."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def make_channel(wire: Wire, mode: str) -> Iterator[MakeChannel]:
    made = []

    def make(**changes: Any) -> SesChannel:
        made.append(SesChannel(settings(wire.url, **{"ses_mode": mode, **changes})))
        return made[-1]

    yield make
    wire.over.set()
    for channel in made:
        channel.close()


def settings(url: str, **changes: Any) -> Settings:
    given = {
        "database_url": "postgresql://nowhere/none",
        "broker_url": "redis://nowhere",
        "sender": "Harbour <hello@example.com>",
        "aws_region": "eu-west-1",
        "aws_ses_endpoint_url": url,
        "send_lease_seconds": 20.0,
        **changes,
    }
    return Settings(**given)


def message(to: str = "ana@example.com", attempt: int = 1, content: EmailContent = CONTENT, **more: Any):
    return Message(uuid4(), attempt, Email(to, "any", **more), content)


def send_one(channel: SesChannel, **more: Any) -> Outcome:
    (outcome,) = channel.send([message(**more)])
    return outcome


def test_is_installed_as_the_channel_email(wire: Wire) -> None:
    channel = load_channel("email", settings(wire.url))
    assert isinstance(channel, SesChannel)
    assert channel.capability is Capability.DELIVERY_EVENTS
    assert channel.request_type is Email


def test_a_redirected_mail_names_its_original_recipient(wire: Wire, mode: str, make_channel: MakeChannel) -> None:
    more = {f"X-{number}": "1" for number in range(13)}
    channel = make_channel()
    request = redirected(channel, Email("Zoë <zoe@example.com>", "any", headers=more), "team@example.com")
    sent = Message(uuid4(), 1, request, CONTENT)
    assert channel.send([sent]) == [Accepted(f"ses-{sent.notification_id}")]
    (mail,) = wire.requests[0].mails
    assert wire.requests[0].target == PATHS[mode]
    assert mail.to == "team@example.com"
    header = make_header(decode_header(mail.headers["X-Notifier-Original-Recipient"]))
    assert str(header) == "Zoë <zoe@example.com>"


def test_the_request_has_the_tags_and_the_configuration_set(wire: Wire, mode: str, make_channel: MakeChannel) -> None:
    channel = make_channel(ses_configuration_set="events")
    sent = message("Zoë <zoe@bücher.example>", 3, reply_to="team@example.com", headers={"X-Topic": "Grüße"})
    assert channel.send([sent]) == [Accepted(f"ses-{sent.notification_id}")]
    (request,) = wire.requests
    assert request.target == PATHS[mode]
    assert request.body["ConfigurationSetName"] == "events"
    assert request.body["FromEmailAddress"] == "Harbour <hello@example.com>"
    assert request.body["ReplyToAddresses"] == ["team@example.com"]
    (mail,) = request.mails
    assert mail.tags == {"nid": str(sent.notification_id), "att": "3"}
    assert mail.headers == {"X-Notification-Id": str(sent.notification_id), "X-Topic": "=?utf-8?b?R3LDvMOfZQ==?="}
    assert mail.to == "=?utf-8?q?Zo=C3=AB?= <zoe@xn--bcher-kva.example>"
    assert (mail.subject, mail.text, mail.html) == ("A subject", "The text", "<p>The text</p>")


def test_a_single_mail_names_its_character_set(wire: Wire, make_channel: MakeChannel) -> None:
    send_one(make_channel(ses_mode="single"))
    simple = wire.requests[0].body["Content"]["Simple"]
    assert simple["Subject"] == {"Data": "A subject", "Charset": "UTF-8"}
    assert {part["Charset"] for part in simple["Body"].values()} == {"UTF-8"}


def test_a_text_only_mail_has_no_html_and_no_configuration_set(wire: Wire, make_channel: MakeChannel) -> None:
    send_one(make_channel(), content=EmailContent("S", "T", None), sender="other@example.com")
    (request,) = wire.requests
    assert [(mail.text, mail.html) for mail in request.mails] == [("T", None)]
    assert "ConfigurationSetName" not in request.body
    assert "ReplyToAddresses" not in request.body
    assert request.body["FromEmailAddress"] == "other@example.com"


IN_BULK = {
    "accepted without an id": Unknown,
    "accepted, json cut off": Unknown,
    "accepted, empty": Unknown,
}
"""A 200 with a broken body: one mail was accepted, of several nothing is known."""

ANSWERS: dict[str, tuple[Behaviour, Outcome | type[Outcome]]] = {
    "accepted without an id": (plain(200, b"{}"), Accepted(None)),
    "accepted, json cut off": (plain(200, b'{"Mess'), Accepted(None)),
    "accepted, empty": (plain(200, b""), Accepted(None)),
    "body shorter than announced": (plain(200, b'{"MessageId":', length=60), Unknown),
    "closed without an answer": (cut, Unknown),
    "reset without an answer": (reset, Unknown),
    "no answer in time": (hang, Unknown),
    "not HTTP": (lambda exchange: exchange.wfile.write(b"what?\r\n\r\n") and cut(exchange), Unknown),
    "500": (refuse(500, "InternalFailure"), Unknown),
    "500 of a proxy": (plain(500, b"<html>oops</html>"), Unknown),
    "502": (plain(502, b"<html>bad gateway</html>"), Unknown),
    "503": (refuse(503, "ServiceUnavailable"), Unknown),
    "504": (plain(504, b""), Unknown),
    "307": (plain(307, b"", Location="/v2/email/outbound-emails"), Unknown),
    "408": (refuse(408, "RequestTimeoutException"), Unknown),
    "429": (refuse(429, "TooManyRequestsException", "Maximum sending rate exceeded."), Throttled),
    "429 of a proxy": (plain(429, b"slow down"), Throttled),
    "throttled, by an older code": (refuse(400, "Throttling"), Throttled),
    "limit exceeded": (refuse(400, "LimitExceededException"), Throttled),
    "quota of the day": (refuse(429, "TooManyRequestsException", "Daily message quota exceeded."), Blocked),
    "account suspended": (refuse(400, "AccountSuspendedException"), Blocked),
    "sending paused": (refuse(400, "SendingPausedException"), Blocked),
    "domain not verified": (refuse(400, "MailFromDomainNotVerifiedException"), Blocked),
    "no configuration set": (refuse(404, "NotFoundException", "no such configuration set"), Blocked),
    "credentials": (refuse(403, "InvalidSignatureException"), Blocked),
    "403 of a proxy": (plain(403, b"no"), Blocked),
    "identity not verified": (refuse(400, "MessageRejected", "Email address is not verified."), Blocked),
    "rejected": (refuse(400, "MessageRejected", "Message contains a virus"), Rejected),
    "bad request": (refuse(400, "BadRequestException", "Missing final '@domain'"), Rejected),
    "too large": (plain(413, b""), Rejected),
    "400 that nobody knows": (refuse(400, "SomethingNewException"), NotSent),
    "418 that nobody knows": (refuse(418, "Teapot"), Unknown),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_is_one_request_and_one_outcome(
    name: str, wire: Wire, mode: str, make_channel: MakeChannel
) -> None:
    wire.behave, expected = ANSWERS[name]
    if mode == "bulk":
        expected = IN_BULK.get(name, expected)
    channel = make_channel(send_lease_seconds=IMPATIENT if wire.behave is hang else 20.0)
    channel._client.ready()  # takes a while on a busy machine, and the impatient have none
    outcome = send_one(channel)
    wait_until(lambda: wire.requests)
    assert len(wire.requests) == 1
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected


UNVERIFIED = "Email address is not verified. The following identities failed the check in region EU-WEST-1: "


@pytest.mark.parametrize(
    ("named", "own", "outcome"),
    [
        ("us@example.com", None, Blocked),
        ("us@example.com", "Us <US@example.com>", Blocked),
        ("", None, Blocked),
        ("us@example.com, ana@gmail.example", None, Blocked),
        ("ana@gmail.example", None, NotSent),
        ("ours@example.com", "ours@example.com", NotSent),
        ("", "ours@example.com", NotSent),
    ],
)
def test_only_an_unverified_configured_sender_blocks_the_channel(
    named: str, own: str | None, outcome: type, wire: Wire, make_channel: MakeChannel
) -> None:
    wire.behave = refuse(400, "MessageRejected", UNVERIFIED + named)
    assert isinstance(send_one(make_channel(sender="We <us@example.com>"), sender=own), outcome)


@pytest.mark.parametrize(
    "more",
    [
        {"to": ""},
        {"to": None},
        {"to": "no at sign"},
        {"to": "ana@example.com\r\nBcc: eve@example.com"},
        {"to": "ana@example.com, eve@example.com"},
        {"to": "half\ud800@example.com"},
        {"sender": "x@example.com\nX-Evil: 1"},
        {"reply_to": "x@example.com\r\nx"},
        {"headers": None},
        {"headers": ["X-Topic"]},
        {"headers": {"X-Number": 7}},
        {"reply_to": 7},
        {"content": None},
        {"headers": {"X-Evil\r\nBcc": "eve@example.com"}},
        {"headers": {"X Evil": "1"}},
        {"headers": {"X-Evil:": "1"}},
        {"headers": {"X-Empty": ""}},
        {"headers": {"Bcc": "eve@example.com"}},
        {"headers": {"X-SES-MESSAGE-TAGS": "nid=other"}},
        {"headers": {"x-notification-id": "other"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"X" * 127: "1"}},
        {"headers": {"X-Long": "v" * 996}},
        {"headers": {f"X-{n}": "1" for n in range(15)}},
    ],
)
def test_an_invalid_message_is_rejected_without_a_request(
    more: dict[str, Any], wire: Wire, make_channel: MakeChannel
) -> None:
    assert isinstance(send_one(make_channel(), **more), Rejected)
    assert wire.requests == []


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\u2028", "\x07", "\x92", "\0", "\ud800", "\x85", "\x1b"])
def test_characters_that_no_header_may_have_are_replaced(
    sign: str, wire: Wire, mode: str, make_channel: MakeChannel
) -> None:
    odd = f"O{sign}Brien"
    read = odd.replace(sign, " " if sign in ("\r\n", "\n", "\u2028") else "\ufffd")
    named = {"sender": f"{odd} <us@example.com>", "reply_to": f"{odd} <r@example.com>", "headers": {"X-Note": odd}}
    sent = message(f"{odd} <ana@example.com>", content=EmailContent(odd, "T", None), **named)
    assert isinstance(make_channel().send([sent])[0], Accepted)
    (mail,) = wire.requests[0].mails
    assert mail.subject == read
    assert str(make_header(decode_header(mail.headers["X-Note"]))) == read


def test_headers_of_the_largest_size_are_sent(wire: Wire, make_channel: MakeChannel) -> None:
    headers = {f"X-{n}": "1" for n in range(13)} | {"L" * 10: "v" * 986}
    assert isinstance(send_one(make_channel(), headers=headers), Accepted)
    assert len(wire.requests[0].mails[0].headers) == 15


def test_many_messages_are_sent_once_each_and_answered_in_order(
    wire: Wire, mode: str, make_channel: MakeChannel
) -> None:
    messages = [message(f"user{number}@example.com", sender=f"{number % 2}@example.com") for number in range(150)]
    outcomes = make_channel(send_lease_seconds=60).send(messages)
    assert outcomes == [Accepted(f"ses-{each.notification_id}") for each in messages]
    assert len(wire.requests) == {"single": 150, "bulk": 4}[mode]
    sent = [mail.nid for request in wire.requests for mail in request.mails]
    assert sorted(sent) == sorted(str(each.notification_id) for each in messages)
    assert wire.connections <= CONCURRENCY


def test_the_rate_is_the_accounts(wire: Wire, make_channel: MakeChannel) -> None:
    assert make_channel().rate() is None
    wire.account = {"SendQuota": {"MaxSendRate": 14.0}}
    assert make_channel().rate() == 14.0


def test_a_single_call_needs_no_other_thread(wire: Wire, make_channel: MakeChannel) -> None:
    channel = make_channel()
    channel._threads.shutdown()
    assert channel.send([message()]) == [Accepted(f"ses-{wire.requests[0].mails[0].nid}")]


@pytest.mark.parametrize("mode", ["auto"], indirect=True)
def test_auto_sends_one_mail_by_itself_and_more_in_bulk(wire: Wire, make_channel: MakeChannel) -> None:
    channel = make_channel()
    for number in (1, 2, 51):
        channel.send([message(f"user{each}@example.com") for each in range(number)])
    sizes = sorted((PATHS["bulk"] == each.target, len(each.mails)) for each in wire.requests)
    assert sizes == [(False, 1), (False, 1), (True, 2), (True, 50)]


def test_without_messages_no_request_is_sent(wire: Wire, make_channel: MakeChannel) -> None:
    assert make_channel().send([]) == []


def test_nothing_starts_in_the_second_half_of_the_lease(wire: Wire, make_channel: MakeChannel) -> None:
    wire.behave = hang
    # Each with a sender of its own, so that it is a call of its own.
    messages = [message(sender=f"s{number}@example.com") for number in range(CONCURRENCY * 6)]
    channel = make_channel(send_lease_seconds=IMPATIENT)
    channel._client.ready()
    outcomes = channel.send(messages)
    sent = [UUID(mail.nid) for request in wire.requests for mail in request.mails]
    assert len(set(sent)) == len(sent)
    answered = zip(messages, outcomes, strict=True)
    kept = {each.notification_id for each, outcome in answered if isinstance(outcome, Late)}
    assert kept
    assert not kept & set(sent)
    assert not any(isinstance(outcome, Accepted) for outcome in outcomes)


@pytest.mark.parametrize("lease", [0.5, 5.0, 60.0, 600.0])
def test_the_last_request_ends_before_the_lease_does(lease: float, wire: Wire, make_channel: MakeChannel) -> None:
    channel = make_channel(send_lease_seconds=lease, unknown_after_seconds=max(lease, 300.0))
    client = channel._client
    assert channel._seconds + client.connect_timeout + client.read_timeout < lease
    assert client.connect_timeout <= 3
    assert client.read_timeout <= 10


def test_a_refused_connection_is_offline(wire: Wire, make_channel: MakeChannel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = send_one(make_channel(aws_ses_endpoint_url=f"http://127.0.0.1:{port}"))
    assert isinstance(outcome, Offline)
    assert "network" in outcome.reason


def test_a_failed_handshake_sent_nothing(wire: Wire, make_channel: MakeChannel) -> None:
    channel = make_channel(aws_ses_endpoint_url=wire.url.replace("http:", "https:"))
    assert isinstance(send_one(channel), Offline)
    assert wire.requests == []


def test_a_handshake_without_an_answer_sent_nothing(make_channel: MakeChannel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        channel = make_channel(aws_ses_endpoint_url=url, send_lease_seconds=IMPATIENT)
        channel._client.ready()
        assert isinstance(send_one(channel), Offline)


@pytest.mark.parametrize("behave", [cut, reset])
def test_a_proxy_that_closes_the_connection_may_have_sent_it(
    behave: Behaviour, wire: Wire, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 raises an error of the connection to the proxy, although the proxy has the whole request."""
    monkeypatch.setenv("http_proxy", wire.url)
    wire.behave = behave
    outcome = send_one(make_channel(aws_ses_endpoint_url="http://ses.invalid"))
    assert len(wire.requests) == 1
    assert isinstance(outcome, Unknown)


def test_an_unreachable_proxy_sent_nothing(make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert isinstance(send_one(make_channel(aws_ses_endpoint_url="http://ses.invalid")), Offline)


def test_credentials_that_cannot_be_refreshed_send_nothing(wire: Wire, make_channel: MakeChannel) -> None:
    class Aged:
        calls = 0

        def get_frozen_credentials(self) -> None:
            self.calls += 1
            if self.calls > 1:  # valid when the unit began
                raise ConnectionError("the metadata service does not answer")

    channel = make_channel()
    channel._client._credentials = Aged()
    outcome = send_one(channel)
    assert isinstance(outcome, Blocked)
    assert "metadata service" in outcome.reason
    assert wire.requests == []


def test_without_credentials_the_channel_is_blocked(
    wire: Wire, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    outcome = send_one(make_channel())
    assert isinstance(outcome, Blocked)
    assert "credentials" in outcome.reason
    assert wire.requests == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sender": ""}, "NOTIFIER_SENDER"),
        ({"sender": "nobody"}, "NOTIFIER_SENDER"),
        ({"aws_region": ""}, "NOTIFIER_AWS_REGION"),
    ],
)
def test_wrong_settings_are_refused_at_the_start(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        SesChannel(settings("http://127.0.0.1:9", **changes))
