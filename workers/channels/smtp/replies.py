"""What a refusal of an SMTP server means, by command, reply code, enhanced code (RFC 3463) and text. Pure.

A reply of 4xx or 5xx to any command, also to the content, says that the mail was not accepted (RFC 5321, 4.2.1). What
differs is what it concerns: this mail, all mails, or only this moment.
"""

import re
from enum import Enum, unique
from typing import NamedTuple

from notifier.outcomes import Blocked, NotSent, Rejected, Throttled, discreet

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_MAILBOX = re.compile(r"\"[^\"]*\"(?=@)|[^\s<>@,;:'\"]+(?=@)")
_ADDRESS = re.compile(r"(?:\"[^\"]*\"|[^\s<>@,;:'\"]+)@[\w.-]*")
"""Removed before a text is searched: an address may hold any word that is searched for."""
_OF_RECIPIENT = re.compile(r"[45]\.(?:1\.(?:[1-6]|10)|2\.\d+)")
"""The recipient's address or mailbox (RFC 3463, RFC 7505), whatever the text says: its account may be disabled."""


class Stage(Enum):
    """The command that was answered."""

    CONNECT = "the greeting, EHLO or STARTTLS"
    LOGIN = "the login"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    CONTENT = "the content"


class Reply(NamedTuple):
    """A reply: its code, -1 if it had none, and its text."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """Return the enhanced code, `5.1.1`; empty if there is none."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""


@unique
class Cause(Enum):
    """What the operator has to change. The value is the sentence that says so."""

    LOGIN = "check NOTIFIER_SMTP_USER and NOTIFIER_SMTP_PASSWORD, and whether the account may log in by SMTP"
    SERVER = "check NOTIFIER_SMTP_HOST, NOTIFIER_SMTP_PORT and NOTIFIER_SMTP_SECURITY"
    SENDER = "check NOTIFIER_SENDER and NOTIFIER_SMTP_RETURN_PATH: the server must allow this login to send as them"
    RELAY = "the server does not take mails for others from this login or address: see its configuration"
    ACCOUNT = "the account at the mail provider may not send: see its console"
    QUOTA = "the quota of the mail provider is used up: wait, or ask for a higher one"
    UNSIGNED = "set up SPF, DKIM and DMARC for the sender's domain"


NotAccepted = NotSent | Throttled | Blocked | Rejected


class Meaning(NamedTuple):
    """What a refusal means for the mail; and its cause, if there is something that the operator can change."""

    outcome: type[NotAccepted]
    cause: Cause | None = None

    def because(self, reason: str) -> NotAccepted:
        return self.outcome(f"{reason}; {self.cause.value}" if self.cause else reason)


_PASSES_4 = 400
_FOR_GOOD = 500
_CLOSING = 421
_TOO_LARGE = 552
_LOGIN_FIRST = frozenset((530, 534, 535, 538))

_RATE = re.compile(
    r"\brate\b|throttl|too many|too fast|slow down|try again later.*limit|limit exceeded", re.IGNORECASE
)
_QUOTA_TEXT = re.compile(r"\b(?:daily|24.hour|hourly|monthly)\b.*\b(?:quota|limit)|sending quota", re.IGNORECASE)
_RELAY_TEXT = re.compile(r"\brelay", re.IGNORECASE)
_ACCOUNT_TEXT = re.compile(
    r"\b(?:account|sending)\b[^.]{0,40}\b(?:suspended|disabled|paused|blocked|not enabled|not allowed)", re.IGNORECASE
)
_NOT_VERIFIED = re.compile(r"not verified|unverified", re.IGNORECASE)
_NAMES_SENDER = re.compile(
    r"\b(?:send(?:er|ers|ing)|submission|relay\w*|from|your (?:\w+ ){0,2}(?:account|domain|mailbox))\b", re.IGNORECASE
)
_NAMES_RECIPIENT = re.compile(r"\b(?:mailbox|inbox|recipient|receiving)\b", re.IGNORECASE)
"""In the singular: the number of recipients may exceed what the sender may send to."""
_TOO_MANY_RECIPIENTS = re.compile(r"[45]\.5\.3")
"""Of one mail (RFC 3463)."""
_OF_MAIL = frozenset((Stage.RECIPIENT, Stage.DATA, Stage.CONTENT))
_OF_STAGES = {Stage.CONNECT: Cause.SERVER, Stage.LOGIN: Cause.LOGIN}
_UNSIGNED = frozenset(("5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.25", "5.7.26", "5.7.27", "5.7.515"))
"""Authentication of the sender's domain has failed (RFC 7372; 5.7.27 and 5.7.515 are Gmail's and Outlook's)."""


