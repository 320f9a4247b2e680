"""Sequence numbers: what AWS guarantees of them, and what it does not."""

from random import Random

import pytest

from simulators.shared.errors import ApiError
from simulators.streams.behaviour import Behaviour
from simulators.streams.model.sequence import Numbering, Numbers


def draw(count: int, **behaviour: object) -> list[Numbers]:
    numbering = Numbering(Random(1))
    return [numbering.next_numbers(Behaviour(**behaviour)) for _ in range(count)]


@pytest.mark.parametrize("behaviour", [{}, {"padded": True}, {"digits": 40}, {"collide": True, "padded": True}])
def test_they_grow_and_have_21_to_40_digits(behaviour):
    (numbers,) = draw(1, **behaviour)
    texts = [numbers.text(place) for place in range(2000)]
    assert [int(text) for text in texts] == sorted({int(text) for text in texts})
    assert {len(text) for text in texts} <= set(range(21, 41))
    assert all(text.isdigit() for text in texts)


def test_the_number_of_digits_grows_early_so_that_texts_sort_wrongly():
    (numbers,) = draw(1)
    texts = [numbers.text(place) for place in range(10)]
    assert texts != sorted(texts)


def test_padded_ones_begin_with_zeros():
    (numbers,) = draw(1, padded=True)
    assert numbers.text(0).startswith("000000")


@pytest.mark.parametrize("padded", [False, True])
def test_shards_share_no_number_unless_they_collide(padded):
    drawn = [{numbers.text(place) for place in range(500)} for numbers in draw(20, padded=padded)]
    assert len(set.union(*drawn)) == 20 * 500
    same = draw(20, padded=padded, collide=True)
    assert len({numbers.text(7) for numbers in same}) == 1


@pytest.mark.parametrize("padded", [False, True])
def test_a_child_has_larger_numbers_than_its_parent(padded):
    numbering = Numbering(Random(1))
    parent = numbering.next_numbers(Behaviour(padded=padded))
    last = int(parent.text(999))
    assert all(numbering.next_numbers(Behaviour(padded=padded), last).first > last for _ in range(50))


def test_the_place_of_a_number_is_the_first_not_below_it():
    numbers = Numbers(100, 10)
    assert [numbers.place(number) for number in (1, 100, 101, 110, 111)] == [0, 0, 1, 1, 2]


def test_the_same_seed_draws_the_same():
    assert draw(3) == draw(3)


def test_digits_are_21_to_40():
    with pytest.raises(ApiError, match="21 to 40"):
        Behaviour(digits=20)
