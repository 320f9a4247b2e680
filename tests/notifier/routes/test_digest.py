"""What the events of a digest share, and which digests cannot be meant."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from notifier import Digest, Event, route
from notifier.errors import RoutesError

HOUR = timedelta(hours=1)


def event(new: Any, old: Any = None) -> Event:
    return Event("1", "visits", "INSERT" if new else "REMOVE", {"pk": "1"}, new, old, datetime.now(UTC), "1")


def test_events_with_the_same_value_have_the_same_key() -> None:
    digest = Digest(by="owner.id", window=HOUR)
    first, again = (digest.key("viewed", event({"owner": {"id": "7"}, "by": by})) for by in "ab")
    assert first == again
    assert digest.key("viewed", event(None, {"owner": {"id": "7"}})) == first
    assert digest.key("liked", event({"owner": {"id": "7"}})) != first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (None, "None"),
        (b"1", "1"),
        (10**37 + 1, 10**37),
        (Decimal("1.00000000000000000000000000000000000001"), 1),
    ],
)
def test_different_values_have_different_keys(one: Any, other: Any) -> None:
    digest = Digest(by="owner", window=HOUR)
    assert digest.key("viewed", event({"owner": one})) != digest.key("viewed", event({"owner": other}))


def test_several_attributes_are_kept_apart() -> None:
    digest = Digest(by=("a", "b"), window=HOUR)
    assert digest.key("r", event({"a": "x", "b": "yz"})) != digest.key("r", event({"a": "xy", "b": "z"}))
    assert digest.key("r", event({"a": 1, "b": Decimal("1.0")})) == digest.key("r", event({"a": Decimal(1), "b": 1}))


@pytest.mark.parametrize("item", [{}, {"owner": {}}, {"owner": "7"}, {"owner": {"id": ["7"]}}])
def test_an_event_without_the_value_has_no_key(item: Any) -> None:
    with pytest.raises(RoutesError, match=r"owner\.id"):
        Digest(by="owner.id", window=HOUR).key("viewed", event(item))


@pytest.mark.parametrize(
    "options",
    [
        {"by": ""},
        {"by": ()},
        {"by": "a..b"},
        {"by": 7},
        {"by": [7]},
        {"window": timedelta(0)},
        {"window": timedelta(days=8)},
        {"window": 3600},
        {"at_most": 1},
        {"at_most": 501},
        {"at_most": 2.0},
        {"first_at_once": "yes"},
    ],
)
def test_a_digest_that_cannot_be_meant_is_refused(options: Any) -> None:
    with pytest.raises(RoutesError, match=next(iter(options))):
        Digest(**{"by": "owner", "window": HOUR, **options})


def test_a_route_whose_messages_would_all_be_too_old_is_refused() -> None:
    with pytest.raises(RoutesError, match="expires_after"):
        route(table="visits", channel="email", digest=Digest(by="owner", window=HOUR), expires_after=HOUR)(_build)
    with pytest.raises(RoutesError, match="no Digest"):
        route(table="visits", channel="email", digest="owner")(_build)  # type: ignore[arg-type]


def _build(_: Any) -> None: ...


def test_a_route_with_a_digest_has_one_channel() -> None:
    with pytest.raises(RoutesError, match="one channel"):
        route(table="visits", channel=["sms", "email"], digest=Digest(by="owner", window=HOUR))(_two)


def _two(_: Any, channel: str) -> None: ...
