"""Unknown outcomes whose deadline has passed: the policy of the route is applied if there is evidence.

A missing event alone proves nothing. It is evidence only while events are known to arrive: all events that were
published before the deadline are settled, and the `Send` event of a message that left after this attempt, through the
same configuration set, has arrived.
If the queue has also brought events of notifications that are not in this database, another installation may receive
events of this one: then a missing event is not evidence.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.notifications import created_ms
from notifier.outbox.days import within
from notifier.outbox.statements import statement

_MARGIN_SECONDS = 5.0
"""The clocks of the provider and of Postgres differ: only an event of a message that left this much later counts."""

_LOOK_AGAIN_SECONDS = 30.0
_WAIT_SECONDS = 30.0

_TAKE = statement(__package__, "take_overdue.sql")
_LOCK = statement(__package__, "lock_unknown.sql")
_READ = statement(__package__, "read_overdue.sql")
_SETTLE = statement(__package__, "settle_overdue.sql")
_HOLD = statement(__package__, "hold_overdue.sql")
_POSTPONE = statement(__package__, "postpone_overdue.sql")


@dataclass(frozen=True, slots=True)
class OverdueAttempt:
    """An attempt whose outcome is unknown and whose deadline has passed.

    `age` is seconds since its event. `flowing`: events are known to arrive, so a missing one is evidence. `waited` is
    seconds since a bridge that lacks the route first found that one with the route could decide; 0 if there was none.
    `silent_set` is the configuration set of its own that the attempt used, if no event shows that those of this set
    arrive, although all events that came before the deadline are settled; otherwise empty.
    """

    id: UUID
    channel: str
    route: str
    attempt: int
    failures: int
    age: float
    flowing: bool
    waited: float = 0.0
    silent_set: str = ""


class OverdueAction(Enum):
    """What is done with an overdue attempt."""

    RESEND = "resend"  # unknown → pending, due at once
    DROP = "drop"  # unknown → failed
    HOLD = "hold"  # it stays unknown until an operator resolves it
    WAIT = "wait"  # a bridge looks at it again later


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with an overdue attempt, and why. `for_route`, of a WAIT: a bridge with its route could decide."""

    action: OverdueAction
    reason: str
    for_route: bool = False


_STATUS = {OverdueAction.RESEND: "pending", OverdueAction.DROP: "failed"}


class Unknowns:
    """The unknown outcomes.

    `unknown_after` is the seconds that a delivery event has to arrive. `configuration_set` is the one of messages
    that name none.
    """

    def __init__(self, engine: Engine, unknown_after: float, configuration_set: str = "") -> None:
        self._engine = engine
        self._unknown_after = unknown_after
        self._configuration_set = configuration_set

    def settle(self, decide: Callable[[OverdueAttempt], Decision], limit: int = 500) -> dict[OverdueAction, int]:
        """Decide about up to `limit` overdue attempts and write it. Return the number of each action.

        Several bridges may run this at once: each attempt is decided by one. If a bridge dies in between, another
        takes its attempts after 30 seconds. `decide` is called while their rows are locked.
        """
        decided: dict[OverdueAction, list[tuple[OverdueAttempt, Decision]]] = {each: [] for each in OverdueAction}
        with self._engine.begin() as connection:
            values = {"limit": limit, "look_again": _LOOK_AGAIN_SECONDS}
            overdue = list(connection.execute(_TAKE, values).scalars())
        if not overdue:
            return dict.fromkeys(OverdueAction, 0)
        with self._engine.begin() as connection:
            for attempt in self._locked(connection, overdue):
                decision = decide(attempt)
                decided[decision.action].append((attempt, decision))
            _settle(connection, decided[OverdueAction.RESEND] + decided[OverdueAction.DROP])
            if held := _ids(decided[OverdueAction.HOLD]):
                connection.execute(within(_HOLD, held), {"ids": held})
            if waiting := decided[OverdueAction.WAIT]:
                _postpone(connection, waiting, min(_WAIT_SECONDS, self._unknown_after))
        return {each: len(found) for each, found in decided.items()}

    def _locked(self, connection: Connection, overdue: Sequence[UUID]) -> list[OverdueAttempt]:
        """Those that are still unknown."""
        locked = list(connection.execute(within(_LOCK, overdue), {"ids": overdue}).scalars())
        if not locked:
            return []
        margin = min(_MARGIN_SECONDS, self._unknown_after)
        values = {
            "ids": locked,
            "unknown_after": self._unknown_after,
            "margin": margin,
            "configuration_set": self._configuration_set,
        }
        rows = connection.execute(within(_READ, locked), values)
        return [
            OverdueAttempt(
                id_,
                channel,
                route,
                attempt,
                failures,
                now - created_ms(id_) / 1000,
                flowing,
                waited,
                silent_set or "",
            )
            for id_, channel, route, attempt, failures, now, flowing, waited, silent_set in rows
        ]


def _settle(connection: Connection, decided: Sequence[tuple[OverdueAttempt, Decision]]) -> None:
    if not decided:
        return
    ordered = sorted(decided, key=lambda each: each[0].id)
    connection.execute(
        within(_SETTLE, _ids(ordered)),
        {
            "ids": [attempt.id for attempt, _ in ordered],
            "attempts": [attempt.attempt for attempt, _ in ordered],
            "to": [_STATUS[decision.action] for _, decision in ordered],
            "reasons": [decision.reason for _, decision in ordered],
        },
    )


def _postpone(connection: Connection, waiting: Sequence[tuple[OverdueAttempt, Decision]], seconds: float) -> None:
    """Attempts that wait for a bridge with their route are due again soon at first, and later each time.

    The time is random: if it were always the same, this bridge might always be the one that takes them.
    """
    values = {
        "ids": _ids(waiting),
        "seconds": [
            random.uniform(0.5, 1.5) * min(_WAIT_SECONDS, max(1.0, attempt.waited))  # noqa: S311  no secret
            if decision.for_route
            else seconds
            for attempt, decision in waiting
        ],
        "routeless": [attempt.waited if decision.for_route else None for attempt, decision in waiting],
    }
    connection.execute(_POSTPONE, values)


def _ids(decided: Sequence[tuple[OverdueAttempt, Decision]]) -> list[UUID]:
    return [attempt.id for attempt, _ in decided]
