import re
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from simulators.ses.limits import check_address
from workers.channels.mailbox import mailbox_of, wire_address

ONE_MAILBOX = re.compile(r"(?:[ -~]* <)?(?:[!-~]+|\"[ -~]+\")@[A-Za-z0-9.-]+>?")


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
        ("taro.@docomo.example", '"taro."@docomo.example'),
        (".taro@docomo.example", '".taro"@docomo.example'),
        ("ta..ro@docomo.example", '"ta..ro"@docomo.example'),
        ("Taro <taro..@docomo.example>", 'Taro <"taro.."@docomo.example>'),
        ('"taro."@docomo.example', '"taro."@docomo.example'),
        ('"taro"@docomo.example', "taro@docomo.example"),
        ('"ta ro"@docomo.example', '"ta ro"@docomo.example'),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ('"a<b>, \\"c\\\\"@example.com', '"a<b>, \\"c\\\\"@example.com'),
        ('Ana <"a<b"@example.com>', 'Ana <"a<b"@example.com>'),
        ('"matt <3" <m@example.com>', '"matt <3" <m@example.com>'),
        ("matt <3 <m@example.com>", '"matt <3" <m@example.com>'),
        ("a > b <m@example.com>", '"a > b" <m@example.com>'),
        ('"Doe, J <j@x>" <j@example.com>', '"Doe, J <j@x>" <j@example.com>'),
        ('"Doe, J <j@example.com>" <j@example.com>', '"Doe, J <j@example.com>" <j@example.com>'),
        ('"Zoë <3" <zoe@example.com>', "=?utf-8?b?Wm/DqyA8Mw==?= <zoe@example.com>"),
        ('"a\\"<b@x>" <c@example.com>', '"a\\"<b@x>" <c@example.com>'),
        ('"Ana" Lopez <ana@example.com>', '"\\"Ana\\" Lopez" <ana@example.com>'),
        ('"" <ana@example.com>', "ana@example.com"),
        ("山田　太郎 <taro@docomo.example>", "=?utf-8?b?5bGx55Sw44CA5aSq6YOO?= <taro@docomo.example>"),
        ("Ana <ana@example.com >", "Ana <ana@example.com>"),
    ],
)
def test_addresses_are_encoded_for_ses(given_as: str, sent_as: str) -> None:
    assert wire_address(given_as) == sent_as
    check_address(sent_as)


UNSEEN = [*"\t\n\r\x0b\x0c \x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000", "\r\n",
          *"\u200b\u200c\u200d\u2060\ufeff\xad",
          *"\u200e\u200f\u061c\u202a\u202c\u2066\u2069", "\ufeff \u200b", "ï»¿"]  # fmt: skip


@pytest.mark.parametrize("unseen", UNSEEN)
def test_invisible_characters_around_an_address_are_removed(unseen: str) -> None:
    assert wire_address(f"{unseen}ana@example.com") == "ana@example.com"
    assert wire_address(f"Ana <{unseen}ana@example.com>") == "Ana <ana@example.com>"
    assert wire_address(f"{unseen}Ana <ana@example.com>") == "Ana <ana@example.com>"
    if unseen not in "\x0b\x0c\x1c\x85ï»¿":
        assert wire_address(f"Ana{unseen} <ana@example.com>") == "Ana <ana@example.com>"
    assert mailbox_of(f"{unseen}Ana@Example.com") == "ana@example.com"
    if unseen != "ï»¿":
        assert wire_address(f"ana@example.com{unseen}") == "ana@example.com"
        assert wire_address(f"Ana <ana@example.com{unseen}>{unseen}") == "Ana <ana@example.com>"


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "\xad", "\u200e", "\u202c"])
def test_invisible_characters_inside_a_mailbox_are_removed(unseen: str) -> None:
    assert wire_address(f"a{unseen}na@exam{unseen}ple.com") == "ana@example.com"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("O\x92Brien", "O\ufffdBrien"),
        ("Ana\x07", "Ana\ufffd"),
        ("Ana\0Bo", "Ana\ufffdBo"),
        ("Ana\ud800", "Ana\ufffd"),
        ("Ana \ud83d\ude00", "Ana 😀"),
        ("Ana\r\nBcc: eve", "Ana Bcc: eve"),
        ("Ana\u2028Bo", "Ana Bo"),
        ("Ana\tBo", "Ana Bo"),
    ],
)
def test_control_characters_in_a_name_are_replaced(name: str, read: str) -> None:
    for spelled in (f"{name} <ana@example.com>", f'"{name}" <ana@example.com>'):
        assert _read(wire_address(spelled)) == read


