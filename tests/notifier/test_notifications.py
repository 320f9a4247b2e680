from datetime import UTC, date, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from notifier.notifications import TRANSITIONS, Status, created_ms, first_id, notification_id
from notifier.outbox.partitions import bounds

times = st.integers(1_300_000_000_000, 4_000_000_000_000)


@given(st.text(), st.text(), st.text(), st.text(), times)
def test_the_id_carries_its_time_and_is_a_uuid(arn: str, shard: str, number: str, route: str, at: int) -> None:
    id_ = notification_id(arn, shard, number, route, at)
    assert id_ == notification_id(arn, shard, number, route, at)
    assert created_ms(id_) == at
    assert (id_.version, id_.variant) == (8, RFC_4122)
    assert first_id(at) < id_ < first_id(at + 1)


def test_fields_do_not_run_into_each_other() -> None:
    assert notification_id("a", "bc", "1", "r", 0) != notification_id("ab", "c", "1", "r", 0)


@given(times)
def test_an_id_lies_in_the_partition_of_its_day(at: int) -> None:
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    first, last = bounds(day)
    id_ = notification_id("arn", "shard", "1", "route", at)
    assert UUID(first) <= id_ < UUID(last)


def test_days_touch_and_do_not_overlap() -> None:
    day = date(2026, 2, 28)
    assert bounds(day)[1] == bounds(day + timedelta(days=1))[0]


def test_every_status_can_be_reached_and_only_a_complaint_is_the_last_word() -> None:
    assert {target for _, target in TRANSITIONS} == set(Status)
    assert set(Status) - {source for source, _ in TRANSITIONS} == {Status.COMPLAINED}


def test_what_is_over_changes_by_evidence_of_an_acceptance_only() -> None:
    over = {Status.SKIPPED, Status.SUPPRESSED, Status.EXPIRED, Status.CANCELLED}
    assert {target for source, target in TRANSITIONS if source in over} == {Status.SENT}


def test_a_request_that_may_have_left_never_goes_back_unseen() -> None:
    """Invariant 4: what is sending leaves to pending only where the attempt itself says: not accepted."""
    assert {target for source, target in TRANSITIONS if source is Status.SENDING} == {
        Status.SENT,
        Status.PENDING,
        Status.FAILED,
        Status.UNKNOWN,
    }
