from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.turns import until_turn

PERIOD = 0.2
clock = st.floats(0.0, 1e8)
shards = st.integers(0, 2**31 - 1)


@given(shards, clock)
def test_the_next_turn_is_within_a_period(shard: int, now: float) -> None:
    assert 0.0 <= until_turn(shard, now, PERIOD) <= PERIOD


@given(st.integers(0, 100_000), clock, st.floats(0.0, PERIOD - 0.01))
def test_reading_and_recording_do_not_make_the_period_longer(shard: int, now: float, taken: float) -> None:
    turn = now + until_turn(shard, now, PERIOD)
    ended = turn + 0.005 + taken
    assert abs(ended + until_turn(shard, ended, PERIOD) - (turn + PERIOD)) < 0.001


@given(st.integers(0, 100_000), clock, st.floats(PERIOD, 5.0))
def test_after_a_reading_that_took_longer_comes_the_next_turn(shard: int, now: float, taken: float) -> None:
    turn = now + until_turn(shard, now, PERIOD)
    after = turn + taken + until_turn(shard, turn + taken, PERIOD) - turn
    assert abs(after / PERIOD - round(after / PERIOD)) < 0.01
    assert after > taken - 0.001


@given(st.integers(0, 100_000), st.integers(2, 60))
def test_the_turns_of_shards_are_spread_over_the_period(first: int, count: int) -> None:
    turns = sorted(until_turn(first + number, 1_000.0, PERIOD) for number in range(count))
    gaps = [after - before for before, after in pairwise([*turns, turns[0] + PERIOD])]
    assert max(gaps) < 3 * PERIOD / count
    assert min(gaps) > PERIOD / count / 3
