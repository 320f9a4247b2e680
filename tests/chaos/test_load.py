"""What must come of the events of a run."""

from typing import Any

import pytest

from tests.chaos.load import (
    KINDS,
    beyond,
    collector,
    contents,
    expected,
    is_collected,
    item,
    mails,
    notifications,
    told,
)


def key(number: int) -> dict[str, Any]:
    made = item(number)
    return {"pk": {"S": made["pk"]}, "sk": {"S": made["sk"]}}


@pytest.mark.parametrize("events", range(2 * len(KINDS) + 5))
def test_each_event_is_counted(events: int) -> None:
    keys = [key(number) for number in range(events)]
    assert told(events) == len(expected(keys)) == len(set(expected(keys)))
    assert notifications(events) == told(events) + beyond(keys)
    assert mails(events) == told(events) - sum(is_collected(each) for each in expected(keys))


def test_two_events_are_for_one_recipient_of_whom_one_is_told() -> None:
    first, second = (number for number, kind in enumerate(KINDS) if kind == "limited")
    assert item(first)["pk"] == item(second)["pk"] == f"{first}@example.com"
    assert expected([key(first), key(second)]) == [f"{first}@example.com"]
    sold = KINDS.index("sold")
    assert expected([key(sold)]) == [f"{sold}@example.com", f"{sold}@beside.example.com"]


def test_a_mail_tells_its_recipient_and_a_digest_those_of_its_events() -> None:
    first = KINDS.index("collected")
    second = first + len(KINDS)
    assert contents({"to": "1@example.com", "subject": "Event 1"}) == ["1@example.com"]
    digest = {"to": collector(item(first)), "subject": f"{first} {second}"}
    assert contents(digest) == [f"{first}@example.com", f"{second}@example.com"]
    assert all(map(is_collected, contents(digest)))
    assert collector(item(first)) != collector(item(second))
