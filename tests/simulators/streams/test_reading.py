"""GetShardIterator and GetRecords."""

import pytest

from simulators.shared.errors import ApiError
from simulators.streams import Behaviour, StreamsModel
from simulators.streams.model.clock import DAY
from simulators.streams.model.iterators import LIFETIME
from tests.simulators.streams.reader import HORIZON, item, items, numbers, only_shard, read_all, records


@pytest.fixture
def shard(model, arn) -> str:
    return only_shard(model, arn)


def wanted(model: StreamsModel, arn: str, shard: str, kind: str, number: str | None = None) -> list[str]:
    return numbers(model.get_records(model.get_shard_iterator(arn, shard, kind, number)).body)


def test_every_way_to_begin(model, arn, shard):
    all_numbers = [one.sequence_number for one in model.put("activity", items(12))]
    assert wanted(model, arn, shard, HORIZON) == all_numbers
    assert wanted(model, arn, shard, "LATEST") == []
    assert wanted(model, arn, shard, "AT_SEQUENCE_NUMBER", all_numbers[4]) == all_numbers[4:]
    assert wanted(model, arn, shard, "AFTER_SEQUENCE_NUMBER", all_numbers[4]) == all_numbers[5:]
    assert wanted(model, arn, shard, "AFTER_SEQUENCE_NUMBER", all_numbers[-1]) == []
    between = str(int(all_numbers[4]) + 1)
    assert wanted(model, arn, shard, "AT_SEQUENCE_NUMBER", between) == all_numbers[5:]


def test_a_number_that_has_not_come_yet_is_waited_for(model, arn, shard):
    start = model.describe_stream(arn)["StreamDescription"]["Shards"][0]["SequenceNumberRange"]
    iterator = model.get_shard_iterator(arn, shard, "AT_SEQUENCE_NUMBER", start["StartingSequenceNumber"])
    (one,) = model.put("activity", [item(1)])
    assert numbers(model.get_records(iterator).body) == [one.sequence_number]


def test_latest_gives_what_comes_later(model, arn, shard):
    model.put("activity", items(3))
    iterator = model.get_shard_iterator(arn, shard, "LATEST")
    (later,) = model.put("activity", [item(9)])
    assert numbers(model.get_records(iterator).body) == [later.sequence_number]


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("AFTER_SEQUENCE_NUMBER", None),
        ("AT_SEQUENCE_NUMBER", ""),
        ("TRIM_HORIZON", "100000000003218256368"),
        ("LATEST", "100000000003218256368"),
        ("AT_SEQUENCE_NUMBER", "1"),
        ("AT_SEQUENCE_NUMBER", "1" * 41),
        ("AT_SEQUENCE_NUMBER", "sdfsafglldfngjdafnasdf"),
        ("AT_TIMESTAMP", None),
    ],
)
def test_a_wrong_beginning_is_refused(model, arn, shard, kind, number):
    with pytest.raises(ApiError, match="ValidationException"):
        model.get_shard_iterator(arn, shard, kind, number)


def test_what_does_not_exist_is_named(model, arn, shard):
    with pytest.raises(ApiError, match=r"ResourceNotFoundException: .*Shard does not exist"):
        model.get_shard_iterator(arn, "no shard", HORIZON)
    with pytest.raises(ApiError, match=r"ResourceNotFoundException: .*Stream: .* not found"):
        model.get_shard_iterator(arn.replace("activity", "nobody"), shard, HORIZON)
    with pytest.raises(ApiError, match="ValidationException: Invalid StreamArn"):
        model.describe_stream("no arn")


def test_an_unknown_iterator_is_refused(model, arn, shard):
    good = model.get_shard_iterator(arn, shard, HORIZON)
    middle = len(good) - 30
    changed = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    for wrong in ("nonsense", "", "|1|", arn, changed, good[:-8], good.replace("activity", "activitz")):
        with pytest.raises(ApiError, match="ValidationException: Invalid ShardIterator"):
            model.get_records(wrong)


def test_an_iterator_may_be_used_again(model, arn, shard):
    model.put("activity", items(3))
    iterator = model.get_shard_iterator(arn, shard, HORIZON)
    assert model.get_records(iterator).body == model.get_records(iterator).body


def test_an_iterator_lives_for_a_quarter_of_an_hour(model, arn, shard):
    iterator = model.get_shard_iterator(arn, shard, HORIZON)
    model.advance(LIFETIME - 1)
    following = model.get_records(iterator).next_iterator
    model.advance(1)
    with pytest.raises(ApiError, match="ExpiredIteratorException"):
        model.get_records(iterator)
    assert model.get_records(following).next_iterator  # it has a life of its own


def test_a_page_has_a_thousand_records_at_most(model, arn, shard):
    written = model.put("activity", items(2300))
    iterator, sizes = model.get_shard_iterator(arn, shard, HORIZON), []
    while sizes[-1:] != [0]:
        page = model.get_records(iterator)
        sizes.append(page.count)
        iterator = page.next_iterator
    assert sizes == [1000, 1000, 300, 0]
    assert len(read_all(model, arn, shard)) == len(written)


def test_a_page_may_be_asked_to_be_smaller_but_not_larger(model, arn, shard):
    model.put("activity", items(30))
    iterator = model.get_shard_iterator(arn, shard, HORIZON)
    assert model.get_records(iterator, 7).count == 7
    for limit in (0, 1001):
        with pytest.raises(ApiError, match="ValidationException"):
            model.get_records(iterator, limit)


