"""A worker whose role may send single mails and none in bulk: mails go one by one, and the channel stays open."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from notifier.aws import AwsError
from notifier.notifications import Status
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Outcome, Unknown
from tests.workers.channels.ses.test_channel import IMPATIENT, PATHS, MakeChannel, make_channel, mode, wire
from tests.workers.channels.ses.test_channel import message as any_message
from tests.workers.channels.ses.test_faults import PER_CALL, Post, message, post
from tests.workers.channels.wire import Exchange, Wire, accept, hang, refuse
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.channels.ses.bulk_right import BulkRight
from workers.channels.ses.mode import REST_SECONDS
from workers.channels.ses.outcomes import outcome_of, result_of_error, why_operation_refused

__all__ = ["env", "make_channel", "mode", "post", "ses", "templates_path", "wire"]

TEXT = "User `arn:aws:iam::1:role/mail' is not authorized to perform `ses:{}' on resource `arn:aws:ses:::identity/x'"
REFUSED, TAKEN = "SES refuses bulk calls and takes single ones", "SES takes bulk calls again"

in_auto = pytest.mark.parametrize("mode", ["auto"], indirect=True)
in_both_modes = pytest.mark.parametrize("ses_mode", ["auto", "bulk"])


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def denied(operation: str, **more: Any) -> dict[str, Any]:
    """A fault: the role lacks the right to this operation."""
    fault = {"kind": "refuse", "code": "AccessDeniedException", "message": TEXT.format(operation)}
    return {**fault, "match": {"operation": operation}, **more}


def made(post: Post, ses_mode: str) -> Clock:
    """Let the channel make bulk calls in this mode, by a clock that the test sets."""
    clock = Clock()
    post.channel._mode = ses_mode
    post.channel._right = BulkRight(clock)
    return clock


def many(number: int = PER_CALL) -> list[Any]:
    return [message(f"user{each}@example.com") for each in range(number)]


def told(logs: Sequence[Any]) -> list[str]:
    return [each["event"].partition(":")[0] for each in logs]


def test_units_of_one_and_of_many_are_sent_and_the_channel_stays_open(env: Environment) -> None:
    """Each unit of many used to park the channel, which its probe, a single mail, opened again."""
    env.fault(**denied("SendBulkEmail"))
    for size in (3, 1, 3):
        ids = env.pending(*["ana@example.com"] * size)
        env.deliverer().deliver(ids)
        assert env.account.closed() is None
        assert [env.rows.status(each) for each in ids] == [Status.SENT] * size
        assert [len(env.mails(each)) for each in ids] == [1] * size


def test_a_role_that_may_send_nothing_parks_the_channel_until_it_may(env: Environment) -> None:
    env.fault(kind="refuse", code="AccessDeniedException", message=TEXT.format("SendEmail"), times=4)
    ids = env.pending(*["ana@example.com"] * 3)
    env.deliverer().deliver(ids)
    assert [env.rows.status(each) for each in ids] == [Status.PENDING] * 3
    assert "ses:SendEmail" in (env.account.closed() or "")
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    for _ in range(2):
        env.deliverer().deliver(ids)  # a probe
        assert "ses:SendEmail" in (env.account.closed() or "")
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    env.deliverer().deliver(ids)
    assert env.account.closed() is None


@in_both_modes
def test_mails_go_one_by_one_for_a_while_which_is_logged_once(post: Post, ses_mode: str) -> None:
    clock = made(post, ses_mode)
    post.tell("faults", [denied("SendBulkEmail")])
    with capture_logs() as logs:
        for calls in (2, 0, 2):  # bulk calls that are made, and refused, beside one for each mail
            before = post.requests()
            assert {type(each) for each in post.channel.send(many(2 * PER_CALL))} == {Accepted}
            assert post.requests() - before == 2 * PER_CALL + calls
            clock.now += REST_SECONDS / 1.5
        assert told(logs) == [REFUSED]
        assert "ses:SendBulkEmail" in logs[0]["reason"]
        post.tell("faults", method="DELETE")
        clock.now += REST_SECONDS
        for _ in range(2):
            before = post.requests()
            assert {type(each) for each in post.channel.send(many(2 * PER_CALL))} == {Accepted}
            assert post.requests() - before == 2
        assert told(logs) == [REFUSED, TAKEN]
    assert set(post.copies().values()) == {5}


@in_both_modes
def test_an_account_that_is_refused_gets_one_more_call(post: Post, ses_mode: str) -> None:
    made(post, ses_mode)
    post.tell("faults", [denied("SendEmail"), denied("SendBulkEmail")])
    with capture_logs() as logs:
        for _ in range(2):
            before = post.requests()
            outcomes = post.channel.send(many())
            assert {type(each) for each in outcomes} == {Blocked}
            assert all("`ses:SendEmail'" in each.reason for each in outcomes if isinstance(each, Blocked))
            assert post.requests() - before == 2
    assert told(logs) == []
    assert post.copies() == {}


def test_each_mail_has_the_outcome_of_its_own_call(post: Post) -> None:
    """A lost answer stays unknown, but only that of its mail. Once the quota is used up, no further call is made."""
    lost, bad, full = "user3@example.com", "user5@example.com", "user40@example.com"
    post.tell(
        "faults",
        [
            denied("SendBulkEmail"),
            {"kind": "accept_then_cut", "match": {"recipient": lost}},
            {"kind": "refuse", "message": "is not verified", "match": {"recipient": bad}},
            {"kind": "throttle", "message": "Daily message quota exceeded.", "match": {"recipient": full}},
        ],
    )
    messages = many()
    outcomes = post.channel.send([*messages[:2], message("bo@example.com", 2), *messages[3:]])
    kinds: list[type[Outcome]] = [Accepted] * 40 + [Blocked] * 10
    kinds[3], kinds[5] = Unknown, NotSent
    assert [type(each) for each in outcomes] == kinds
    assert set(post.copies().values()) == {1}
    assert post.copies().total() == 39
    assert not {bad, full, "user41@example.com"} & set(post.copies())


@in_auto
@pytest.mark.usefixtures("aws")
def test_what_does_not_fit_into_the_lease_is_not_sent(wire: Wire, make_channel: MakeChannel) -> None:
    def behave(exchange: Exchange) -> None:
        (denial if exchange.path == PATHS["bulk"] else hang)(exchange)

    denial, wire.behave = refuse(403, "AccessDeniedException", TEXT.format("SendBulkEmail")), behave
    channel = make_channel(send_lease_seconds=IMPATIENT)
    channel._client.ready()
    outcomes = channel.send([any_message(f"user{each}@example.com") for each in range(PER_CALL)])
    kinds = Counter(map(type, outcomes))
    assert set(kinds) == {Unknown, Late}
    assert len(wire.requests) == 1 + kinds[Unknown]


@in_auto
@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("status", [404, 405])
def test_an_endpoint_without_bulk_calls_gets_single_ones(wire: Wire, make_channel: MakeChannel, status: int) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(status, b"<html>") if exchange.path == PATHS["bulk"] else accept(exchange)

    wire.behave = behave
    outcomes = make_channel().send([any_message(), any_message()])
    assert {type(each) for each in outcomes} == {Accepted}


@pytest.mark.parametrize(
    ("code", "status", "text", "found"),
    [
        ("AccessDeniedException", 403, "", True),
        ("AccessDeniedException", 403, "not authorized on resource `arn:aws:ses:::configuration-set/x'", True),
        ("AccessDenied", 400, "", True),
        ("UnknownOperationException", 404, "", True),
        ("404", 404, "", True),
        ("AccessDeniedException", 500, "", False),
        ("404", 502, "", False),
        ("AccessDeniedException", 403, "Maximum sending rate exceeded.", False),
        ("ExpiredTokenException", 403, "", False),
        ("NotFoundException", 404, "no configuration set", False),
        ("403", 403, "", False),
    ],
)
def test_only_a_refusal_that_may_be_of_the_operation_is_followed_by_single_calls(
    code: str, status: int, text: str, found: bool
) -> None:
    error = AwsError(code, text, status, "SendBulkEmail")
    assert bool(why_operation_refused(error)) is found
    assert not found or isinstance(outcome_of(result_of_error(error)), Blocked)
