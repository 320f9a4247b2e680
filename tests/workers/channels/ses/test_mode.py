"""When `auto` stops bulk calls, and when it does not."""

import random

import pytest

from workers.channels.ses.mode import REST_SECONDS, STRIKES, STRIKES_WITHIN, AutoMode

BULK = 50
FAST, SLOW = 500.0, 14.0


def strike(auto: AutoMode, now: float, times: int = STRIKES, rate: float | None = FAST) -> None:
    for _ in range(times):
        auto.throttled(now, BULK, rate)


def test_it_starts_in_bulk() -> None:
    assert AutoMode().bulk(0.0)
    assert AutoMode().bulk(1e9)


@pytest.mark.parametrize("rate", [None, SLOW, FAST])
def test_throttles_below_the_rate_end_bulk_for_a_while(rate: float | None) -> None:
    auto = AutoMode()
    auto.accepted(100.0, BULK)
    strike(auto, 100.1, STRIKES - 1, rate)
    assert auto.bulk(100.1)
    strike(auto, 100.1, 1, rate)
    assert not auto.bulk(100.1)
    assert not auto.bulk(100.0 + REST_SECONDS)
    assert auto.bulk(100.2 + REST_SECONDS)


def test_bulk_is_tried_again_and_may_end_again() -> None:
    auto = AutoMode()
    strike(auto, 100.0)
    later = 101.0 + REST_SECONDS
    strike(auto, later, STRIKES - 1)
    assert auto.bulk(later)
    strike(auto, later, 1)
    assert not auto.bulk(later + 1)


def test_throttles_at_the_accounts_rate_do_not_end_bulk() -> None:
    auto = AutoMode()
    for _ in range(10):
        auto.accepted(100.0, BULK)
    strike(auto, 100.9, 20)
    assert auto.bulk(101.0)


def test_what_was_accepted_counts_for_a_second() -> None:
    auto = AutoMode()
    for _ in range(10):
        auto.accepted(100.0, BULK)
    strike(auto, 101.0)
    assert not auto.bulk(101.0)


def test_rare_throttles_change_nothing() -> None:
    auto = AutoMode()
    for number in range(100):
        strike(auto, number * (STRIKES_WITHIN / 2 + 0.1), 1)
        assert auto.bulk(number * 6.0)


def answers(bulk_calls: float, rate: float, offered: int, seconds: int) -> tuple[int, int, AutoMode]:
    """An SES with one limit on bulk calls and another on recipients, each a second, and a sender who offers more.

    Answers what was accepted in bulk and singly.
    """
    auto, draw = AutoMode(), random.Random(7)
    calls, recipients = bulk_calls, rate
    bulk = single = 0
    for tick in range(seconds * 100):
        now = tick / 100
        calls, recipients = min(bulk_calls, calls + bulk_calls / 100), min(rate, recipients + rate / 100)
        if draw.random() > offered / 100 / BULK:
            continue
        if not auto.bulk(now):
            took = min(BULK, max(int(recipients), 0))
            recipients, single = recipients - took, single + took
            auto.accepted(now, took)
        elif calls >= 1 and recipients >= 1:
            calls, recipients, bulk = calls - 1, recipients - BULK, bulk + BULK
            auto.accepted(now, BULK)
        else:
            auto.throttled(now, BULK, rate)
    return bulk, single, auto


def test_one_bulk_call_a_second_is_noticed_and_costs_little() -> None:
    bulk, single, _ = answers(bulk_calls=1, rate=FAST, offered=400, seconds=120)
    assert bulk < 10 * BULK
    assert bulk + single > 0.9 * 400 * 120


@pytest.mark.parametrize("offered", [450, 1000, 3000])
def test_an_account_at_its_rate_stays_in_bulk(offered: int) -> None:
    bulk, single, auto = answers(bulk_calls=1000, rate=FAST, offered=offered, seconds=120)
    assert single == 0
    assert bulk > 0.8 * min(offered, FAST) * 120
    assert auto.bulk(120.0)
