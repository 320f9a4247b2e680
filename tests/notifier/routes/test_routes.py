from datetime import UTC, datetime
from typing import Any

import pytest

from notifier import Email, Event, route
from notifier.errors import ImageMissing, RoutesError
from notifier.routes import Route, Routes, routes_of
from notifier.routes.loading import load_routes


def event(table: str = "activity", name: Any = "INSERT", **item: Any) -> Event:
    old, new = (item, None) if name == "REMOVE" else (None, item)
    return Event("1", table, name, {"pk": "1"}, new, old, datetime.now(UTC), "1")


def made(**options: Any) -> Route:
    options = {"table": "activity", "channel": "email", "name": "a_route", **options}
    (only,) = routes_of(route(**options)(lambda event: None))
    return only


@pytest.mark.parametrize(
    ("options", "happened", "matches"),
    [
        ({}, event(), True),
        ({}, event(table="other"), False),
        ({}, event(name="MODIFY"), False),
        ({"on": ["INSERT", "MODIFY"]}, event(name="MODIFY"), True),
        ({"on": "REMOVE", "match": {"type": ["gone"]}}, event(name="REMOVE", type="gone"), True),
        ({"match": {"type": ["a", "b"]}}, event(type="b"), True),
        ({"match": {"type": ["a", "b"]}}, event(type="c"), False),
        ({"match": {"type": ["a"]}}, event(), False),
        ({"match": {"type": ["a"], "n": [1]}}, event(type="a", n=1), True),
        ({"match": {"type": ["a"], "n": [1]}}, event(type="a", n=2), False),
        ({"match": {"n": [1]}}, event(n=True), False),  # True == 1 in Python, and not in DynamoDB
        ({"match": {"n": [None]}}, event(n=None), True),
    ],
)
def test_a_route_owns_what_it_matches(options: dict[str, Any], happened: Event, matches: bool) -> None:
    owner = Routes([made(**options)]).owner(happened)
    assert (owner is not None) == matches


def test_the_first_route_that_matches_owns_the_event() -> None:
    first, second = made(name="first", match={"type": ["a"]}), made(name="second")
    routes = Routes([first, second])
    assert routes.owner(event(type="a")) is first
    assert routes.owner(event(type="b")) is second


def test_routes_beside_the_owner_claim_what_they_match_before_it_after_it_and_without_it() -> None:
    before, owner, second, after = (
        made(name="before", match={"type": ["a", "b"]}, exclusive=False),
        made(name="owner", match={"type": ["a"]}),
        made(name="second", match={"type": ["a", "c"]}),
        made(name="after", match={"n": [1]}, exclusive=False),
    )
    routes = Routes([before, owner, second, after])
    assert routes.beside == {"before", "after"}
    assert list(routes.claims(event(type="a", n=1))) == [before, owner, after]
    assert list(routes.claims(event(type="a"))) == [before, owner]
    assert (list(routes.claims(event(type="b"))), routes.owner(event(type="b"))) == ([before], None)
    assert (list(routes.claims(event(type="c", n=1))), routes.owner(event(type="c"))) == ([second, after], second)
    assert list(routes.claims(event(type="d"))) == []


def test_a_record_that_a_route_beside_the_owner_cannot_be_matched_with_is_claimed_by_none() -> None:
    """Half of its notifications would be a guess: it goes to quarantine as a whole."""
    by_key = made(name="by_key", match={"pk": ["1"]})
    beside = made(name="beside", match={"type": ["a"]}, exclusive=False)
    keys_only = Event("1", "activity", "INSERT", {"pk": "1"}, None, None, datetime.now(UTC), "1")
    assert list(Routes([by_key]).claims(keys_only)) == [by_key]
    assert list(Routes([by_key, made(match={"type": ["a"]})]).claims(keys_only)) == [by_key]
    with pytest.raises(ImageMissing, match="the route beside matches on type"):
        Routes([by_key, beside]).claims(keys_only)


def test_exclusive_is_true_or_false() -> None:
    with pytest.raises(RoutesError, match="exclusive"):
        made(exclusive="no")


def test_two_routes_of_one_name_are_refused() -> None:
    with pytest.raises(RoutesError, match="two routes are called a_route"):
        Routes([made(), made()])


def test_one_function_may_serve_two_routes_of_different_names() -> None:
    @route(table="activity", channel="email", name="first", match={"type": ["a"]})
    @route(table="activity", channel="email", name="second")
    def both(event: Event) -> None: ...

    assert [each.name for each in routes_of(both)] == ["first", "second"]


def test_a_removed_route_says_what_to_do() -> None:
    with pytest.raises(RoutesError, match="put it back"):
        Routes([])["a_route"]


def test_the_decorated_function_is_unchanged() -> None:
    @route(table="activity", channel="email")
    def hello(event: Event) -> Email | None:
        return Email(to="a@example.com", template="hello")

    assert hello(event()) == Email(to="a@example.com", template="hello")


def test_the_routes_of_a_module_are_in_its_order() -> None:
    names = [each.name for each in load_routes("examples.notifications")]
    assert names == ["friend_request", "profile_view", "job_application"]


def test_what_users_import_is_stable() -> None:
    import notifier

    messages = {"Attachment", "Chat", "Email", "Identity", "Invitation", "Push", "Sms", "Webhook"}
    others = {"Digest", "Event", "Later", "Limit", "RetryPolicy", "business_hours", "quiet_hours", "route"}
    assert set(notifier.__all__) == messages | others


def test_a_change_is_matched_by_both_images() -> None:
    into_interview = made(
        on="MODIFY", match={"status": ["interview"]}, match_old={"status": [{"anything-but": "interview"}]}
    )

    def change(old: str, new: str) -> Event:
        return Event("1", "activity", "MODIFY", {}, {"status": new}, {"status": old}, datetime.now(UTC), "1")

    routes = Routes([into_interview])
    assert routes.owner(change("received", "interview")) is into_interview
    assert routes.owner(change("interview", "interview")) is None
    assert routes.owner(change("received", "declined")) is None


def test_a_route_on_no_event_is_refused() -> None:
    with pytest.raises(RoutesError, match="matches nothing"):
        made(on=[])


def test_a_proxy_object_in_the_users_module_is_ignored() -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("outside of a request")

    assert routes_of(Proxy()) == ()
