"""Whatever comes in whatever order: each event has one place, and no digest has more events than it may."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.notifications import first_id
from notifier.outbox.digests.assignment import Arrival, Leader, OpenDigest, assign

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = uuid.uuid4()
AT_MOST = 4


def arrival(number: int, *, first_at_once: bool = False, age: int = 0) -> Arrival:
    created = int((NOW - timedelta(seconds=age)).timestamp() * 1000)
    id_ = uuid.UUID(int=first_id(created).int + number)
    return Arrival(id_, KEY, 3600.0, AT_MOST, first_at_once)


def test_the_oldest_leads_until_the_end_of_its_window() -> None:
    digest = OpenDigest()
    oldest, other = arrival(1, age=600), arrival(2)
    lead, member = assign([other, oldest], digest, {}, NOW)
    assert (lead.id, lead.leader, lead.until) == (oldest.id, oldest.id, NOW + timedelta(seconds=3000))
    assert (member.id, member.leader) == (other.id, oldest.id)
    assert digest.members == [other.id]


def test_a_window_that_is_over_waits_no_longer() -> None:
    (lead,) = assign([arrival(1, age=7200)], OpenDigest(), {}, NOW)
    assert lead.until is None


def test_a_full_digest_does_not_end_the_pause_of_a_leader_that_failed() -> None:
    leader = arrival(1)
    members = [arrival(2).id, arrival(3).id]
    digest = OpenDigest(leader.id, list(members), NOW)
    known = {leader.id: Leader(True, None, NOW + timedelta(minutes=5), failures=1)}
    places = {each.id: each for each in assign([arrival(4)], digest, known, NOW)}
    assert places[leader.id].until is None
    assert places[leader.id].members == (*members, arrival(4).id)
    assert digest.leader is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40),
    st.lists(st.integers(1, 7), min_size=1),
    st.booleans(),
)
def test_each_event_leads_or_joins_a_leader_that_waits(
    steps: list[tuple[int, bool]], sizes: list[int], first_at_once: bool
) -> None:
    """Events come in units, some of them again; between units leaders may end."""
    digest, leaders, place_of, fixed = OpenDigest(), dict[uuid.UUID, Leader](), dict[uuid.UUID, uuid.UUID](), {}
    position = 0
    while position < len(steps):
        some = steps[position : position + sizes[position % len(sizes)]]
        position += len(some)
        unit = {}
        for number, _ in some:
            each = arrival(number, first_at_once=first_at_once)
            if place_of.get(each.id) != each.id:  # a leader comes again only to be built
                unit[each.id] = Arrival(each.id, KEY, 3600.0, AT_MOST, first_at_once, place_of.get(each.id))
        for place in assign(list(unit.values()), digest, leaders, NOW):
            if place.leader != place.id:
                assert place.leader in leaders or place_of.get(place.leader, place.leader) == place.leader
                assert place.until is not None, "the relay must find it again"
            place_of[place.id] = place.leader
            if place.id == place.leader:
                leaders[place.id] = Leader(True, place.members, place.until)
            if place.members is not None:
                assert len(place.members) < AT_MOST
                fixed[place.id] = place.members
        assert set(unit) <= set(place_of)
        assert len(digest.members) + 1 < AT_MOST
        if digest.leader and some[0][1]:  # it ended
            leaders[digest.leader] = Leader(False)
    joined = [id_ for members in (*fixed.values(), digest.members) for id_ in members]
    assert len([id_ for id_ in joined if place_of[id_] != id_]) == len(
        {id_ for id_ in joined if place_of[id_] != id_}
    )
