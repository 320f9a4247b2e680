import random
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import RoutesError
from notifier.notifications import TRANSITIONS, Status
from notifier.outbox import DueNotification
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.retry import RetryPolicy
from workers.decide import LONGEST_WAIT, after_error, after_send, skipped

POLICY = RetryPolicy(attempts=3, base=1.0, cap=4.0)


def work(failures: int = 0) -> DueNotification:
    return DueNotification(UUID(int=1), "a_route", "activity", b"{}", failures)


@pytest.mark.parametrize(
    ("outcome", "failures", "to", "failed"),
    [
        (Accepted("m-1"), 0, Status.SENT, False),
        (Accepted(None), 0, Status.SENT, False),
        (NotSent("503 before the request"), 0, Status.PENDING, True),
        (NotSent("503 before the request"), 2, Status.FAILED, True),
        (Throttled("too fast"), 2, Status.PENDING, False),
        (Blocked("account paused"), 2, Status.PENDING, False),
        (Offline("no route to host"), 2, Status.PENDING, False),
        (Late("its turn did not come"), 2, Status.PENDING, False),
        (Rejected("no such address"), 0, Status.FAILED, True),
        (Unknown("answer lost"), 2, Status.UNKNOWN, False),
    ],
)
def test_each_outcome_has_its_change(outcome: Outcome, failures: int, to: Status, failed: bool) -> None:
    change = after_send(work(failures), outcome, POLICY)
    assert (change.to, change.failed) == (to, failed)
    assert (change.delay is not None) == (to is Status.PENDING)


@pytest.mark.parametrize(("after", "least"), [(None, 0.0), (40.0, 40.0), (7200.0, LONGEST_WAIT)])
def test_a_provider_that_says_when_to_come_back_is_left_alone_so_long(after: float | None, least: float) -> None:
    delays = [after_send(work(), Throttled("too fast", after), POLICY).delay for _ in range(50)]
    assert all(delay is not None and least <= delay <= max(least, 30.0) for delay in delays)


def test_a_receiver_that_is_always_too_busy_uses_up_the_routes_attempts() -> None:
    first, last = (
        after_send(work(failures), Throttled("429", 60.0), POLICY, one_provider=False) for failures in (0, 2)
    )
    assert (first.to, first.failed, first.delay) == (Status.PENDING, True, 60.0)
    assert (last.to, last.failed) == (Status.FAILED, True)


def test_an_error_before_the_request_keeps_its_traceback() -> None:
    with pytest.raises(LookupError) as caught:
        raise LookupError("no such user")
    change = after_error(work(), caught.value, POLICY)
    last = after_error(work(2), caught.value, POLICY)

    assert (change.to, change.reason) == (Status.PENDING, "LookupError")  # what it says may be personal
    assert change.detail is not None
    assert "test_decide.py" in change.detail
    assert "LookupError: no such user" in change.detail
    assert last.to is Status.FAILED


class Mute(Exception):
    """An exception whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Mute(), "Mute"),
        (RoutesError(Mute()), "RoutesError"),
        (RoutesError("no route\nis called so"), "RoutesError: no route is called so"),
    ],
)
def test_an_error_is_named_whatever_it_says(error: Exception, reason: str) -> None:
    change = after_error(work(), error, POLICY)
    assert (change.to, change.failed, change.reason) == (Status.PENDING, True, reason)
    assert reason.partition(":")[0] in (change.detail or "")


OUTCOMES = st.sampled_from([kind("x") for kind in get_args(Outcome)])


@given(OUTCOMES, st.integers(0, 50))
def test_no_outcome_leaves_the_table_of_transitions(outcome: Outcome, failures: int) -> None:
    change = after_send(work(failures), outcome, POLICY)
    assert (Status.SENDING, change.to) in TRANSITIONS


@given(OUTCOMES, st.integers(0, 50))
def test_only_an_answer_that_was_lost_is_unknown(outcome: Outcome, failures: int) -> None:
    change = after_send(work(failures), outcome, POLICY)
    assert (change.to is Status.UNKNOWN) == isinstance(outcome, Unknown)


def test_a_route_that_returned_none_is_skipped() -> None:
    assert skipped(work()).to is Status.SKIPPED


@given(st.integers(1, 100), st.integers())
def test_delays_have_full_jitter_below_an_exponential_bound(failures: int, seed: int) -> None:
    delay = POLICY.delay(failures, random.Random(seed))
    assert 0 <= delay <= min(4.0, 2.0 ** (failures - 1))


@pytest.mark.parametrize("base", [1e-9, 1.0, 1e300])
@pytest.mark.parametrize("failures", [0, 1, 1_000, 1_024, 1_025, 5_000, 10**9])
def test_a_delay_is_bounded_after_any_number_of_failures(failures: int, base: float) -> None:
    policy = RetryPolicy(attempts=10**10, base=base, cap=300.0)
    assert 0.0 <= policy.delay(failures) <= 300.0
