"""Headers of a mail: text without control characters, URLs in ASCII."""

from email.header import decode_header, make_header
from uuid import UUID

import pytest

from notifier.messages import Email, EmailContent, Message
from workers.channels.header import ascii_urls, header_text
from workers.channels.ses.request import send_email_request
from workers.channels.webhook.request import signed_headers


def sent(value: str, name: str = "List-Unsubscribe") -> str:
    """The header as it is given to SES."""
    email = Email("ana@example.com", "any", headers={name: value})
    request = send_email_request(
        Message(UUID(int=7), 1, email, EmailContent("Hi", "Text", None)), "us@example.com", ""
    )
    (found,) = (each["Value"] for each in request["Content"]["Simple"]["Headers"] if each["Name"] == name)
    return str(found)


URLS = [
    ("<https://example.com/ö?q=ü#ä>", "<https://example.com/%C3%B6?q=%C3%BC#%C3%A4>"),
    ("<https://bücher.example/ö>", "<https://xn--bcher-kva.example/%C3%B6>"),
    ("<https://ana@bücher.example:8443/ö>", "<https://ana@xn--bcher-kva.example:8443/%C3%B6>"),
    ("<https://例え.テスト>", "<https://xn--r8jz45g.xn--zckzah>"),
    ("<https://example.com/100%25/ö%20>", "<https://example.com/100%25/%C3%B6%20>"),
    ("<https://example.com/u?name=Ana Lopez>", "<https://example.com/u?name=Ana%20Lopez>"),
    ("< https://example.com/ö >", "<https://example.com/%C3%B6>"),
    ("<https://example.com/日本>, <mailto:bye@bücher.example?subject=grüße>",
     "<https://example.com/%E6%97%A5%E6%9C%AC>, <mailto:bye@xn--bcher-kva.example?subject=gr%C3%BC%C3%9Fe>"),
    ("<HTTPS://example.com/ö>", "<HTTPS://example.com/%C3%B6>"),
    ("<https://[2001:db8::1]/ö>", "<https://[2001:db8::1]/%C3%B6>"),
    ("<https://ex℀mple.com/>", "<https://ex%E2%84%80mple.com/>"),
    ("https://example.com/ö", "https://example.com/%C3%B6"),
    ("https://example.com/😀", "https://example.com/%F0%9F%98%80"),
    ("https://example.com/\ud83d", "https://example.com/%EF%BF%BD"),
    ("<https://example.com/a,b;c?d=e&f=g>", "<https://example.com/a,b;c?d=e&f=g>"),
    ("NO", "NO"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wire"), URLS)
@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Help", "List-Archive", "X-Link"])
def test_a_url_in_a_header_is_percent_encoded(name: str, value: str, wire: str) -> None:
    assert sent(value, name) == wire


def test_a_text_with_a_url_keeps_both() -> None:
    wire = sent("Größe: https://example.com/ö", "X-Note")
    assert wire.startswith("=?utf-8?")
    assert str(make_header(decode_header(wire))) == "Größe: https://example.com/%C3%B6"


def test_a_webhook_has_its_urls_in_ascii_too() -> None:
    own = {"X-Link": "https://例え.テスト/日本", "Link": "<https://example.com/日本>; rel=next"}
    signed = signed_headers(UUID(int=7), b"{}", 0, [], own)
    assert signed["X-Link"] == "https://xn--r8jz45g.xn--zckzah/%E6%97%A5%E6%9C%AC"
    assert signed["Link"] == "<https://example.com/%E6%97%A5%E6%9C%AC>; rel=next"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("O\x92Brien", "O\ufffdBrien"),
        ("a\x07", "a\ufffd"),
        ("a\0b", "a\ufffdb"),
        ("half \ud83d", "half \ufffd"),
        ("1\r\nBcc: eve@example.com", "1 Bcc: eve@example.com"),
        (" a ", "a"),
    ],
)
def test_control_characters_in_a_header_are_replaced(value: str, read: str) -> None:
    assert str(make_header(decode_header(sent(value, "X-Note")))) == read


@pytest.mark.parametrize(
    "word", ["=?utf-8?q?=0D=0ABcc:_eve?=", "=?utf-8?B?DQpCY2M6IGV2ZQ==?=", "=?us-ascii?q?=?=?=?utf-8?q?=00?="]
)
def test_an_encoded_word_with_a_line_break_is_made_invalid(word: str) -> None:
    told = header_text(f"{word} and {word}")
    assert not {"\r", "\n", "\0"} & set(str(make_header(decode_header(told))))


@pytest.mark.parametrize(
    "value", ["plain", "=?utf-8?q?Zo=C3=AB?=", "a <b> c", "1 < 2", "<no-url>", "a: b", "<todo: call Ana>"]
)
def test_ascii_without_a_url_stays_as_it_is(value: str) -> None:
    assert header_text(value) == ascii_urls(value) == value
