from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from notifier.notifications import TRANSITIONS, Status, created_ms, first_id, notification_id

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


def test_every_status_can_be_reached_and_only_a_complaint_is_final() -> None:
    assert {target for _, target in TRANSITIONS} == set(Status)
    assert set(Status) - {source for source, _ in TRANSITIONS} == {Status.COMPLAINED}


def test_a_final_status_changes_only_by_evidence_of_acceptance() -> None:
    over = {Status.SKIPPED, Status.SUPPRESSED, Status.EXPIRED, Status.CANCELLED}
    assert {target for source, target in TRANSITIONS if source in over} == {Status.SENT}


def test_what_is_shadowed_is_sent_only_after_an_operator_asked_for_it() -> None:
    assert {target for source, target in TRANSITIONS if source is Status.SHADOWED} == {Status.PENDING, Status.SENT}


def test_a_request_that_may_have_been_sent_becomes_pending_only_by_a_named_reason() -> None:
    """Invariant 4: sending becomes pending only if the attempt's own answer says that it was not accepted."""
    assert {target for source, target in TRANSITIONS if source is Status.SENDING} == {
        Status.SENT,
        Status.PENDING,
        Status.FAILED,
        Status.UNKNOWN,
    }
