"""Phone numbers as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SettingsError
from notifier.settings import RecipientSettings, load_recipient_settings, read_settings
from workers.channels.sms import SmsChannel
from workers.channels.sms.phone_number import e164, number_of

NUMBER = "+351912345678"
WIDE = "".join(chr(ord(sign) + 0xFEE0) for sign in NUMBER)


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        " +351 912.345-678\n",
        "+351 (912) 345-678",
        "(+351) 912 345 678",
        "+351\u2011912\u2011345\u2011678",
        "+351\u2013912\u2014345\u2212678",
        "\u202a+351 912 345 678\u202c",
        "\u200e+351\u200b912\ufeff345678\u200f",
        "\u2066+351912345678\u2069",
        "+351\xa0912\u202f345\u2009678",
        "+٣٥١٩١٢٣٤٥٦٧٨",
        "+३५१९१२३४५६७८",
        WIDE,
        WIDE[:4] + "\uff08" + WIDE[4:7] + "\uff09" + WIDE[7:10] + "\uff0d" + WIDE[10:],
        "tel:+351-912-345-678",
        "+351/912/345678",
        "+351 912·345·678",
    ],
)
def test_all_spellings_of_a_number_are_the_same(written: str) -> None:
    assert e164(written) == e164(written, "US") == SmsChannel.address(written) == NUMBER


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("912 345 678", "PT", NUMBER),
        ("00351 912 345 678", "PT", NUMBER),
        ("351912345678", "PT", NUMBER),
        ("(425) 414-7755", "US", "+14254147755"),
        ("1-425-414-7755", "US", "+14254147755"),
        ("011 351 912 345 678", "US", NUMBER),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", "", "+442079460958"),
        ("06 12345678", "NL", "+31612345678"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "IR", "+989123456789"),
    ],
)
def test_a_number_without_a_country_code_is_of_the_region(written: str, region: str, number: str) -> None:
    assert e164(written, region) == number


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "empty"),
        ("\u200b ", "empty"),
        (None, "not a text"),
        (351912345678, "not a text"),
        ("912 345 678", "NOTIFIER_SMS_REGION"),
        ("00351912345678", "NOTIFIER_SMS_REGION"),
        ("+351 912", "too short"),
        ("+351 912 345 678 901 234", "too long"),
        ("+999 912 345 678", "country code"),
        ("+0912345678", "country code"),
        ("call me", "letters"),
        ("1-800-FLOWERS", "letters"),
        ("+351912345678 ext. 3", "letters"),
        ("+351912345678;ext=3", "letters"),
        ("+351912345678,+351912345679", "letters"),
        ("arn:aws:sns:eu-west-1:1:topic", "letters"),
        ("+", ""),
        ("+" + "1" * 200, "longer than"),
    ],
)
def test_an_invalid_number_is_refused_with_a_reason_that_does_not_repeat_it(written: object, told: str) -> None:
    with pytest.raises(ValueError, match=f"^the number in `to` .*{told}") as caught:
        number_of(written)
    assert "912" not in str(caught.value)


def test_suppressions_use_the_region_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SMS_REGION", "PT")
    load_recipient_settings.cache_clear()
    try:
        assert SmsChannel.address("912 345 678") == NUMBER
    finally:
        monkeypatch.undo()
        load_recipient_settings.cache_clear()


@pytest.mark.parametrize("region", ["pt", "PRT", "P", "351", "+351"])
def test_an_unknown_country_is_refused_at_the_start(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SMS_REGION", region)
    with pytest.raises(SettingsError, match="NOTIFIER_SMS_REGION"):
        read_settings(RecipientSettings)


@given(st.text(st.characters(codec=None), max_size=20) | st.from_regex(r"[+0-9 ()./,-]{0,20}", fullmatch=True))
def test_any_text_is_one_number_or_refused(text: str) -> None:
    try:
        number = e164(text, "PT")
    except ValueError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{5,14}", number)
    assert e164(number) == number
