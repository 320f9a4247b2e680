"""Whether SES may send as each sender, and signs its mails."""

from collections.abc import Iterator
from typing import Any

from notifier.channels import checked_address
from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.routing import named, need_routes
from notifier.doctor.ses import ABSENT, WHERE
from notifier.doctor.ses.account import if_email
from notifier.doctor.setup import Setup
from notifier.errors import UsageError

_PAGE = "docs/channels.md"
_RIGHT = "ses:GetEmailIdentity"
_IN_WORDS = {"NOT_STARTED": "not begun", "TEMPORARY_FAILURE": "failing for now"}


def check_identities(setup: Setup) -> Iterator[Finding]:
    """Ask SES about the sender of the settings, and those that routes name."""
    if_email(setup)
    senders, computed = _named(setup)
    if setup.settings.sender:
        senders.add(setup.settings.sender)
    mailboxes = set()
    for sender in sorted(senders):
        try:
            mailboxes.add(checked_address("email", sender))
        except UsageError as error:
            yield wrong(f"a sender is no address: {error}", "correct NOTIFIER_SENDER, or the route's sender=", _PAGE)
    with opened(setup, "sesv2") as client:
        for mailbox in sorted(mailboxes):
            yield from _sender(client, mailbox)
    if computed:
        yield not_known(f"whether SES may send as what {', '.join(computed)} computes: the sender is no constant")


def identities_of(mailbox: str) -> list[str]:
    """Return the identities that allow this sender, the nearest first: the address, its domain, the domains above."""
    labels = mailbox.rpartition("@")[2].split(".")
    return [mailbox, *(".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))]


def identity(mailbox: str, name: str, described: Answer) -> Iterator[Finding]:
    """Yield what SES says of the identity that a sender has."""
    who = name if name == mailbox else f"{mailbox} (by {name})"
    if not described.get("VerifiedForSendingStatus"):
        status = str(described.get("VerificationStatus", "PENDING"))
        yield wrong(
            f"SES does not send as {who}: its verification is {_IN_WORDS.get(status, status.lower())}",
            f"publish the DNS records that the SES console shows for {name}, or answer its mail",
            _PAGE,
        )
        return
    dkim = described.get("DkimAttributes", {})
    status = str(dkim.get("Status", "NOT_STARTED"))
    if dkim.get("SigningEnabled") and status == "SUCCESS":
        yield good(f"SES may send as {who}, with DKIM")
        return
    shown = "switched off" if status == "SUCCESS" else _IN_WORDS.get(status, status.lower())
    yield doubtful(
        f"SES may send as {who}, but does not sign with DKIM ({shown}): receivers may take the mails for spam",
        f"set up DKIM for {name.rpartition('@')[2]} in the SES console, and publish its three CNAME records",
        _PAGE,
    )


def _named(setup: Setup) -> tuple[set[str], list[str]]:
    try:
        return named(need_routes(setup), "sender")
    except CheckEnded:
        return set(), []


def _sender(client: Any, mailbox: str) -> Iterator[Finding]:
    for name in identities_of(mailbox):
        try:
            described = ask(WHERE, _RIGHT, client.get_email_identity, absent=ABSENT, EmailIdentity=name)
        except CheckEnded as ended:
            yield ended.finding
            return
        if described is not None:
            yield from identity(mailbox, name, described)
            return
    domain = mailbox.rpartition("@")[2]
    yield wrong(
        f"SES has no identity for the sender {mailbox}: it refuses its mails",
        f"verify {domain}: aws sesv2 create-email-identity --email-identity {domain}",
        _PAGE,
    )
