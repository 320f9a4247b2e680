"""Faults of SES during a bulk call: each outcome is true, and no mail is accepted twice."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown
from sandbox.embedded.ses import SesServer, ses_simulator
from simulators.ses.faults import FAULTS as SES_FAULTS
from simulators.ses.faults import TRUNCATIONS
from tests.waiting import wait_until
from tests.workers.channels.ses.test_channel import settings
from workers.channels.ses import SesChannel

PER_CALL = 50
LEASE = 8.0
"""Seconds: the channel then waits two for an answer."""
BAD = "bad@example.com"
AGAIN = NotSent | Throttled | Blocked

ALL, ONE, NONE = PER_CALL, 1, 0
# The fault, how many mails it affects, their outcome, and whether SES accepted them nevertheless.
FAULTS: list[tuple[dict[str, Any], int, type[Outcome], bool]] = [
    ({"kind": "accept_then_cut"}, ALL, Unknown, True),
    ({"kind": "accept_then_hang"}, ALL, Unknown, True),
    *(({"kind": "truncated", "body": body}, ALL, Unknown, True) for body in TRUNCATIONS),
    ({"kind": "error_after_accept", "status": 500}, ALL, Unknown, True),
    ({"kind": "error_after_accept", "status": 504}, ALL, Unknown, True),
    ({"kind": "error_before_accept", "status": 503}, ALL, Unknown, False),
    ({"kind": "cut_before_accept"}, ALL, Unknown, False),
    ({"kind": "slow", "seconds": 2.5}, ALL, Unknown, True),
    ({"kind": "slow", "seconds": 0.01}, NONE, Unknown, True),
    ({"kind": "throttle"}, ALL, Throttled, False),
    ({"kind": "refuse", "code": "SendingPausedException"}, ALL, Blocked, False),
    ({"kind": "refuse", "code": "ExpiredTokenException"}, ALL, Blocked, False),
    ({"kind": "refuse", "code": "AccessDeniedException"}, NONE, Blocked, False),
    ({"kind": "refuse", "code": "Strange", "status": 418}, ALL, Unknown, False),
    ({"kind": "refuse", "code": "BadRequestException"}, NONE, Rejected, False),
    ({"kind": "refuse", "code": "BadRequestException", "for": BAD}, ONE, Rejected, False),
    ({"kind": "refuse", "code": "MessageRejected", "message": "is not verified", "for": BAD}, ONE, NotSent, False),
    ({"kind": "refuse", "code": "Strange", "for": BAD}, ONE, NotSent, False),
    ({"kind": "entry_status", "entry_status": "TRANSIENT_FAILURE"}, ONE, NotSent, False),
    ({"kind": "entry_status", "entry_status": "ACCOUNT_THROTTLED"}, ONE, Throttled, False),
    ({"kind": "entry_status", "entry_status": "MESSAGE_REJECTED"}, ONE, Rejected, False),
    ({"kind": "entry_status", "entry_status": "SOMETHING_NEW"}, ONE, Unknown, False),
]


class Post:
    """A channel in bulk mode, and the simulator that it sends to."""

    def __init__(self, ses: SesServer, **changes: Any) -> None:
        self.ses = ses
        self.channel = SesChannel(settings(ses.url, **{"ses_mode": "bulk", "send_lease_seconds": LEASE, **changes}))

    def tell(self, path: str, body: Any = None, method: str = "POST") -> None:
        data = json.dumps(body).encode()
        urlopen(Request(f"{self.ses.url}/_sim/{path}", data, method=method), timeout=5).close()

    def copies(self) -> Counter[str]:
        """How often a mail to each recipient was accepted."""
        return Counter(self.ses.recipients())

    def requests(self) -> int:
        counted: int = self.ses.get("/_sim/counts")["requests"]
        return counted


@pytest.fixture
def post(ses: SesServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    post = Post(ses)
    post.tell("reset")
    post.channel._client.ready()  # takes a while on a busy machine
    yield post
    post.channel.close()


def message(to: str, attempt: int = 1):
    return Message(uuid4(), attempt, Email(to, "any"), EmailContent("S", "T", "H"))


def known_not_accepted(messages: Sequence[Any], outcomes: Sequence[Outcome]) -> list[Any]:
    return [each for each, outcome in zip(messages, outcomes, strict=True) if isinstance(outcome, AGAIN)]


def test_every_fault_of_the_simulator_is_tested() -> None:
    assert {rule["kind"] for rule, *_ in FAULTS} == set(SES_FAULTS.kinds)


@pytest.mark.parametrize(("rule", "met", "outcome", "accepted"), FAULTS, ids=str)
def test_a_fault_of_a_bulk_call(post: Post, rule: dict[str, Any], met: int, outcome: Any, accepted: bool) -> None:
    rule = dict(rule)
    lasting = {"match": {"recipient": rule.pop("for")}} if "for" in rule else {"times": 1}
    post.tell("faults", [rule | lasting])
    messages = [message(f"user{number}@example.com") for number in range(2 * PER_CALL - 1)] + [message(BAD)]

    outcomes = post.channel.send(messages)

    kinds = Counter(type(each) for each in outcomes)
    assert kinds == Counter({outcome: met, Accepted: len(messages) - met})
    wait_until(lambda: post.copies().total() == len(messages) - (0 if accepted else met))  # the slow ones come late
    copies = post.copies()
    assert set(copies.values()) == {1}
    for each, found in zip(messages, outcomes, strict=True):
        if not isinstance(found, Unknown):
            assert copies[each.request.to] == isinstance(found, Accepted), each

    again = known_not_accepted(messages, outcomes)
    post.tell("faults", method="DELETE")
    assert all(isinstance(each, Accepted) for each in post.channel.send(again))
    assert set(post.copies().values()) == {1}


def test_a_bad_mail_is_found_with_few_calls_and_the_others_are_sent(post: Post) -> None:
    post.tell("faults", [{"kind": "refuse", "code": "BadRequestException", "match": {"recipient": "bad*"}}])
    messages = [
        message(f"bad{number}@example.com" if number in (7, 30) else f"{number}@example.com") for number in range(50)
    ]
    outcomes = post.channel.send(messages)
    assert [place for place, each in enumerate(outcomes) if not isinstance(each, Accepted)] == [7, 30]
    assert set(post.copies().values()) == {1}
    assert post.requests() < 25


def test_all_bad_mails_are_all_rejected(post: Post) -> None:
    post.tell("faults", [{"kind": "refuse", "code": "BadRequestException"}])
    outcomes = post.channel.send([message(f"{number}@example.com") for number in range(50)])
    assert {type(each) for each in outcomes} == {Rejected}
    assert post.requests() == 2 * 50 - 1


def test_a_lost_call_while_a_bad_mail_is_searched_is_unknown(post: Post) -> None:
    post.tell(
        "faults",
        [
            {"kind": "refuse", "code": "BadRequestException", "times": 1},
            {"kind": "accept_then_cut", "times": 1},
        ],
    )
    outcomes = post.channel.send([message(f"{number}@example.com") for number in range(50)])
    assert Counter(type(each) for each in outcomes) == {Unknown: 25, Accepted: 25}
    assert (post.copies().total(), set(post.copies().values())) == (50, {1})


def test_braces_in_a_mail_arrive_as_they_are(post: Post) -> None:
    content = EmailContent("{{text}}", "{{{html}}} & {{#if}}", "<p>{{subject}}</p>")
    sent = Message(uuid4(), 1, Email("ana@example.com", "any"), content)
    assert isinstance(post.channel.send([sent, message("bo@example.com")])[0], Accepted)
    (found,) = post.ses.get(f"/_sim/messages?nid={sent.notification_id}")["messages"]
    mail = post.ses.get(f"/_sim/inbox/{found['message_id']}")
    assert (mail["subject"], mail["text"], mail["html"]) == (content.subject, content.text, content.html)


def test_one_bulk_call_a_second_makes_auto_send_singly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with ses_simulator(tmp_path, "--bulk-rate", "1") as ses:
        post = Post(ses, ses_mode="auto", send_lease_seconds=60.0)
        assert post.channel.rate() == 100_000
        messages = [message(f"{number}@example.com") for number in range(500)]
        again = known_not_accepted(messages, post.channel.send(messages))
        assert 0 < len(again) < 500
        calls = post.requests()
        assert known_not_accepted(again, post.channel.send(again)) == []
        assert post.requests() - calls == len(again)
        assert (post.copies().total(), set(post.copies().values())) == (500, {1})
        post.channel.close()
