"""What a limit may be, and which routes count together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from notifier import Event, Limit, route
from notifier.errors import RoutesError
from notifier.routes import Route, Routes, routes_of

DAY = timedelta(days=1)


def limited(name: str, at_most: Any) -> Route:
    def build(event: Event) -> None: ...

    (made,) = routes_of(route(table="activity", channel="email", name=name, at_most=at_most)(build))
    return made


@pytest.mark.parametrize(
    ("limit", "scope", "shown"),
    [
        (Limit(3, per=DAY), "route a", "3 messages in 1 day"),
        (
            Limit(1, per=timedelta(hours=36), by="recipient"),
            "all routes limited by recipient",
            "1 message in 36 hours",
        ),
        (Limit(2, per=timedelta(minutes=1), group="news"), "group news", "2 messages in 1 minute"),
        (Limit(2, per=timedelta(seconds=90), by="recipient", group="news"), "group news", "2 messages in 90 s"),
    ],
)
def test_what_counts_together(limit: Limit, scope: str, shown: str) -> None:
    assert (limit.scope("a"), str(limit)) == (scope, shown)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"most": 0}, "from 1 to 1,000"),
        ({"most": 1_001}, "from 1 to 1,000"),
        ({"most": True}, "from 1 to 1,000"),
        ({"most": 2.0}, "from 1 to 1,000"),
        ({"per": timedelta(0)}, "timedelta above 0"),
        ({"per": timedelta(days=367)}, "366 days at most"),
        ({"per": 3600}, "is not a timedelta"),
        ({"by": "person"}, "neither 'route' nor 'recipient'"),
        ({"then": "later"}, "neither 'skip' nor 'wait'"),
        ({"group": None}, "is not text"),
        ({"group": "a\0"}, "without NUL"),
        ({"group": "a" * 201}, "more than 200"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(RoutesError, match=says):
        Limit(**{"most": 3, "per": DAY, **wrong})


def test_only_a_limit_limits_a_route() -> None:
    with pytest.raises(RoutesError, match="at_most=3 is not a Limit"):
        limited("a", 3)
    assert limited("a", None).at_most is None


def test_routes_that_count_together_need_one_limit() -> None:
    news = Limit(3, per=DAY, group="news")
    a, b = limited("a", news), limited("b", replace(news, then="wait"))
    assert [each.name for each in Routes([a, b])] == ["a", "b"]
    for other in (replace(news, most=4), replace(news, per=2 * DAY)):
        with pytest.raises(RoutesError, match="group news has two limits, 3 messages in 1 day and"):
            Routes([a, limited("b", other)])
    Routes([limited("a", Limit(1, per=DAY)), limited("b", Limit(2, per=DAY))])
