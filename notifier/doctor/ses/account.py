"""Whether the account may send, to whom, and as many mails as are asked of it."""

from collections.abc import Iterator, Mapping

from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.routing import sends_email
from notifier.doctor.ses import WHERE
from notifier.doctor.setup import Setup

_PAGE = "docs/channels.md"
_NEARLY_USED = 0.9


def check_account(setup: Setup) -> Iterator[Finding]:
    """Ask SES about the account."""
    if_email(setup)
    with opened(setup, "sesv2") as client:
        account = ask(WHERE, "ses:GetAccount", client.get_account) or {}
    yield from standing(account)
    yield from quota(account, setup.settings.rates)


def if_email(setup: Setup) -> None:
    """Raise CheckEnded if no route sends email: nothing of SES is needed then."""
    if not sends_email(setup):
        raise CheckEnded(not_known("no route sends email: SES was not asked"))


def standing(account: Answer) -> Iterator[Finding]:
    """Yield whether the account may send, and to whom."""
    enforcement = account.get("EnforcementStatus", "HEALTHY")
    if not account.get("SendingEnabled", True) or enforcement == "SHUTDOWN":
        yield wrong(
            f"SES sends nothing for this account (enforcement: {enforcement})",
            "the SES console says why, under Account dashboard: answer the case there, or enable sending",
            _PAGE,
        )
    elif enforcement != "HEALTHY":
        yield doubtful(
            f"SES watches this account (enforcement: {enforcement}): it may stop it",
            "look for the cause of bounces and complaints; the SES console has the case",
            _PAGE,
        )
    else:
        yield good("SES sends for this account, whose standing is healthy")
    if account.get("ProductionAccessEnabled", True):
        yield good("the account is out of SES's sandbox")
    else:
        yield doubtful(
            "the account is in SES's sandbox: only verified recipients get mails",
            "ask for production access in the SES console, under Account dashboard",
            _PAGE,
        )


def quota(account: Answer, rates: Mapping[str, float]) -> Iterator[Finding]:
    """Yield whether the quota suits the configured rate, and how much of the day's is left."""
    found = account.get("SendQuota", {})
    allowed, daily, sent = (float(found.get(each, 0)) for each in ("MaxSendRate", "Max24HourSend", "SentLast24Hours"))
    rate = rates.get("email")
    if rate is not None and allowed and rate > allowed:
        yield wrong(
            f"NOTIFIER_RATES has email={rate:g}, and SES allows {allowed:g} a second: it throttles the rest",
            "leave email out (then it is 90 % of what SES allows), or have SES raise its rate",
            "docs/settings.md",
        )
    else:
        yield good(f"SES allows {allowed:,g} mails a second; we send {f'{rate:g}' if rate else '90 % of that'}")
    if daily < 0:
        yield good("SES sets no limit for a day")
    elif sent >= _NEARLY_USED * daily:
        yield doubtful(
            f"of the {daily:,.0f} mails that SES allows in 24 hours {sent:,.0f} are sent",
            "ask for a higher quota (Service Quotas, Amazon SES)",
            _PAGE,
        )
    else:
        yield good(f"SES allows {daily:,.0f} mails in 24 hours; {sent:,.0f} are sent")
