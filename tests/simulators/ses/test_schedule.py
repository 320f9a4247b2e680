"""The schedule of events, at times that the test gives."""

from simulators.ses.events.delivery_results import EventKind
from simulators.ses.events.schedule import Publishing, Schedule
from simulators.ses.mail import Envelope, Receipt


def receipt(nid: str, configuration_set: str | None = "main") -> Receipt:
    to = ("ann@example.com",)
    envelope = Envelope(
        "SendEmail", "a@b.c", to, (), (), (), "s", (), (("nid", nid),), configuration_set, False, None
    )
    return Receipt(f"id-{nid}", 0.0, envelope)


def kinds(schedule: Schedule, now: float, limit: int = 10) -> list[str]:
    return [f"{event.receipt.envelope.tag('nid')} {event.mail_event.kind}" for event in schedule.take(now, limit)]


def test_events_are_due_after_the_delay_in_their_order():
    schedule = Schedule(Publishing(delay=5))
    assert schedule.next_due() is None
    assert schedule.add(receipt("a"), (), now=100)
    assert schedule.add(receipt("b"), (), now=101)
    assert schedule.next_due() == 105
    assert kinds(schedule, now=104.9) == []
    assert kinds(schedule, now=105) == ["a Send", "a Delivery"]
    assert kinds(schedule, now=200, limit=1) == ["b Send"]
    assert len(schedule) == 1


def test_jitter_shuffles_within_its_bounds():
    schedule = Schedule(Publishing(delay=5, jitter=10, seed=1))
    for number in range(50):
        schedule.add(receipt(str(number)), (), now=100)
    taken = schedule.take(now=115, limit=1000)
    assert len(taken) == 100
    assert all(105 <= event.due < 115 for event in taken)
    assert [event.number for event in taken] != sorted(event.number for event in taken)


def test_events_that_are_not_published_are_not_scheduled():
    schedule = Schedule(Publishing(kinds=frozenset({EventKind.BOUNCE})))
    assert not schedule.add(receipt("a"), (), now=0)
    assert not schedule.add(receipt("b", configuration_set=None), (), now=0)


def test_events_beyond_the_capacity_are_dropped_and_counted():
    schedule = Schedule(Publishing(capacity=3))
    for number in range(3):
        schedule.add(receipt(str(number)), (), now=0)
    assert (len(schedule), schedule.counts.created, schedule.counts.dropped) == (3, 6, 3)
    schedule.clear()
    assert (len(schedule), schedule.counts.created) == (0, 0)


def test_clear_starts_again_with_the_seed():
    schedule = Schedule(Publishing(loss=0.5, seed=3))
    drawn = []
    for _ in range(2):
        schedule.clear()
        for number in range(50):
            schedule.add(receipt(str(number)), (), now=0)
        drawn.append(kinds(schedule, now=0, limit=1000))
    assert drawn[0] == drawn[1]
    assert 20 < len(drawn[0]) < 80
