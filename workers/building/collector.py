"""Collects the events of routes with a digest: which wait, and which lead a message that is to be built now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

import structlog

from celery_units.unfinished import Unfinished
from notifier.events import Event
from notifier.notifications import created_ms
from notifier.outbox import LARGE, Arrival, Attempts, Change, Digests, DueNotification, Member
from notifier.outbox import records as wire
from notifier.routes import Routes
from workers.decide import after_error, collected, members_gone
from workers.process.database_retry import DatabaseRetry

log = structlog.get_logger(__name__)


class Collected(NamedTuple):
    """Notifications that are to be built now, those that wait now, and changes that are not written yet."""

    due: list[DueNotification]
    waiting: Sequence[Change]
    failed: Sequence[Change]


class Collector:
    """Collects the events of one channel. Safe to share between threads."""

    def __init__(self, digests: Digests, attempts: Attempts, routes: Routes) -> None:
        self._digests = digests
        self._attempts = attempts
        self._routes = routes
        self._given: dict[UUID, tuple[UUID, ...]] = {}
        """The members of the leaders that are being built, for the changes that they share."""

    def collect(self, loaded: Sequence[DueNotification], retry: DatabaseRetry) -> Collected:
        """Return what is to be built now of these: what no digest is for, and leaders whose time has come, with the
        ids of their members.

        An event that is too old for its route joins none, so that it expires alone. Raise Unreachable if the database
        does not answer.
        """
        due: list[DueNotification] = []
        mine: dict[UUID, DueNotification] = {}
        for each in loaded:
            route = self._routes.get(each.route)
            if route is None or route.digest is None:
                due.append(each)
            else:
                mine[each.id] = each
        if not mine:
            return Collected(due, [], [])
        standings = retry.run(lambda: self._digests.standings(list(mine)))
        leaders = [id_ for id_, each in standings.items() if each.leads]
        arrivals: list[Arrival] = []
        failed: list[Change] = []
        for id_, standing in standings.items():
            if standing.leads:
                continue
            if self._routes[mine[id_].route].expired(mine[id_].age):
                due.append(mine[id_])
                continue
            arrival = self._arrival(mine[id_], standing.leader, retry)
            (arrivals if isinstance(arrival, Arrival) else failed).append(arrival)  # type: ignore[arg-type]
        if arrivals:
            leaders += retry.run(lambda: self._digests.collect(arrivals))
        led = set(leaders)
        waiting = [collected(mine[each.id]) for each in arrivals if each.id not in led]
        ready, incomplete = self._with_members([mine[id_] for id_ in leaders], retry)
        self._given |= {each.id: each.member_ids for each in ready}
        return Collected(due + ready, waiting, failed + incomplete)

    def given(self, changes: Sequence[Change]) -> dict[UUID, tuple[UUID, ...]]:
        """Return the members that the leaders among these were built with, which share their changes."""
        return {each.id: self._given[each.id] for each in changes if each.id in self._given}

    def forget(self, ids: Iterable[UUID], done: Mapping[UUID, Change | Unfinished]) -> None:
        """Forget the members of these leaders, unless a build of theirs goes on."""
        for id_ in ids:
            if not isinstance(done.get(id_), Unfinished):
                self._given.pop(id_, None)

    def _arrival(self, due: DueNotification, leader: UUID | None, retry: DatabaseRetry) -> Arrival | Change:
        """Return the event with its key, or the change of one that has none: a failure of its route."""
        route = self._routes[due.route]
        assert route.digest is not None  # noqa: S101  narrows the type
        if due.size > LARGE:
            (due,) = retry.run(lambda: self._attempts.load_large_records([due]))
        try:
            event = Event.from_record(due.table, wire.parse(due.record))
            in_shadow = route.may_shadow and route.shadow_reason(created_ms(due.id)) is not None
            key = route.digest.key(route.name, event, in_shadow=in_shadow)
        except Exception as error:  # noqa: BLE001  whatever is wrong with the item, the others are collected
            log.warning("an event has no key to collect by", notification=str(due.id), route=due.route)
            return after_error(due, error, route.retry)
        digest = route.digest
        return Arrival(due.id, key, digest.seconds, digest.at_most, digest.first_at_once, leader)

    def _with_members(
        self, leaders: Sequence[DueNotification], retry: DatabaseRetry
    ) -> tuple[list[DueNotification], list[Change]]:
        """Return them with their members, and the changes of those whose members are not all there any more.

        One that has some counts as large, so that all records are loaded late.
        """
        if not leaders:
            return [], []
        members = retry.run(lambda: self._digests.members([each.id for each in leaders]))
        incomplete = [members_gone(each, members[each.id]) for each in leaders if members[each.id].gone]
        ready = [_with(each, members[each.id].there) for each in leaders if not members[each.id].gone]
        return ready, incomplete


def _with(leader: DueNotification, members: tuple[Member, ...]) -> DueNotification:
    if not members:
        return replace(leader, members=())
    return replace(leader, members=members, size=max(leader.size + sum(one.size for one in members), LARGE + 1))
