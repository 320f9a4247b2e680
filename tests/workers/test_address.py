import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.channels.address import mailbox_of, wire_address

ONE_MAILBOX = re.compile(r"(?:[ -~]* <)?[!-~]+@[A-Za-z0-9.-]+>?")


@pytest.mark.parametrize(
    ("given_as", "sent_as"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  ana@example.com ", "ana@example.com"),
        ("<ana@example.com>", "ana@example.com"),
        ("Ana <ana@example.com>", "Ana <ana@example.com>"),
        ("Dr. Ana, PhD <ana@example.com>", '"Dr. Ana, PhD" <ana@example.com>'),
        ('"Dr. \\"Ana\\"" <ana@example.com>', '"Dr. \\"Ana\\"" <ana@example.com>'),
        ("Ana.O'Brien+tag@Example.COM", "Ana.O'Brien+tag@Example.COM"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
        ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("Zoë <zoe@example.com>", "=?utf-8?q?Zo=C3=AB?= <zoe@example.com>"),
        ('"Zoë" <zoe@example.com>', "=?utf-8?q?Zo=C3=AB?= <zoe@example.com>"),
    ],
)
def test_addresses_as_ses_takes_them(given_as: str, sent_as: str) -> None:
    assert wire_address(given_as) == sent_as


def test_long_names_are_several_encoded_words() -> None:
    name, _, _ = wire_address("Größe " * 30 + "<a@example.com>").rpartition(" ")
    assert len(name.split(" ")) > 1
    assert all(len(word) <= 75 and word.startswith("=?utf-8?") for word in name.split(" "))


@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "   ",
        "ana",
        "@example.com",
        "ana@",
        "ana@localhost",
        "ana@@example.com",
        "ana@example..com",
        "ana@-example.com",
        "ana@exa_mple.com",
        "ana@[127.0.0.1]",
        "ana b@example.com",
        "ana@example.com,bo@example.com",
        "ana@example.com bo@example.com",
        "ana@example.com;bo@example.com",
        "Ana <ana@example.com> <bo@example.com>",
        "Ana <ana@example.com>, Bo <bo@example.com>",
        "ana@example.com\n",
        "ana\0@example.com",
        "Ana\u2028 <ana@example.com>",
        "Ana\ud800 <ana@example.com>",
        "zoë@example.com",
        "ana@ex℀mple.com",
        "ana@例え\uff0ecom",
        f"{'a' * 65}@example.com",
        f"ana@{'a' * 64}.com",
        "ana@" + "a." * 130 + "com",
    ],
)
def test_what_is_not_one_address(address: object) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|holds) ") as raised:
        wire_address(address)
    assert "ana" not in str(raised.value)


@given(st.one_of(st.text(), st.from_regex(r"[^\n]{0,9}<?[^<>]{1,9}@[^@<>]{1,9}\.[a-z]{2}>?", fullmatch=True)))
def test_whatever_comes_in_one_ascii_mailbox_or_nothing_goes_out(address: str) -> None:
    try:
        sent = wire_address(address)
    except ValueError:
        return
    assert ONE_MAILBOX.fullmatch(sent)


@pytest.mark.parametrize(
    ("spelling", "mailbox"),
    [
        ("Ana <Ana@Example.com>", "ana@example.com"),
        (" ana@example.com ", "ana@example.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_spellings_of_one_mailbox_are_one(spelling: str, mailbox: str) -> None:
    assert mailbox_of(spelling) == mailbox
