"""A phone number as providers accept it, in E.164. Pure. The ValueError for an invalid one does not repeat it."""

import re
import unicodedata
from functools import cache, lru_cache

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    parse,
)

from notifier.text import UNSEEN, trimmed

_LONGEST = 100
_SIGNS = re.compile(r"\(?\+?[\d\s()\[\]./·•'~_-]+")
_AS_DASHES = str.maketrans(dict.fromkeys("·•'_", "-"))
_UNSEEN = re.compile(f"[{UNSEEN}\u200c\u200d]")

_REASONS = {
    ValidationResult.INVALID_COUNTRY_CODE: "has an invalid country code",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
    ValidationResult.TOO_SHORT: "is too short for its country",
    ValidationResult.TOO_LONG: "is too long for its country",
    ValidationResult.INVALID_LENGTH: "has an invalid length for its country",
}


@lru_cache(maxsize=2_000)  # called twice for each message: for the suppression list, and for its request
def e164(to: object, region: str = "") -> str:
    """Return the number in E.164, for example `+351 (912) 345-678` as +351912345678.

    Digits of any script are accepted. `region` is the country of numbers without a country code, for example PT. Only
    the length is checked, not whether the number is assigned, because new ranges are opened every month. Raise
    ValueError.
    """
    if not isinstance(to, str):
        raise ValueError("is not a text")  # noqa: TRY004  one type of error for every invalid number
    if len(to) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    number = _parsed(_spelled(to), region)
    reason = is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise ValueError(_REASONS.get(reason, "is not a phone number"))
    return format_number(number, PhoneNumberFormat.E164)


def number_of(to: object, region: str = "") -> str:
    """Return the number in the field `to` of a request in E.164. Raise ValueError as `e164` does."""
    try:
        return e164(to, region)
    except ValueError as error:
        raise ValueError(f"the number in `to` {error}") from None


@cache
def is_region(region: str) -> bool:
    """Return whether the rules for numbers of this country, for example PT, are known."""
    return region in SUPPORTED_REGIONS


def _spelled(to: str) -> str:
    """Return the number in ASCII. Raise ValueError if it contains letters or other signs."""
    text = trimmed(_UNSEEN.sub("", to))
    if text[:4].lower() == "tel:":
        text = text[4:]
    if not text.isascii():
        text = "".join(_ascii(sign) for sign in text)
    if not text:
        raise ValueError("is empty")
    if not _SIGNS.fullmatch(text):
        raise ValueError("contains letters or other signs that no phone number has")
    return text.translate(_AS_DASHES)


def _ascii(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.digit(sign))
    if category in ("Pd", "Zs") or sign == "\u2212":
        return "-" if category != "Zs" else " "
    return unicodedata.normalize("NFKC", sign)


def _parsed(text: str, region: str) -> PhoneNumber:
    try:
        return parse(text, region or None)
    except NumberParseException as error:
        if error.error_type != NumberParseException.INVALID_COUNTRY_CODE:
            raise ValueError("is too short or too long for a phone number") from None
    if text.startswith("+"):
        raise ValueError("has an invalid country code")
    raise ValueError("names no country: write a plus and the country code first, or set NOTIFIER_SMS_REGION")
