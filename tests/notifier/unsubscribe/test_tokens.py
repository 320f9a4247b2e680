"""Tokens of links: only we make them, they hide the address, they never expire, keys can be rotated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.unsubscribe import Subscription, Tokens

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32
ANA = Subscription("email", "ana@example.com", "news")
WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)


@given(WORDS, WORDS, WORDS)
def test_a_token_names_its_recipient_and_topic(channel: str, address: str, topic: str) -> None:
    wanted = Subscription(channel, address, topic)
    token = Tokens([NEW]).make(wanted)
    assert Tokens([NEW]).read(token) == wanted
    assert token.replace("-", "").replace("_", "").isalnum()


def test_it_is_always_the_same_and_differs_between_recipients_topics_and_channels() -> None:
    tokens = Tokens([NEW])
    others = [Subscription("email", "bo@example.com", "news"), Subscription("email", "ana@example.com", "offers"),
              Subscription("sms", "ana@example.com", "news")]  # fmt: skip
    assert tokens.make(ANA) == tokens.make(ANA)
    assert len({tokens.make(each) for each in (ANA, *others)}) == 4


def test_a_rotated_key_still_reads_until_it_is_taken_out() -> None:
    old = Tokens([OLD]).make(ANA)
    both = Tokens([NEW, OLD])
    assert both.read(old) == ANA
    assert both.make(ANA) == Tokens([NEW]).make(ANA) != old
    assert Tokens([NEW]).read(old) is None


@given(st.integers(0, 10_000), st.text("abcXYZ019-_=. \0é", max_size=3))
def test_a_changed_token_is_none(place: int, put: str) -> None:
    tokens = Tokens([NEW])
    token = tokens.make(ANA)
    at = place % len(token)
    changed = token[:at] + put + token[at + 1 :]
    assert changed == token or tokens.read(changed) is None


@pytest.mark.parametrize("token", ["", "x", "=", "a" * 5_000, "ü", "\ud800", "AAAA" * 20])
def test_what_is_no_token_is_none(token: str) -> None:
    assert Tokens([NEW]).read(token) is None


def test_the_address_cannot_be_read_from_it() -> None:
    from base64 import urlsafe_b64decode

    token = Tokens([NEW]).make(ANA)
    plain = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"ana" not in plain
    assert b"example" not in plain
    assert Tokens([OTHER]).read(token) is None


def test_it_is_short_enough_for_a_header() -> None:
    longest = Subscription("email", f"{'a' * 64}@{'b' * 185}.com", "t" * 200)
    assert len(Tokens([NEW]).make(longest)) < 900
    assert len(Tokens([NEW]).make(ANA)) < 100


def test_no_key_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no key"):
        Tokens([])
