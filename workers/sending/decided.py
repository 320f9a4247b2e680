"""Writes what is decided without a request."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from notifier.notifications import Status
from notifier.outbox import Attempts, Change, Scheduled
from workers.process.database_retry import DatabaseRetry, written

_NONE_GIVEN: Mapping[UUID, Sequence[UUID]] = MappingProxyType({})


def write_decided(
    attempts: Attempts,
    changes: Sequence[Change],
    retry_for: Callable[[Sequence[UUID]], DatabaseRetry],
    given: Mapping[UUID, Sequence[UUID]] = _NONE_GIVEN,
) -> list[Change]:
    """Pending → the status of each change, or waiting. Return those that were written.

    `given` are the members of leaders among them; the changes of those that are merged are returned too.
    """
    waiting = [each for each in changes if isinstance(each, Scheduled)]
    if waiting:
        changes = [each for each in changes if not isinstance(each, Scheduled)]
    retry = retry_for([each.id for each in changes])
    ids = retry.run(lambda: attempts.decide(changes, given=given))
    done = written(changes, ids, retry)
    if given:
        routes = {id_: each.route for each in changes for id_ in given.get(each.id, ())}
        done += [Change(id_, Status.MERGED, route=routes[id_]) for id_ in ids.intersection(routes)]
    if not waiting:
        return done
    retry = retry_for([each.id for each in waiting])
    return done + written(waiting, retry.run(lambda: attempts.schedule(waiting)), retry)
