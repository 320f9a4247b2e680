"""Streams that leave out images: what is matched, what cannot be, and how it is reported."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifier import Event, route
from notifier.errors import ImageMissing
from notifier.events import EventName
from notifier.routes import Route, Routes, routes_of
from notifier.routes.views import View, unreadable, without_item

ITEM = {"pk": "user#1", "type": "request"}


def made(**options: Any) -> Route:
    (only,) = routes_of(
        route(**{"table": "activity", "channel": "email", "name": "a", **options})(lambda event: None)
    )
    return only


def record(name: EventName, view: str) -> Event:
    """The event as a stream of that view type has it."""
    new = ITEM if name != "REMOVE" and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") else None
    old = ITEM if name != "INSERT" and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") else None
    return Event("1", "activity", name, {"pk": "user#1"}, new, old, datetime.now(UTC), "1")


ON_TYPE: dict[str, Any] = {"match": {"type": ["request"]}}
ON_KEY: dict[str, Any] = {"match": {"pk": [{"prefix": "user#"}]}}
ON_OTHER_KEY: dict[str, Any] = {"match": {"pk": [{"prefix": "job#"}]}}
ON_ABSENCE: dict[str, Any] = {"match": {"type": [{"exists": False}]}}
EITHER: dict[str, Any] = {"match": {"$or": [{"pk": ["x"]}, {"type": ["request"]}]}}
OLD_TYPE: dict[str, Any] = {"match_old": {"type": ["request"]}}
OLD_KEY: dict[str, Any] = {"match_old": {"pk": ["user#1"]}}

CASES: list[tuple[dict[str, Any], EventName, str, bool | None]] = [
    (ON_TYPE, "INSERT", "NEW_AND_OLD_IMAGES", True),
    (ON_TYPE, "REMOVE", "NEW_AND_OLD_IMAGES", True),
    (ON_TYPE, "INSERT", "NEW_IMAGE", True),
    (ON_TYPE, "MODIFY", "NEW_IMAGE", True),
    (ON_TYPE, "REMOVE", "NEW_IMAGE", None),
    (ON_TYPE, "MODIFY", "OLD_IMAGE", True),
    (ON_TYPE, "INSERT", "OLD_IMAGE", None),
    (ON_TYPE, "INSERT", "KEYS_ONLY", None),
    (ON_ABSENCE, "INSERT", "KEYS_ONLY", None),
    (ON_ABSENCE, "INSERT", "NEW_IMAGE", False),
    (EITHER, "INSERT", "KEYS_ONLY", None),
    (ON_KEY, "INSERT", "KEYS_ONLY", True),
    (ON_KEY, "REMOVE", "NEW_IMAGE", True),
    (ON_OTHER_KEY, "INSERT", "KEYS_ONLY", False),
    ({}, "REMOVE", "KEYS_ONLY", True),
    (OLD_TYPE, "MODIFY", "NEW_AND_OLD_IMAGES", True),
    (OLD_TYPE, "MODIFY", "NEW_IMAGE", None),
    (OLD_TYPE, "REMOVE", "KEYS_ONLY", None),
    (OLD_TYPE, "INSERT", "KEYS_ONLY", False),  # nothing was there, which is known
    (OLD_KEY, "MODIFY", "NEW_IMAGE", True),
    (OLD_KEY, "MODIFY", "KEYS_ONLY", True),
    (OLD_KEY, "INSERT", "NEW_IMAGE", False),
]


@pytest.mark.parametrize(("options", "name", "view", "owned"), CASES)
def test_a_pattern_is_matched_against_what_the_record_carries(
    options: dict[str, Any], name: EventName, view: str, owned: bool | None
) -> None:
    """None: it cannot be decided."""
    routes = Routes([made(on=["INSERT", "MODIFY", "REMOVE"], **options)])
    if owned is None:
        with pytest.raises(ImageMissing, match="the route a matches on type"):
            routes.owner(record(name, view))
    else:
        assert (routes.owner(record(name, view)) is not None) == owned


def test_routes_after_the_first_match_are_not_read() -> None:
    routes = Routes([made(name="first", **ON_KEY), made(name="second", **ON_TYPE)])
    owner = routes.owner(record("INSERT", "KEYS_ONLY"))
    assert owner is not None
    assert owner.name == "first"


def test_routes_of_other_events_are_not_read() -> None:
    routes = Routes([made(name="first", on="MODIFY", **ON_TYPE), made(name="second")])
    assert routes.owner(record("INSERT", "KEYS_ONLY")) is not None


@pytest.mark.parametrize(("options", "name", "view", "owned"), CASES)
def test_unreadable_routes_are_reported_for_the_stream(
    options: dict[str, Any], name: EventName, view: str, owned: bool | None
) -> None:
    if name == "INSERT" and "match_old" in options:
        return  # refused when it is loaded
    stream = View("arn", view, frozenset({"pk"}))
    told = unreadable([made(on=name, **options)], "activity", stream)
    assert bool(told) == (owned is None)
    for line in told:
        assert "test_views.py:" in line
        assert f"view type {view}" in line


def test_routes_of_another_table_are_ignored() -> None:
    assert unreadable([made(table="orders", **ON_TYPE)], "activity", View("arn", "KEYS_ONLY", frozenset())) == []


@pytest.mark.parametrize(("on", "view", "told"), [
    ("INSERT", "KEYS_ONLY", ["a"]), ("REMOVE", "NEW_IMAGE", ["a"]), ("INSERT", "OLD_IMAGE", ["a"]),
    ("INSERT", "NEW_IMAGE", []), ("REMOVE", "NEW_AND_OLD_IMAGES", []),
])  # fmt: skip
def test_a_route_whose_events_have_no_item_is_reported(on: str, view: str, told: list[str]) -> None:
    assert without_item([made(on=on)], "activity", View("arn", view, frozenset({"pk"}))) == told