def test_a_page_has_a_megabyte_at_most(model, arn, shard):
    model.put("activity", [item(number, text="x" * 300_000) for number in range(10)])
    iterator, sizes = model.get_shard_iterator(arn, shard, HORIZON), []
    while len(sizes) < 4:
        page = model.get_records(iterator)
        assert sum(record["dynamodb"]["SizeBytes"] for record in records(page.body)) <= 1024 * 1024
        sizes.append(page.count)
        iterator = page.next_iterator
    assert sizes == [3, 3, 3, 1]


def test_the_last_page_of_a_closed_shard_has_records_and_no_iterator(model, arn, shard):
    model.put("activity", items(1500))
    model.rotate(shard)
    first = model.get_records(model.get_shard_iterator(arn, shard, HORIZON))
    last = model.get_records(first.next_iterator)
    assert (first.count, last.count, last.next_iterator) == (1000, 500, None)


def test_a_shard_that_closes_under_its_reader_ends_with_an_empty_page(model, arn, shard):
    model.put("activity", items(3))
    page = model.get_records(model.get_shard_iterator(arn, shard, HORIZON))
    model.rotate(shard)
    last = model.get_records(page.next_iterator)
    assert (last.count, last.next_iterator) == (0, None)
    latest = model.get_records(model.get_shard_iterator(arn, shard, "LATEST"))
    assert (latest.count, latest.next_iterator) == (0, None)


def test_pages_may_be_empty_before_the_end(model, arn, shard):
    model.behaviour = Behaviour(empty_run=3)
    model.put("activity", items(3))
    model.rotate(shard)
    iterator, seen = model.get_shard_iterator(arn, shard, HORIZON), []
    while iterator:
        page = model.get_records(iterator, 2)
        seen.append(page.count)
        iterator = page.next_iterator
    assert seen == [0, 0, 0, 2, 0, 0, 0, 1]


def test_an_empty_page_moves_nothing(model, arn, shard):
    model.put("activity", items(3))
    model.rotate(shard)
    page = model.get_empty_page(model.get_shard_iterator(arn, shard, HORIZON))
    assert page.count == 0
    assert model.get_records(page.next_iterator).count == 3


def test_after_a_day_records_are_trimmed(model, arn, shard):
    old = model.put("activity", items(3))
    model.advance(3600)
    young = model.put("activity", items(6))[0:]
    model.advance(DAY - 3600 - 1)
    assert len(read_all(model, arn, shard)) == 6
    model.advance(1)

    assert wanted(model, arn, shard, HORIZON) == [one.sequence_number for one in young]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with pytest.raises(ApiError, match="TrimmedDataAccessException"):
            model.get_shard_iterator(arn, shard, kind, old[-1].sequence_number)
    assert len(wanted(model, arn, shard, "AT_SEQUENCE_NUMBER", young[0].sequence_number)) == 3


def test_records_may_be_trimmed_under_an_iterator(model, arn, shard):
    model.put("activity", items(3))
    model.advance(DAY - 60)
    iterator = model.get_shard_iterator(arn, shard, HORIZON)
    model.advance(60)
    with pytest.raises(ApiError, match="TrimmedDataAccessException"):
        model.get_records(iterator)
    assert wanted(model, arn, shard, HORIZON) == []


def test_a_number_from_before_the_shard_is_as_trimmed(model, arn, shard):
    (one,) = model.put("activity", [item(1)])
    (child,) = model.rotate(shard)
    with pytest.raises(ApiError, match="TrimmedDataAccessException"):
        model.get_shard_iterator(arn, child, "AFTER_SEQUENCE_NUMBER", one.sequence_number)


def test_a_third_reader_is_turned_away(model, arn, shard):
    model.behaviour = Behaviour(readers_per_shard=2)
    first, second, third = (model.get_shard_iterator(arn, shard, HORIZON) for _ in range(3))
    model.get_records(first)
    model.get_records(model.get_records(second).next_iterator)  # the same reader goes on
    with pytest.raises(ApiError, match="LimitExceededException"):
        model.get_records(third)
    model.advance(1)
    assert model.get_records(third)


def test_a_shard_bears_so_many_calls_in_a_second(model):
    arn = model.create_table("activity", shards=2)
    model.behaviour = Behaviour(calls_per_shard=5)
    shard, other = (one["ShardId"] for one in model.describe_stream(arn)["StreamDescription"]["Shards"])
    iterator = model.get_shard_iterator(arn, shard, HORIZON)
    for _ in range(5):
        model.get_records(iterator)
    with pytest.raises(ApiError, match="LimitExceededException"):
        model.get_records(iterator)
    model.get_records(model.get_shard_iterator(arn, other, HORIZON))
    model.advance(1)
    model.get_records(iterator)


def test_the_account_bears_so_many_listings_in_a_second(model, arn):
    model.behaviour = Behaviour(describe_rate=10, list_rate=5)
    for _ in range(10):
        model.describe_stream(arn)
    with pytest.raises(ApiError, match="ThrottlingException: Rate exceeded"):
        model.describe_stream(arn)
    for _ in range(5):
        model.list_streams()
    with pytest.raises(ApiError, match="ThrottlingException"):
        model.list_streams()
    model.advance(1)
    model.describe_stream(arn)
