"""Which updates a route asks for, and what a document and its id depend on."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier import route
from notifier.errors import RoutesError
from notifier.events import Event
from notifier.notifications import Status
from notifier.routes import Routes, routes_of
from notifier.status_updates import UPDATES, StatusUpdate, document, names_of, update_id, wanted_of

ID = uuid.UUID("019ad0f2-7c40-8f3b-a1c2-5d6e7f809a1b")
UPDATE = StatusUpdate(
    ID, 2, "bounced", "orders", {"pk": {"S": "7"}}, "INSERT", "shipped", "email", 1, datetime.now(UTC), "to a@b.org"
)


def asking(**options: Any) -> Routes:
    @route(table="orders", channel="email", **options)
    def shipped(_: Event) -> None: ...

    return Routes(routes_of(shipped))


def test_every_status_but_those_of_each_attempt_has_updates() -> None:
    assert set(UPDATES) == {str(each) for each in Status} - {"pending", "sending", "shadowed", "merged"} | {"held"}


def test_the_bits_of_names_are_those_names_again() -> None:
    for name in UPDATES:
        assert names_of(wanted_of([name])) == [name]
    assert names_of(wanted_of(["all"])) == list(UPDATES)
    assert wanted_of([]) == 0


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("failed", ["failed"]), (["failed", "held"], ["held", "failed"]), ("all", [*UPDATES]), ([], [])],
)
def test_a_route_says_of_which_statuses_it_wants_updates(given: Any, wanted: list[str]) -> None:
    bits = asking(status_updates=given)["shipped"].wanted_updates
    assert bits is not None
    assert names_of(bits) == wanted


@pytest.mark.parametrize(
    ("given", "said"), [("sending", "every attempt"), (["nope"], "'nope' is not"), (7, "no status")]
)
def test_a_wrong_status_is_refused_with_the_name_of_the_route(given: Any, said: str) -> None:
    with pytest.raises(RoutesError, match=rf"route 'shipped': status_updates=.*{said}"):
        asking(status_updates=given)


def test_a_route_that_says_nothing_wants_what_the_setting_says() -> None:
    assert asking().asking_for(5)["shipped"].wanted_updates == 5
    assert asking(status_updates=[]).asking_for(5)["shipped"].wanted_updates == 0


def test_an_id_depends_on_notification_number_and_status_only() -> None:
    later = replace(UPDATE, at=UPDATE.at + timedelta(days=1), reason="another", attempt=9)
    assert later.id == UPDATE.id == update_id(ID, 2, "bounced")
    assert len({update_id(ID, 2, "bounced"), update_id(ID, 1, "bounced"), update_id(ID, 2, "sent"), ID}) == 4
    assert UPDATE.id.version == 8


def test_a_document_without_personal_data_has_no_address() -> None:
    found = document(replace(UPDATE, recipient="a@b.org"), personal=False)
    assert "a@b.org" not in str(found)
    assert found["reason"] == "to …"
    assert document(replace(UPDATE, recipient="a@b.org"), personal=True)["recipient"] == "a@b.org"
