"""A frozen dataclass with a quick `__init__` is as one without."""

import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from inspect import signature
from typing import Any, Generic, TypeVar

import pytest

from notifier.events import Event
from notifier.messages import Email, EmailContent, Message
from notifier.outbox import Change, DueNotification, NewNotification, Recipient
from notifier.process.frozen import quick_init
from workers.building.preparer import Prepared

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plain(Generic[T]):
    first: T
    second: Mapping[str, Any] = field(default_factory=dict)
    third: str | None = None
    fourth: int = field(default=4, repr=False, compare=False)


@quick_init
@dataclass(frozen=True, slots=True)
class Quick(Generic[T]):
    first: T
    second: Mapping[str, Any] = field(default_factory=dict)
    third: str | None = None
    fourth: int = field(default=4, repr=False, compare=False)


@pytest.mark.parametrize("given", [{}, {"second": {"a": 1}}, {"third": "3", "fourth": 5}, {"second": None}])
def test_it_holds_what_was_given_and_the_defaults(given: dict[str, Any]) -> None:
    quick, plain = Quick("1", **given), Plain("1", **given)
    for each in fields(plain):
        assert getattr(quick, each.name) == getattr(plain, each.name)
    assert repr(quick) == repr(plain).replace("Plain", "Quick")
    assert quick == Quick("1", **given)
    assert replace(quick, first="2") == Quick("2", **given)
    assert pickle.loads(pickle.dumps(quick)) == quick


def test_values_by_place() -> None:
    assert Quick("1", {"a": 1}, "3") == Quick(first="1", second={"a": 1}, third="3")


def test_each_has_a_default_of_its_own() -> None:
    assert Quick("1").second is not Quick("1").second


@pytest.mark.parametrize(("places", "names"), [((), {}), (("1",), {"fifth": 5}), (("1",), {"first": "1"})])
def test_what_does_not_fit_is_an_error(places: tuple[str, ...], names: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"Quick\.__init__\(\)"):
        Quick(*places, **names)


def test_it_stays_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Quick("1").first = "2"  # type: ignore[misc]


def test_its_signature_is_that_of_the_dataclass() -> None:
    assert signature(Quick) == signature(Plain)
    assert Quick.__init__.__annotations__ == Plain.__init__.__annotations__


@pytest.mark.parametrize(
    "kind", [Event, Email, EmailContent, Message, DueNotification, NewNotification, Recipient, Change, Prepared]
)
def test_every_value_of_a_message_is_quick_and_complete(kind: type) -> None:
    given = {each.name: object() for each in fields(kind)}
    made = kind(**given)
    assert f"set_{fields(kind)[0].name}" in vars(kind)["__init__"].__globals__
    assert {each.name: getattr(made, each.name) for each in fields(kind)} == given
    assert list(signature(kind).parameters) == [each.name for each in fields(kind)]


@pytest.mark.parametrize("kind", [Plain, Quick])
def test_a_subclass_may_have_an_attribute_of_a_fields_name(kind: type[Any]) -> None:
    named = type("Named", (kind,), {"third": "of the class"})
    assert (named("1", third="given").third, named("1").third) == ("given", None)
    assert named("1").second is not named("1").second
