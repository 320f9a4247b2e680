"""Characters of texts that leave the process, and of texts for a terminal; recipients that are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.text import encodes, masked, one_line, sound, trimmed, utf8

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"]


@pytest.mark.parametrize(
    "long", ["", "a line of text\n" * 200, "Grüße, 「」 « »\n" * 200], ids=["short", "long", "wide"]
)
@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_character_is_replaced(control: str, long: str) -> None:
    assert sound(f"O{control}Brien{long}") == f"O\ufffdBrien{long}"
    assert sound(f"{long}{control}") == f"{long}\ufffd"
    assert one_line(f"O{control}Brien") == "O\ufffdBrien"


@pytest.mark.parametrize(
    "kept", ["\t", "\n", "\r\n", "\xa0", "\u3000", "\u200b", "\u2028", "é", "\ufffd", "😀", "\x20"]
)
def test_tabs_line_breaks_and_all_that_is_no_control_character_stay(kept: str) -> None:
    assert sound(f"a{kept}b") == f"a{kept}b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("half \ud83d", "half \ufffd"),
        ("half \ude00 low", "half \ufffd low"),
        ("\udc92 a byte", "\ufffd a byte"),
        ("two \ud83d\ude00 halves", "two 😀 halves"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00\x07", "\ufffd😀\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_replaced_and_two_halves_are_joined(text: str, told: str) -> None:
    assert sound(text) == one_line(text) == told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" Ana ", "Ana"),
        ("Ana\r\nBcc: eve", "Ana Bcc: eve"),
        ("Ana \n\n\t Bo", "Ana Bo"),
        ("Ana\u2028\u2029Bo", "Ana Bo"),
        ("山田\u3000太郎", "山田\u3000太郎"),
        ("Ana\xa0Bo  Li", "Ana\xa0Bo  Li"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(st.characters(codec=None)))
def test_the_result_is_valid_and_stays_the_same(text: str) -> None:
    told = sound(text)
    assert encodes(told)
    assert not any(sign in told for sign in CONTROLS)
    assert sound(told) == told
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line


@given(st.text(st.characters(codec=None)))
def test_utf8_is_what_python_says(text: str) -> None:
    if encodes(text):
        assert utf8(text) == utf8(text) == text.encode()
    else:
        with pytest.raises(UnicodeEncodeError):
            utf8(text)


def test_invisible_characters_are_trimmed() -> None:
    assert trimmed("\ufeff \u200b\tana\u200d b\xa0\u2069\n") == "ana\u200d b"
    assert trimmed("ï»¿ï»¿ ana") == "ana"
    assert trimmed("\u200b") == ""


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("ana@example.com", "a…@example.com"),
        ("ana@home@example.com", "a…@example.com"),
        ("bounce+ana=example.org@example.com", "b…@example.com"),
        ("@example.com", "…@example.com"),
        ("ana@bücher.example", "a…@bücher.example"),
        ("ana@उदाहरण.example", "a…@उदाहरण.example"),
        ("Ana Example <ana@example.com>", "a…@example.com"),
        ('"Example, Ana: home" <ana@example.com>', "a…@example.com"),
        ("ana@example.com, bo@example.com", "an…"),
        ("+4917012345", "+4…"),
        ("+49 (170) 123-45", "+4…"),
        ("d1:APA91bS3CRET_x-y", "d1…"),
        ("0123456789abcdef", "01…"),
        ('{"endpoint": "https://push.example.com/S3CRET", "keys": {"auth": "S3CRET@x", "p256dh": "B"}}', '{"…'),
        ("https://push.example.com/send/S3CRET", "https://push.example.com/…"),
        ("https://hooks.example.com/n?to=ana@example.com&token=S3CRET", "https://hooks.example.com/…"),
        ("https://hooks.example.com/n/ana@S3CRET", "https://hooks.example.com/…"),
        ("https://hooks.example.com?token=S3CRET", "https://hooks.example.com/…"),
        ("https://hooks.example.com#ana@S3CRET", "https://hooks.example.com/…"),
        (" HTTPS://ana:S3CRET@hooks.example.com:8443/n", "HTTPS://hooks.example.com:8443/…"),
        ("http://S3CRET@[2001:db8::1]:80/", "http://[2001:db8::1]:80/…"),
        ("https://hooks.example.com\\S3CRET", "https://…"),
        ("https://", "https://…"),
        ("https:/hooks.example.com/n?to=ana@S3CRET", "ht…"),
        ("hooks.example.com/n?to=ana@S3CRET", "ho…"),
        ("Your code at https://hooks.example.com/ana@S3CRET", "Yo…"),
        ("", "…"),
    ],
)
def test_recipients_are_masked(recipient: str, shown: str) -> None:
    assert masked(recipient) == shown


@given(st.sampled_from("/?#"), st.text())
def test_nothing_after_the_host_of_a_url_is_shown(sign: str, rest: str) -> None:
    assert masked(f"https://hooks.example.com{sign}{rest}") == "https://hooks.example.com/…"
