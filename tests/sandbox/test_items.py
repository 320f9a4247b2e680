"""Items from a user, in the forms that `notifier put` takes."""

from decimal import Decimal

import pytest

from notifier.errors import UsageError
from sandbox.items import parse_item, parse_items, parse_words

ITEM = {"pk": "a", "sk": "b", "n": Decimal("1.5")}


@pytest.mark.parametrize(
    "words",
    [
        ['{"pk": "a", "sk": "b", "n": 1.5}'],
        ["pk=a", "sk=b", "n:=1.5"],
        ['pk:="a"', "sk=b", "n:=1.5"],
        ['{"pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": "1.5"}}'],
    ],
)
def test_one_item_in_each_form(words: list[str]) -> None:
    assert parse_words(words) == ITEM


def test_a_text_may_hold_the_sign() -> None:
    assert parse_words(["pk=a=b", "sk=x:=1"]) == {"pk": "a=b", "sk": "x:=1"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["pk=a", "sk"], "'sk' is neither"),
        (["pk=a", "=b"], "'=b' is neither"),
        (["pk=a", "sk=b", "n:=x"], "n is not JSON"),
        (["pk=a", "n:=1"], "the item has no sk, a key of the table: notifier put pk="),
        (["nonsense"], "not JSON"),
    ],
)
def test_what_is_wrong_with_a_word_is_said(words: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_words(words)


def test_dynamodbs_form_has_sets_maps_and_null() -> None:
    text = """{"pk": {"S": "a"}, "sk": {"S": "b"}, "m": {"M": {"x": {"NULL": true}}}, "s": {"SS": ["x"]},
               "l": {"L": [{"BOOL": false}]}}"""
    assert parse_item(text) == {"pk": "a", "sk": "b", "m": {"x": None}, "s": {"x"}, "l": [False]}


@pytest.mark.parametrize("value", ['"b"', '{"S": "b", "N": "1"}', '{"X": "b"}', "{}"])
def test_a_mix_of_the_forms_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="sk is not in DynamoDB's JSON"):
        parse_item(f'{{"pk": {{"S": "a"}}, "sk": {value}}}')


@pytest.mark.parametrize("value", ['{"N": "many"}', '{"NS": ["1", "many"]}', '{"N": "1e999"}', '{"SS": 1}'])
def test_a_value_that_is_none_is_refused_in_dynamodbs_form(value: str) -> None:
    with pytest.raises(UsageError, match="DynamoDB"):
        parse_item(f'{{"pk": {{"S": "a"}}, "sk": {{"S": "b"}}, "n": {value}}}')


ONE, TWO = '{"pk": "a", "sk": "1"}', '{"pk": "a", "sk": "2"}'


@pytest.mark.parametrize("text", [f"{ONE}\n{TWO}\n", f"[{ONE}, {TWO}]", f"\ufeff{ONE}{TWO}"])
def test_a_file_may_hold_several(text: str) -> None:
    assert [each["sk"] for each in parse_items(text)] == ["1", "2"]


@pytest.mark.parametrize(("text", "why"), [("", "no item"), ("[]", "no item"), (f"{ONE}\nx", "line 2 is not JSON")])
def test_a_file_without_items_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_items(text)
