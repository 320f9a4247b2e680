"""What the replies of SMTP servers mean."""

import pytest

from notifier.outcomes import Blocked, NotSent, Outcome, Rejected, Throttled
from workers.channels.smtp.replies import Cause, Reply, Stage, may_be_of_one_mail, meaning_of, reason_of


@pytest.mark.parametrize(
    ("stage", "code", "text", "expected"),
    [
        # The server, whatever the mail.
        (Stage.CONNECT, 421, "4.3.2 too busy", Throttled),
        (Stage.CONNECT, 450, "4.3.2 come again later", Throttled),
        (Stage.CONNECT, 554, "5.7.1 no service for you", Blocked),
        (Stage.LOGIN, 454, "4.7.0 temporary authentication failure", Throttled),
        (Stage.LOGIN, 535, "5.7.8 bad credentials", Blocked),
        (Stage.SENDER, 530, "5.7.0 authentication required", Blocked),
        (Stage.SENDER, 553, "5.7.1 sender address rejected: not owned by user", Blocked),
        (Stage.RECIPIENT, 554, "5.7.1 <a@b.c>: Relay access denied", Blocked),
        (Stage.CONTENT, 554, "Message rejected: Email address is not verified.", Blocked),
        (Stage.SENDER, 454, "Throttling failure: Maximum sending rate exceeded.", Throttled),
        (Stage.SENDER, 454, "Throttling failure: Daily message quota exceeded.", Blocked),
        (Stage.CONTENT, 550, "5.4.5 Daily user sending limit exceeded", Blocked),
        (Stage.CONTENT, 550, "5.7.0 your account was suspended", Blocked),
        (Stage.SENDER, 421, "4.7.0 closing", Throttled),
        (Stage.CONTENT, 421, "4.3.0 closing", Throttled),
        (Stage.RECIPIENT, 550, "5.4.5 Daily SMTP limit of the customer exceeded", Blocked),
        (Stage.RECIPIENT, 530, "5.7.0 authentication required", Blocked),
        (Stage.RECIPIENT, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Blocked),
        (Stage.RECIPIENT, 554, "5.7.1 <us@b.c>: Sender address rejected: unverified address", Blocked),
        (Stage.RECIPIENT, 550, "5.7.1 your mail account is disabled", Blocked),
        (Stage.RECIPIENT, 550, "5.7.1 daily sending limit of shop exceeded", Blocked),
        (Stage.CONTENT, 554, "Message rejected: Sending suspended for this account.", Blocked),
        (Stage.CONTENT, 454, "Throttling failure: Daily message quota exceeded.", Blocked),
        (Stage.RECIPIENT, 450, "4.7.0 sending rate exceeded", Throttled),
        (Stage.RECIPIENT, 450, "4.7.1 Error: too many recipients from 192.0.2.1", Throttled),
        (Stage.CONTENT, 451, "4.7.0 rate limited", Throttled),
        # This mail, for now.
        (Stage.RECIPIENT, 452, "4.5.3 mailbox exceeded daily receiving limit", NotSent),
        (Stage.RECIPIENT, 452, "daily quota exceeded", NotSent),
        (Stage.RECIPIENT, 452, "4.5.3 Error: too many recipients", NotSent),
        (Stage.RECIPIENT, 450, "4.7.1 too many messages for this recipient", NotSent),
        (Stage.RECIPIENT, 550, "Account disabled", NotSent),
        (Stage.CONTENT, 554, "delivery error: This account has been disabled or discontinued [#102]", NotSent),
        (Stage.RECIPIENT, 450, "4.2.0 greylisted", NotSent),
        (Stage.RECIPIENT, 452, "4.2.2 mailbox full", NotSent),
        (Stage.CONTENT, 451, "4.3.0 not now", NotSent),
        (Stage.DATA, 451, "", NotSent),
        (Stage.RECIPIENT, 450, "4.2.1 The user is receiving mail at a rate that is too high", NotSent),
        (Stage.RECIPIENT, 450, "4.7.1 <rate@example.com>: greylisted", NotSent),
        (Stage.DATA, 250, "an answer to something else", NotSent),
        # This mail, for good.
        (Stage.RECIPIENT, 550, "5.1.1 no such user", Rejected),
        (Stage.RECIPIENT, 552, "5.2.2 mailbox full", Rejected),
        (Stage.RECIPIENT, 550, "5.1.1 <ana@relay.example.com>: user unknown", Rejected),
        (Stage.RECIPIENT, 550, "<relay@example.com> user unknown", Rejected),
        (Stage.RECIPIENT, 550, "5.1.1 <a@b.c>: Recipient address rejected: unverified address", Rejected),
        (Stage.RECIPIENT, 550, "5.2.1 The email account that you tried to reach is disabled.", Rejected),
        (Stage.RECIPIENT, 550, "5.7.1 Recipient account is suspended", Rejected),
        (Stage.RECIPIENT, 552, "mailbox ana has exceeded its daily message quota", Rejected),
        (Stage.RECIPIENT, 550, "Recipient not verified", Rejected),
        (Stage.CONTENT, 550, "the daily limit of this mailbox is reached", Rejected),
        (Stage.SENDER, 552, "5.3.4 too large", Rejected),
        (Stage.SENDER, 552, "sorry, that message size exceeds my databytes limit (#5.3.4)", Rejected),
        (Stage.CONTENT, 552, "5.3.4 too large", Rejected),
        (Stage.CONTENT, 550, "5.7.26 unauthenticated", Rejected),
        (Stage.CONTENT, 550, "spam", Rejected),
    ],
)
def test_a_reply_is_about_the_server_or_about_the_mail(
    stage: Stage, code: int, text: str, expected: type[Outcome]
) -> None:
    assert meaning_of(stage, Reply(code, text)).outcome is expected


def test_a_sender_of_the_route_that_is_refused_concerns_its_own_mail_alone() -> None:
    reply = Reply(553, "5.7.1 sender address rejected")
    assert meaning_of(Stage.SENDER, reply, own_sender=True).outcome is Rejected


def test_an_unsigned_domain_is_told_what_to_do() -> None:
    meaning = meaning_of(Stage.CONTENT, Reply(550, "5.7.515 access denied"))
    assert meaning.cause is Cause.UNSIGNED
    assert meaning.because("550 no").reason == "550 no; set up SPF, DKIM and DMARC for the sender's domain"


@pytest.mark.parametrize(
    ("stage", "reply", "one"),
    [
        (Stage.CONTENT, Reply(454, "Throttling failure: Daily message quota exceeded."), False),
        (Stage.RECIPIENT, Reply(554, "5.7.1 <a@b.c>: Relay access denied"), True),
        (Stage.SENDER, Reply(553, "5.7.1 sender address rejected: not owned by user"), False),
        (Stage.RECIPIENT, Reply(550, "5.1.1 no such user"), False),
    ],
)
def test_a_quota_is_never_of_one_mail(stage: Stage, reply: Reply, one: bool) -> None:
    assert may_be_of_one_mail(meaning_of(stage, reply), stage) is one


def test_a_reason_names_no_recipient_and_no_secret() -> None:
    reply = Reply(550, '5.1.1 <Ana.Lopes@example.com> and "a b"@example.com: s3cret')
    reason = reason_of(Stage.RECIPIENT, reply, "s3cret")
    assert reason.startswith("550 5.1.1")
    for hidden in ("Ana", "a b", "s3cret"):
        assert hidden not in reason