def test_a_name_that_looks_encoded_is_not_decoded() -> None:
    assert wire_address("=?utf-8?q?Zo=C3=AB?= <zoe@example.com>") == "=?utf-8?q?Zo=C3=AB?= <zoe@example.com>"
    hidden = wire_address("=?utf-8?q?=0D=0ABcc:_eve?= <ana@example.com>")
    assert not re.search(r"[\r\n]", _read(hidden))


def _read(wire: str) -> str:
    name, _, _ = wire.rpartition(" <")
    if name.startswith('"') and name.endswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return str(make_header(decode_header(name)))


LONG = {
    "CJK": "あ" * 80,
    "thousands": "字" * 5_000,
    "Hebrew": "שלום " * 40,
    "ASCII": "Ana Maria " * 60,
    "to be quoted": 'A. "B" ' * 60,
    "families": "👨‍👩‍👧‍👦" * 30,
    "flags": "🇵🇹" * 60,
    "skin": "👍🏽" * 60,
    "accents apart": "e\u0301" * 200,
    "Devanagari": "क्षि" * 60,
    "one letter with a thousand accents": "e" + "\u0301" * 1_000,
}


@pytest.mark.parametrize("name", LONG.values(), ids=LONG)
@pytest.mark.parametrize("mailbox", ["a@example.com", f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 54}.example"])
def test_a_long_name_is_cut_at_a_whole_character(name: str, mailbox: str) -> None:
    sent = wire_address(f"{name} <{mailbox}>")
    check_address(sent)
    assert len(sent) <= 320
    assert sent.endswith(f"{mailbox}>")
    read = _read(sent)
    assert read
    assert name.startswith(read)
    if not name.startswith("e\u0301\u0301"):
        assert len(list(iter_graphemes(read))) + len(list(iter_graphemes(name[len(read) :]))) == len(
            list(iter_graphemes(name))
        )


def test_a_name_of_the_longest_length_is_not_cut() -> None:
    name = "A" * (320 - len(" <a@example.com>"))
    assert wire_address(f"{name} <a@example.com>") == f"{name} <a@example.com>"
    assert wire_address(f"{name}A <a@example.com>") == f"{name} <a@example.com>"


def test_long_names_are_several_encoded_words() -> None:
    name, _, _ = wire_address("Größe " * 20 + "<a@example.com>").rpartition(" ")
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
        "ana\n@example.com",
        "ana\0@example.com",
        "ana@exam\nple.com",
        "ana@example.com\nbo@example.com",
        "ana\ud800@example.com",
        "\u200b",
        "ana@exam\u200cple.com",
        '"ana@example.com',
        '""@example.com',
        '"a"na@example.com',
        '"an\na"@example.com',
        '"añ"@example.com',
        "ana<3@example.com",
        "ana,@example.com",
        "Ana <ana@example.com> Lopez <bo@example.com>",
        '"Ana" <ana@example.com> "Bo" <bo@example.com>',
        "Ana <ana@example.com",
        "Ana <>",
        f"{'a' * 20_000} <ana@example.com>",
        "zoë@example.com",
        "ana@ex℀mple.com",
        "ana@例え\uff0ecom",
        f"{'a' * 65}@example.com",
        f"ana@{'a' * 64}.com",
        "ana@" + "a." * 130 + "com",
    ],
)
def test_a_text_that_is_not_one_address_is_refused(address: object) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|holds) ") as raised:
        wire_address(address)
    assert "ana" not in str(raised.value)


@given(st.one_of(st.text(), st.from_regex(r"[^\n]{0,9}<?[^<>]{1,9}@[^@<>]{1,9}\.[a-z]{2}>?", fullmatch=True)))
def test_any_text_is_one_ascii_mailbox_or_refused(address: str) -> None:
    try:
        sent = wire_address(address)
    except ValueError:
        return
    assert ONE_MAILBOX.fullmatch(sent)
    check_address(sent)
    assert mailbox_of(sent) == mailbox_of(address)


@pytest.mark.parametrize(
    ("spelling", "mailbox"),
    [
        ("Ana <Ana@Example.com>", "ana@example.com"),
        (" ana@example.com ", "ana@example.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("not an address", "not an address"),
        ("", ""),
        ("Taro.@Docomo.example", "taro.@docomo.example"),
        ('"Taro."@docomo.example', "taro.@docomo.example"),
        ('"Ana"@example.com', "ana@example.com"),
        ('"Ana B"@example.com', '"ana b"@example.com'),
        ('"Doe, J <j@x>" <J@example.com>', "j@example.com"),
        ("\ufeffAna@example.com\u200b", "ana@example.com"),
    ],
)
def test_all_spellings_of_a_mailbox_are_the_same(spelling: str, mailbox: str) -> None:
    assert mailbox_of(spelling) == mailbox_of(mailbox) == mailbox
