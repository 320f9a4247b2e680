"""People to whom a message went beside its first recipient are found by their address, and erased."""

import uuid
from collections.abc import Sequence
from uuid import UUID

import pytest

from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import (
    Change,
    Erasure,
    Person,
    Recipient,
    Retention,
    Search,
    Selection,
    ShadowMessage,
    Suppressions,
)
from tests.outbox.delivery.test_fallback import NUMBER, on, refused
from tests.outbox.erasure.test_erasure import KEYS, dump
from tests.outbox.history.history import at, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded

ANA, BO, CY = (f"{each}@example.com" for each in ("ana", "bo", "cy"))
ODD = '"a, \\"b\\" {c}"@example.com'


def begin(rows: Rows, ids: Sequence[UUID], to: str, *further: str, channel: str = "email") -> UUID:
    token = uuid.uuid4()
    found = on(rows, channel).begin(token, [Recipient(each, to, further=further) for each in ids], 60)
    assert len(found.begun) == len(ids)
    return token


def finish(
    rows: Rows, ids: Sequence[UUID], token: UUID, status: Status = Status.SENT, channel: str = "email"
) -> None:
    assert on(rows, channel).finish(token, [Change(each, status) for each in ids]) == set(ids)


def found(rows: Rows, *addresses: str) -> list[UUID]:
    search = Search(rows.engine, budget=None)
    return sorted(search.ids(Selection(recipients=addresses)))


def erased(rows: Rows, address: str, channel: str = "email") -> int:
    person = person_of(address) if channel == "email" else Person(address, [channel], [address])
    *_, last = Erasure(rows.engine, actor="eva", keys=KEYS).run(person, "asked")
    return last.notifications


def further(rows: Rows, id_: UUID) -> list[str] | None:
    result: list[str] | None = rows.delivery(id_)["further_recipients"]
    return result


@pytest.fixture(params=["today", "listed before", "listed after"])
def a_mail(request: pytest.FixtureRequest, rows: Rows, retention: Retention) -> UUID:
    """A mail to three people, whose record names none of them: the route looked the addresses up."""
    when = None if request.param == "today" else at(3)
    (id_,) = ids = recorded(rows, [record_of("user#1")], at=when)
    if request.param == "listed before":  # the triggers note it
        settled(retention)
    finish(rows, ids, begin(rows, ids, ANA, BO, CY))
    if request.param == "listed after":
        settled(retention)
    return id_


def test_a_mail_is_found_by_each_of_its_recipients(rows: Rows, a_mail: UUID) -> None:
    others = recorded(rows, [record_of("user#2")])
    finish(rows, others, begin(rows, others, "di@example.com"))
    for each in (ANA, BO, CY):
        assert found(rows, each) == [a_mail]
    assert found(rows, "b@example.com") == []


@pytest.mark.parametrize(("who", "left"), [(ANA, (None, [BO, CY])), (CY, (ANA, [BO]))])
def test_one_of_them_is_erased_and_the_others_stay(
    rows: Rows, a_mail: UUID, who: str, left: tuple[str | None, list[str]]
) -> None:
    assert erased(rows, who.upper()) == 1
    row = rows.delivery(a_mail)
    assert (row["recipient"], row["further_recipients"]) == left
    assert rows.one("SELECT record FROM notifications")["record"] == b'{"erased": true}'
    assert who not in dump(rows)
    assert found(rows, who) == []
    assert {each: found(rows, each) for each in (ANA, BO, CY) if each != who} == {
        each: [a_mail] for each in (ANA, BO, CY) if each != who
    }
    listed = rows.all("SELECT term FROM search_terms")
    for each in (ANA, BO, CY):
        term = rows.one("SELECT hashtextextended(:who, 1) AS term", who=each)
        assert (term in listed) is (bool(listed) and each != who)
    assert erased(rows, who) == 0
    for each in (ANA, BO, CY):
        erased(rows, each)
    assert (rows.delivery(a_mail)["recipient"], further(rows, a_mail)) == (None, None)


def test_all_attempts_count_and_repeating_one_changes_nothing(rows: Rows) -> None:
    """Of one whose answer was lost, too: it may have arrived."""
    (id_,) = rows.pending()
    token = begin(rows, [id_], ANA, BO, ODD)
    for _ in range(3):  # its answer was lost
        assert rows.attempts().begin(token, [Recipient(id_, ANA, further=(BO, ODD))], 60).begun
    assert further(rows, id_) == [BO, ODD]
    again = Change(id_, Status.PENDING, failed=True, delay=0.0)
    for to, more, expected in (
        (ANA, (BO, ODD), [BO, ODD]),
        (BO, (ODD,), [ANA, ODD]),
        (CY, (), [ANA, BO, ODD]),
        (CY, (), [ANA, BO, ODD]),
    ):
        assert rows.attempts().finish(token, [again]) == {id_}
        rows.run("UPDATE deliveries SET next_attempt_at = NULL")
        token = begin(rows, [id_], to, *more)
        assert (rows.delivery(id_)["recipient"], sorted(further(rows, id_) or [])) == (to, sorted(expected))
    assert found(rows, ODD) == [id_]


def test_a_delivery_with_one_recipient_has_no_others(rows: Rows) -> None:
    ids = rows.pending(2)
    begin(rows, ids, ANA)
    assert [further(rows, each) for each in ids] == [None, None]
    one, other = rows.pending(2)
    rows.attempts().begin(uuid.uuid4(), [Recipient(one, ANA), Recipient(other, ANA, further=(BO,))], 60)
    assert (further(rows, one), further(rows, other)) == (None, [BO])


def test_what_is_in_shadow_or_suppressed_keeps_them_too(rows: Rows) -> None:
    one, other = rows.pending(2)
    rows.attempts().shadow([ShadowMessage(Recipient(one, ANA, further=(BO,)), "Hello", "in shadow")])
    Suppressions(rows.engine, actor="test").add("email", CY, reason="manual")
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(other, CY, further=(BO,))], 60).suppressed == [other]
    assert found(rows, BO) == sorted([one, other])


def test_who_was_tried_on_an_earlier_channel_is_found_and_erased_with_the_later(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)], begin(rows, [id_], ANA))
    finish(rows, [id_], begin(rows, [id_], NUMBER, channel="sms"), channel="sms")
    assert found(rows, ANA) == found(rows, NUMBER) == [id_]

    assert erased(rows, ANA) == 1  # all addresses of a delivery that went on are one person's
    assert ANA not in dump(rows)
    assert NUMBER not in dump(rows)


def test_by_the_address_of_the_later_channel_it_is_erased_too(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)], begin(rows, [id_], ANA))
    finish(rows, [id_], begin(rows, [id_], NUMBER, channel="sms"), channel="sms")
    assert erased(rows, NUMBER, "sms") == 1
    assert ANA not in dump(rows)
    assert NUMBER not in dump(rows)
