"""A tenant that SES refuses waits by itself: the channel goes on."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from notifier import Email, Event, Identity
from notifier.messages import EmailContent, Message
from notifier.notifications import Status
from notifier.outbox import Report
from notifier.outcomes import Accepted, Blocked, NotSent
from notifier.settings import Settings
from sandbox.embedded.ses import SesServer, ses_simulator
from tests.workers.channels.ses.test_channel import MakeChannel, make_channel, mode, send_one, wire
from tests.workers.channels.wire import Wire, refuse
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.channels.aws.refusals import Refusal, Refused
from workers.channels.ses import SesChannel
from workers.channels.ses.parked import ParkedParts
from workers.channels.ses.refusals import MISSING, PAUSED, POOL, TENANT, UNVERIFIED
from workers.sending.reachability import Reachability

__all__ = ["env", "make_channel", "mode", "ses", "templates_path", "wire"]

BLUE = Email("ana@example.com", "x", tenant="blue")
RED = Email("bo@example.com", "x", configuration_set="red")
PLAIN = Email("cy@example.com", "x")
REFUSED = Refused(TENANT, "BadRequestException: Tenant not associated with resources.")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_part_is_tried_again_by_one_call_after_its_time() -> None:
    clock = Clock()
    parked = ParkedParts(30.0, clock)
    assert not parked
    outcome = parked.apply(BLUE, REFUSED)
    assert isinstance(outcome, Blocked)
    assert outcome.within == "tenant blue"
    assert (parked.held(BLUE), parked.held(RED), parked.held(PLAIN)) == (outcome, None, None)
    clock.now += 30.0
    assert parked.held(BLUE) is None
    assert parked.held(BLUE) == outcome, "only one mail tries"
    parked.apply(BLUE, Accepted("m"))
    assert not parked


@pytest.mark.parametrize(
    ("email", "refused", "part"),
    [
        (PLAIN, REFUSED, ""),
        (RED, REFUSED, ""),
        (RED, Refused(MISSING, "Configuration set <red> does not exist."), "configuration set red"),
        (RED, Refused(PAUSED, "Configuration set <red> is paused."), "configuration set red"),
        (RED, Refused(PAUSED, "Your account is suspended."), ""),
        (RED, Refused(POOL, "Bad pool."), "configuration set red"),
        (RED, Refused(UNVERIFIED, "Email address is not verified."), ""),
        (BLUE, Refused(MISSING, "Configuration set <events> does not exist."), ""),
    ],
)
def test_only_what_a_mail_names_itself_is_parked(email: Email, refused: Refused, part: str) -> None:
    found = ParkedParts(30.0).apply(email, refused)
    assert found == (Blocked(refused.outcome.reason, within=part) if part else refused)


def test_a_part_that_is_held_says_nothing_of_the_provider() -> None:
    reachability = Reachability()
    reachability.update([Blocked("x", within="tenant blue")] * 20)
    assert reachability.allowance(5, 0.0) == 5


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[SesServer]:
    options = ("--identity", "example.com", "--tenant", "green=example.com,notifier", "--tenant", "blue=notifier")
    with ses_simulator(tmp_path, *options) as server:
        yield server


@pytest.mark.parametrize("mode", ["bulk", "single"])
@pytest.mark.usefixtures("aws")
def test_ses_refuses_a_tenant_without_the_sender_and_takes_the_others(tenants: SesServer, mode: str) -> None:
    settings = Settings.model_validate(
        {
            "database_url": "postgresql://unused",
            "broker_url": "redis://unused",
            "aws_ses_endpoint_url": tenants.url,
            "aws_region": "eu-west-1",
            "sender": "us@example.com",
            "ses_configuration_set": "notifier",
            "ses_mode": mode,
        }
    )
    channel = SesChannel(settings)
    emails = [Email("ana@example.com", "x", tenant=each) for each in ("blue", "green", None)]
    content = EmailContent("S", "T", None)
    for _ in range(2):
        blue, green, none = channel.send([Message(uuid4(), 1, each, content) for each in emails])
        assert isinstance(blue, Blocked)
        assert blue.within == "tenant blue"
        assert "associate the identity" in blue.reason
        assert isinstance(green, Accepted)
        assert isinstance(none, Accepted)
    assert tenants.get("/_sim/counts")["requests"] == 5
    assert tenants.get(f"/_sim/inbox/{green.message_id}")["tenant"] == "green"
    channel.close()


@pytest.mark.usefixtures("aws")
def test_what_is_parked_does_not_depend_on_the_words_of_an_advice(
    wire: Wire, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusal, "because", lambda refusal, reason: refusal.outcome(f"{refusal.advice}: {reason}."))
    wire.behave = refuse(400, "BadRequestException", "Configuration set <red> does not exist.")
    found = send_one(make_channel(), configuration_set="red")
    assert isinstance(found, Blocked)
    assert found.within == "configuration set red"
    wire.behave = refuse(400, "MessageRejected", "Email address is not verified: ana@gmail.example")
    assert isinstance(send_one(make_channel()), NotSent)


def test_a_route_gives_its_identity_and_a_refused_tenant_parks_no_channel(env: Environment, tmp_path: Path) -> None:
    with ses_simulator(tmp_path, "--tenant", "green=example.com,notifier") as server:
        env.channel.close()
        env.channel = SesChannel(env.settings.model_copy(update={"aws_ses_endpoint_url": server.url}))
        ids = env.pending("ana@example.com", "bo@example.com")

        def build(event: Event) -> Email:
            to = (event.new or {})["to"]
            own = {"tenant": "blue"} if to.startswith("bo") else {}
            return Email(to, "hello", {"name": "Ana"}, **own)

        identity = Identity(sender="Green <hi@example.com>", tenant="green")
        env.deliverer(build, identity=identity).deliver(ids)
        assert [env.rows.status(id_) for id_ in ids] == [Status.SENT, Status.PENDING]
        row = env.rows.delivery(ids[1])
        assert row["failures"] == 0
        assert row["reason"].startswith("tenant blue is parked: ")
        assert Report(env.rows.engine).waiting().parked[0]["part"] == "tenant blue"
        assert env.account.closed() is None
        (mail,) = server.get(f"/_sim/messages?nid={ids[0]}")["messages"]
        shown = server.get(f"/_sim/inbox/{mail['message_id']}")
        assert (shown["from"], shown["tenant"]) == ("Green <hi@example.com>", "green")