def meaning_of(stage: Stage, reply: Reply, *, own_sender: bool = False) -> Meaning:
    """Return what it means that the command `stage` was refused.

    `own_sender`: the route names the sender of this mail, so that a sender who is refused concerns this mail alone.
    """
    if reply.code < _PASSES_4:  # a reply that does not belong to its command: nothing was accepted
        return Meaning(NotSent)
    text = "" if _is_about_recipient(stage, reply) else _ADDRESS.sub("", reply.text)
    of_account = "" if stage is Stage.RECIPIENT and not _NAMES_SENDER.search(text) else text
    if cause := _of_operator(stage, reply, of_account):
        return Meaning(Blocked, cause)
    if reply.code < _FOR_GOOD:
        return Meaning(_passing(stage, reply, text))
    of_size = reply.enhanced.startswith("5.3.") or reply.code == _TOO_LARGE  # RFC 1870, 6.1: with or without 5.3.4
    if (stage is Stage.SENDER and not of_size) or _NOT_VERIFIED.search(of_account):
        return Meaning(Rejected if own_sender else Blocked, Cause.SENDER)
    if _ACCOUNT_TEXT.search(text):  # the sender's or the recipient's
        return Meaning(NotSent, Cause.ACCOUNT)
    return Meaning(Rejected, Cause.UNSIGNED if reply.enhanced in _UNSIGNED else None)


def reason_of(stage: Stage, reply: Reply, *hidden: str) -> str:
    """Return the reply as one line without addresses and without `hidden`."""
    return discreet(f"{reply.code} {_MAILBOX.sub('…', discreet(reply.text, *hidden))} (to {stage.value})")


def may_be_of_one_mail(meaning: Meaning, stage: Stage) -> bool:
    """Return whether a server may answer this to one mail and take others, as for a domain that it does not relay to.

    A quota is left out: it becomes free bit by bit, so other mails may be taken before a mail that was refused.
    """
    return meaning.outcome is Blocked and stage in _OF_MAIL and meaning.cause is not Cause.QUOTA


def _is_about_recipient(stage: Stage, reply: Reply) -> bool:
    """Return whether the recipient or the number of recipients of this one mail is the cause, and not the account."""
    if _OF_RECIPIENT.fullmatch(reply.enhanced):
        return True
    text = _ADDRESS.sub("", reply.text)
    if stage not in _OF_MAIL or _NAMES_SENDER.search(text):
        return False
    return bool(_NAMES_RECIPIENT.search(text) or _TOO_MANY_RECIPIENTS.fullmatch(reply.enhanced))


def _of_operator(stage: Stage, reply: Reply, text: str) -> Cause | None:
    """Return what the operator has to change before any mail is accepted; None if that is not the cause."""
    if _QUOTA_TEXT.search(text) or reply.enhanced == "5.4.5":
        return Cause.QUOTA
    if reply.code in _LOGIN_FIRST:
        return Cause.LOGIN
    if reply.code < _FOR_GOOD:
        return None
    if stage in _OF_STAGES:
        return _OF_STAGES[stage]
    if _ACCOUNT_TEXT.search(text) and (stage is Stage.SENDER or _NAMES_SENDER.search(text)):
        return Cause.ACCOUNT
    return Cause.RELAY if _RELAY_TEXT.search(text) else None


def _passing(stage: Stage, reply: Reply, text: str) -> type[NotSent] | type[Throttled]:
    """Return the meaning of a 4xx: of the server if it says so or knows no recipient yet, else of this mail."""
    of_server = stage in (Stage.CONNECT, Stage.LOGIN) or reply.code == _CLOSING
    return Throttled if of_server or _RATE.search(text) else NotSent
