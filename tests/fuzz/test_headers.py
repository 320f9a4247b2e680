"""Whatever stands in an address, a subject or a header: one recipient, and no header but those asked for."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.messages import Email, EmailContent, Message
from workers.channels.header import header_text
from workers.channels.mailbox import mailbox_of
from workers.channels.ses.request import send_email_request

ID = UUID(int=7)
BREAKS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ud800", "\t", " "]
PIECES = [*BREAKS, "ana@example.com", "eve@example.com", "Bcc: eve@example.com", "Ana", "Zoë", "<", ">", ",", ";",
          ":", '"', "\\", "(", ")", "@", "=?utf-8?q?=0D=0ABcc:_eve?=", "%0d%0a", "X-Topic", "text/html"]  # fmt: skip
fields = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
addresses = st.one_of(
    st.sampled_from(["ana@example.com", "Zoë <zoe@bücher.example>"]),
    fields.map(lambda name: f"{name} <ana@example.com>"),
    fields.map(lambda name: f'"{name}" <ana@example.com>'),
    fields.map(lambda more: f"ana@example.com{more}"),
    fields,
)
names = st.from_regex(r"X-[A-Za-z]{1,5}", fullmatch=True) | fields


@settings(max_examples=100)
@given(
    to=addresses,
    sender=st.none() | addresses,
    reply_to=st.none() | addresses,
    subject=st.just("Hi") | fields,
    headers=st.dictionaries(names, st.just("a value") | fields, max_size=2),
)
@example("ana@example.com", None, None, "Hi\r\nBcc: eve@example.com", {})
@example("ana@example.com", None, None, "Hi", {"X-A: 1\r\nBcc": "eve@example.com"})
@example("ana@example.com", None, None, "Hi", {"X-A": "1\r\nBcc: eve@example.com"})
@example("ana@example.com, eve@example.com", None, None, "Hi", {})
@example("ana@example.com", "a@example.com\nBcc: eve@example.com", None, "Hi", {})
@example('"Ana\\" <eve@example.com>" <ana@example.com>', 'A, "B" <a@example.com>', "Zoë <z@example.com>", "Grüße", {})
def test_a_mail_has_the_headers_that_were_asked_for_or_is_refused(
    to: str, sender: str | None, reply_to: str | None, subject: str, headers: dict[str, str]
) -> None:
    email = Email(to, "any", sender=sender, reply_to=reply_to, headers=headers)
    message = Message(ID, 1, email, EmailContent(subject, "The text", None))
    try:
        request = send_email_request(message, "us@example.com", "events")
    except ValueError as refused:
        told = str(refused)
    else:
        _check(request, to, reply_to, headers)
        return
    assert "ana@" not in told or "ana@" in "".join(headers), "the name of a header is the route's, an address is not"


def _check(request: dict[str, Any], to: str, reply_to: str | None, headers: dict[str, str]) -> None:
    mail = as_mail(request)
    assert [mailbox_of(mailbox) for _, mailbox in getaddresses([str(mail["To"])])] == [mailbox_of(to)]
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Subject", "X-Notification-Id", *headers, *(["Reply-To"] if reply_to else [])]
    )


def as_mail(request: dict[str, Any]) -> EmailMessage:
    """What a server would make of the request if it were as careless as can be, read again."""
    simple = request["Content"]["Simple"]
    named = [
        ("From", request["FromEmailAddress"]),
        ("To", ", ".join(request["Destination"]["ToAddresses"])),
        ("Subject", simple["Subject"]["Data"]),
        *(("Reply-To", each) for each in request.get("ReplyToAddresses", ())),
        *((each["Name"], each["Value"]) for each in simple["Headers"]),
    ]
    text = "".join(f"{name}: {value}\r\n" for name, value in named) + "\r\nThe text"
    read = message_from_bytes(text.encode(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    assert read.get_payload() == "The text"
    return read


@pytest.mark.parametrize("length", [1_000, 9_000, 400_000])
def test_a_long_address_holds_up_no_worker(length: int) -> None:
    spaces = " " * length
    assert mailbox_of(f"a{spaces}b") == f"a{spaces}b"
    for odd in (
        f"a{spaces}\x07 <a@example.com>",
        "<@" * (length // 2) + " <a@example.com>",
        "<" + "@" * length + ">",
    ):
        mailbox_of(odd)
    assert header_text(f"a{spaces}\x07\n{spaces}b") == f"a{spaces}\ufffd b"
    assert mailbox_of(f"{spaces}Ana@Example.com{spaces}").strip() == "ana@example.com"
