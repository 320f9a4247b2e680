"""NOTIFIER_ONLY_TO and NOTIFIER_REDIRECT_TO: who gets messages while a set-up is tried."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from notifier.errors import SettingsError
from notifier.feedback import Feedback, FeedbackKind
from notifier.messages import Email, Sms
from notifier.notifications import Status
from notifier.outbox import Settlement, Suppressions
from notifier.settings import Settings
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.building.recipients import Recipients
from workers.channels.sms import SmsChannel
from workers.channels.smtp import SmtpChannel

__all__ = ["env", "ses", "templates_path"]

TEAM = "team@example.org"


def settings(**given: str) -> Settings:
    return Settings.model_validate({"database_url": "postgresql://x", "broker_url": "redis://x", **given})


def restricted(channel: str = "email", **given: str) -> Recipients:
    found = Recipients.of(settings(**given), channel)
    assert found is not None
    return found


def deliver(env: Environment, recipients: Recipients, ids: list[UUID]) -> None:
    env.deliverer(recipients=recipients).deliver(ids)


def test_nothing_is_restricted_by_default() -> None:
    assert Recipients.of(settings(), "email") is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("ana@example.com", True),
        ("ANA@EXAMPLE.COM", True),
        ("+351912345678", True),
        ("ana@example.com.evil.org", False),
        ("ana@notexample.com", False),
        ("+4917012345678", False),
        ("anaXexample.com", False),
        ("", False),
    ],
)
def test_only_to_matches_whole_addresses(address: str, allowed: bool) -> None:
    found = restricted(only_to="*@example.com, +3519*")
    assert (found.refusal(address) is None) is allowed


@pytest.mark.parametrize("given", [{"only_to": ","}, {"redirect_to": ","}, {"redirect_to": "sms="}])
def test_a_setting_that_names_no_recipient_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must name"):
        settings(**given)


def test_an_address_that_the_channel_cannot_send_to_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_REDIRECT_TO: email"):
        restricted(redirect_to="nowhere")


def test_others_are_skipped_with_the_reason(env: Environment) -> None:
    ours, theirs = env.pending("ana@example.com", "Bo <bo@example.org>")
    deliver(env, restricted(only_to="*@example.com"), [ours, theirs])
    assert env.rows.status(ours) is Status.SENT
    row = env.rows.delivery(theirs)
    assert (row["status"], row["reason"]) == ("skipped", "NOTIFIER_ONLY_TO does not name its recipient")
    assert env.ses.recipients() == ["ana@example.com"]


@pytest.mark.parametrize("count", [1, 3])
def test_all_mails_go_to_the_team(env: Environment, count: int) -> None:
    """One alone goes by SendEmail, several by SendBulkEmail."""
    ids = env.pending(*[f"Zoë <zoe{n}@example.com>" for n in range(count)])
    deliver(env, restricted(redirect_to=TEAM), ids)
    assert env.ses.recipients() == [TEAM] * count
    assert {env.rows.delivery(id_)["recipient"] for id_ in ids} == {TEAM}


def test_a_bounce_of_a_redirected_mail_suppresses_the_team_and_not_the_person(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    deliver(env, restricted(redirect_to=TEAM), [id_])
    (mail,) = env.mails(id_)
    row = env.rows.delivery(id_)
    bounce = Feedback(
        FeedbackKind.BOUNCE, mail["message_id"], row["begun_at"], row["begun_at"], id_, 1, recipient=TEAM,
        permanent=True,
    )  # fmt: skip
    Settlement(env.rows.engine, channel="email").settle([bounce])
    assert env.rows.status(id_) is Status.BOUNCED
    assert [each["address"] for each in Suppressions(env.rows.engine, actor="test").list()] == [TEAM]


@pytest.mark.parametrize("suppressed", ["ana@example.com", TEAM])
def test_a_suppression_of_the_person_or_of_the_team_stops_a_redirected_mail(
    env: Environment, suppressed: str
) -> None:
    Suppressions(env.rows.engine, actor="test").add("email", suppressed, reason="manual")
    (id_,) = env.pending("ana@example.com")
    deliver(env, restricted(redirect_to=TEAM), [id_])
    assert env.rows.status(id_) is Status.SUPPRESSED
    assert env.ses.recipients() == []


def test_a_channel_without_an_address_sends_nothing(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    deliver(env, restricted(redirect_to="sms=+351912345678"), [id_])
    row = env.rows.delivery(id_)
    assert (row["status"], row["reason"]) == (
        "skipped", "NOTIFIER_REDIRECT_TO names no address for the channel email",
    )  # fmt: skip
    assert env.ses.recipients() == []


def test_both_settings_restrict(env: Environment) -> None:
    ours, theirs = env.pending("ana@example.com", "bo@example.org")
    deliver(env, restricted(only_to="*@example.com", redirect_to=TEAM), [ours, theirs])
    assert (env.rows.status(ours), env.rows.status(theirs)) == (Status.SENT, Status.SKIPPED)
    assert env.ses.recipients() == [TEAM]


def test_an_sms_has_its_number_replaced() -> None:
    channel = SmsChannel(settings(aws_region="eu-west-1"))
    found = restricted("sms", redirect_to="email=team@example.org,sms=+351912345678")
    assert found.redirected(channel, Sms(to="+4917012345678", text="Hi")) == Sms(to="+351912345678", text="Hi")


@dataclass
class _Own:
    to: str


def test_a_request_that_cannot_be_redirected_is_not_sent_to_its_own_recipient() -> None:
    class Odd:
        to = "ana@example.com"

    class Channel:
        capability: Any = None

    found = restricted(redirect_to=TEAM)
    assert found.redirected(Channel(), _Own("ana@example.com")).to == TEAM  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        found.redirected(Channel(), Odd())  # type: ignore[arg-type]


def test_a_mail_by_smtp_is_redirected_as_one_by_ses() -> None:
    found = restricted("smtp", redirect_to=TEAM)
    mail = found.redirected(SmtpChannel(settings(smtp_host="localhost", sender=TEAM)), Email("ana@example.com", "a"))
    assert (mail.to, mail.headers) == (TEAM, {"X-Notifier-Original-Recipient": "ana@example.com"})
    assert restricted("sms", redirect_to=TEAM).refusal("+351912345678")
