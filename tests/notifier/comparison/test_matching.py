"""Pairs of both sides, by all fields first: checked against counting, and with little memory."""

import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.comparison.matching import Compared, Pair
from notifier.comparison.store import Store

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
texts = st.sampled_from(["a", "b", "é", "𝄞", "Z"])
messages = st.lists(st.tuples(texts, texts, st.sampled_from(["", "x", "y"])), max_size=12)


def compared(each: tuple[str, str, str], number: int = 0) -> Compared:
    return Compared(*each, START + timedelta(seconds=number), str(number))


def result(
    ours: list[tuple[str, str, str]], theirs: list[tuple[str, str, str]]
) -> tuple[list[Pair], list[Compared], list[Compared]]:
    with Store() as store:
        assert store.add("shadowed", (compared(each, n) for n, each in enumerate(ours))) == len(ours)
        store.add("sent", (compared(each, n) for n, each in enumerate(theirs)))
        pairs = list(store.pairs())
        return pairs, list(store.alone("shadowed")), list(store.alone("sent"))


@settings(deadline=None)
@given(messages, messages)
def test_each_message_is_in_one_pair_or_alone_and_as_many_pairs_as_there_can_be(
    ours: list[tuple[str, str, str]], theirs: list[tuple[str, str, str]]
) -> None:
    pairs, only_ours, only_theirs = result(ours, theirs)
    assert Counter(each.shadowed.place for each in pairs) + Counter(each.place for each in only_ours) == Counter(
        map(str, range(len(ours)))
    )
    assert Counter(each.sent.place for each in pairs) + Counter(each.place for each in only_theirs) == Counter(
        map(str, range(len(theirs)))
    )
    assert all(each.shadowed.key == each.sent.key for each in pairs)
    keys, their_keys = Counter(each[0] for each in ours), Counter(each[0] for each in theirs)
    assert len(pairs) == (keys & their_keys).total()
    exact = sum(each.shadowed.subject == each.sent.subject and not each.differing for each in pairs)
    assert exact >= (Counter(ours) & Counter(theirs)).total()


def test_what_differs_is_named() -> None:
    pairs, _, _ = result([("a", "ana", "Hello"), ("b", "bo", "Hi")], [("a", "ann", "Hullo"), ("b", "bo", "")])
    assert sorted(each.differing for each in pairs) == [(), ("recipient", "subject")]


def test_a_message_that_was_sent_twice_is_left_over() -> None:
    one = ("a", "ana", "Hello")
    pairs, ours, theirs = result([one], [one, one])
    assert (len(pairs), ours, len(theirs)) == (1, [], 1)


def test_memory_does_not_grow_with_the_messages() -> None:
    count = 60_000
    with Store() as store:
        tracemalloc.start()
        store.add("shadowed", (compared((f"k{n}", "ana@example.com", "Hello"), n) for n in range(count)))
        store.add("sent", (compared((f"k{n + 1}", "ana@example.com", "Hello"), n) for n in range(count)))
        same = sum(1 for _ in store.pairs())
        alone = [each.key for side in ("shadowed", "sent") for each in store.alone(side)]  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (same, alone) == (count - 1, ["k0", f"k{count}"])
    assert peak < 5_000_000
