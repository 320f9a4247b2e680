"""A run: faults under load first, then none, until everything has settled."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Report
from tests.chaos import load
from tests.chaos.environment import TABLE, Database, World, running_world
from tests.chaos.faults.kinds import POSTGRES_FAILOVER, Field, drawn
from tests.chaos.faults.small import SmallFaults
from tests.chaos.history import History, read_lines
from tests.chaos.ledger import ledger
from tests.chaos.processes import Processes
from tests.waiting import SLOWNESS

_AHEAD = 3
_BATCH = 250
_STEP = 10
_STALLED_SECONDS = 60.0 * SLOWNESS
_AT_WORK_SECONDS = 5.0
"""While no mail came out for so long, no small fault is injected: it might reach nothing."""
_TURN_SECONDS = 0.05
_TRICKLE_SECONDS = 1.0
_PATIENCE = 20  # the question reads all deliveries: it may take a twentieth of the time
_MOST_UNSETTLED_EVENTS = 2_000
"""While more of SES's events wait, nothing is written and nothing is broken: the longer the queue of the SQS emulator
is, the longer each request takes, so a machine that falls behind would fall behind ever faster.
"""
_LOOK_SECONDS = 1.0
_COLLECT_ANEW = text("""
WITH due_now AS (
  UPDATE deliveries d SET next_attempt_at = now() FROM deliveries lead
  WHERE lead.notification_id = d.leader AND d.status = 'pending' AND lead.status <> 'pending'
  RETURNING d.notification_id
)
UPDATE due SET due_at = now() FROM due_now WHERE due.notification_id = due_now.notification_id
""")
"""What waits for a leader that is sent without it is due after an hour, longer than a run takes."""
_UNSETTLED = (Status.PENDING, Status.SENDING, Status.UNKNOWN)

Tell = Callable[[str, int, int, int], None]
"""Is told the phase, and how many faults, events and mails there were."""


@dataclass(frozen=True)
class Plan:
    """`seconds` is when the faults end at the latest; `patience` what the settling may take after that. `groups` are
    kinds of faults, or single ones. `small` is how many small faults are injected in a second beside the others, of
    the same groups. `replica` is the one that a failover promotes: "synchronous" or "asynchronous".
    """

    seed: int
    events: int = 20_000
    faults: int = 200
    seconds: float = 270.0
    patience: float = 180.0
    groups: Collection[str] = ()
    small: float = 5.0
    replica: Literal["synchronous", "asynchronous"] = "synchronous"
    postgres: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        fails_over = bool({"failover", POSTGRES_FAILOVER} & set(self.groups))
        return Database(self.postgres, self.replica if fails_over else "none")


def run(plan: Plan, folder: Path, tell: Tell) -> History:
    """The whole of it, in real time. Raises NotifierError where the servers do not come up."""
    began = time.monotonic()
    with running_world(folder, plan.database) as world:
        processes = Processes(folder, world.environment, skewed="clock" in plan.groups)
        engine = connect(world.database_url)
        try:
            processes.start()
            attack = Attack(plan, world, processes, tell)
            attack.break_things()
            settled = attack.let_settle(engine)
            processes.stop()
            keys = [record["key"] for record in world.streams.get("truth")["records"]]
            return History(
                run={
                    **asdict(plan),
                    "groups": sorted(plan.groups),
                    "settled": settled,
                    "skewed": processes.skewed,
                    "unplanned": processes.unplanned,
                    "beyond_limit": load.beyond(keys),
                    "harmed": world.harmed(),
                    "seconds_taken": round(time.monotonic() - began, 1),
                },
                expected=load.expected(keys),
                journal=read_lines(world.ses.journal),
                faults=attack.faults,
                ledger=ledger(engine),
            )
        finally:
            processes.stop()
            engine.dispose()


class Attack:
    """Feeds events, injects faults, and watches that mails come out."""

    def __init__(self, plan: Plan, world: World, processes: Processes, tell: Tell) -> None:
        self.faults: list[dict[str, Any]] = []
        self._plan = plan
        self._world = world
        self._processes = processes
        self._tell = tell
        self._field = Field(world, processes, random.Random(plan.seed))
        self._began = time.monotonic()
        self._fed = self._accepted = self._unsettled_events = 0
        self._looked_at = self._began
        self._progress = Progress()
        self._small = SmallFaults(self._field, plan.groups, plan.seed, plan.small)

    def break_things(self) -> None:
        """Inject faults, each only after progress since the last one: without progress a fault proves nothing.

        The time of the run begins with the first mails: on a slow machine it would be over before them.
        """
        plan = self._plan
        while self._accepted < _STEP and not self._progress.stalled(_STALLED_SECONDS):
            self._feed(self._share())
            self._turn("breaking")
        self._began = time.monotonic()
        while len(self.faults) < plan.faults:
            self._turn("breaking")
            if self._seconds() > plan.seconds or self._progress.stalled(_STALLED_SECONDS):
                break
            if self._is_overloaded() or self._progress.stalled(_AT_WORK_SECONDS):
                self._small.rest()
            else:
                self._small.inject(self._accepted)
            if self._is_overloaded():
                continue
            self._feed(self._share())
            if self._is_behind() and self._progress.since_last(_STEP):
                self._strike()

    def let_settle(self, engine: Engine) -> bool:
        """No more faults. While outcomes are unknown a few events go on: a missing provider event is evidence only
        while others arrive. Then none does: on a slow machine one of those would always be on its way.
        """
        self._world.heal()
        self._processes.wake_all()
        until = time.monotonic() + self._plan.patience
        last_trickle = asked_at = 0.0
        evidence_is_needed = True
        while time.monotonic() < until:
            self._turn("settling")
            if not self._is_overloaded():
                self._feed(min(self._plan.events, self._fed + _BATCH))
            trickles = evidence_is_needed and self._fed >= self._plan.events
            if trickles and time.monotonic() > last_trickle + _TRICKLE_SECONDS:
                last_trickle = time.monotonic()
                self._put(1)
            if self._accepted >= load.mails(self._plan.events) and time.monotonic() > asked_at:
                before = time.monotonic()
                totals = self._totals(engine)
                recorded = sum(totals.values())
                if recorded == load.notifications(self._fed) and not any(totals.get(each) for each in _UNSETTLED):
                    return True
                if recorded >= load.notifications(self._plan.events):
                    evidence_is_needed = Status.UNKNOWN in totals
                asked_at = time.monotonic() + _PATIENCE * (time.monotonic() - before)
        return False

    def _is_behind(self) -> bool:
        """Whether fewer faults were injected than belong to this time of the run: then none waits for progress."""
        plan = self._plan
        return (
            len(self.faults) < plan.faults and self._seconds() > 0.8 * plan.seconds * len(self.faults) / plan.faults
        )

    def _is_overloaded(self) -> bool:
        """Whether too many of SES's events wait, as of at most a second ago."""
        if time.monotonic() > self._looked_at + _LOOK_SECONDS:
            self._unsettled_events = self._world.unsettled_events()
            self._looked_at = time.monotonic()
        return self._unsettled_events > _MOST_UNSETTLED_EVENTS

    def _strike(self) -> None:
        kind = drawn(self._field.rng, self._plan.groups)
        at, moment = self._seconds(), time.time()
        did = kind.inject(self._field)
        self.faults.append(
            {"at": round(at, 3), "seconds": round(self._seconds() - at, 3), "fault": kind.name, "group": kind.group,
             "did": did, "fed": self._fed, "accepted": self._accepted, "moment": moment}
        )  # fmt: skip

    def _turn(self, phase: str) -> None:
        self._processes.tend()
        self._accepted = self._world.ses.accepted()
        self._progress.at(self._accepted)
        self._tell(phase, len(self.faults), self._fed, self._accepted)
        time.sleep(_TURN_SECONDS)

    def _share(self) -> int:
        """Each fault has its share of the events, and the next ones' are under way."""
        return self._plan.events * (len(self.faults) + _AHEAD) // max(1, self._plan.faults)

    def _feed(self, until: int) -> None:
        while self._fed < min(until, self._plan.events):
            self._put(min(_BATCH, min(until, self._plan.events) - self._fed))

    def _put(self, count: int) -> None:
        numbers = range(self._fed, self._fed + count)
        self._world.streams.post("put", table=TABLE, items=[load.item(number) for number in numbers])
        self._fed += count

    def _totals(self, engine: Engine) -> Mapping[str, int]:
        """Return how many notifications there are in each status; nothing if the database does not answer."""
        with suppress(DBAPIError):  # the connection is one of before a restart
            if self._plan.replica == "asynchronous":
                with engine.begin() as connection:
                    connection.execute(_COLLECT_ANEW)
            return Report(engine).totals()
        return {}

    def _seconds(self) -> float:
        return time.monotonic() - self._began


class Progress:
    """How many mails came out since one asked last."""

    def __init__(self) -> None:
        self._known = self._asked = 0
        self._moved_at = time.monotonic()

    def at(self, accepted: int) -> None:
        if accepted > self._known:
            self._known, self._moved_at = accepted, time.monotonic()

    def since_last(self, least: int) -> bool:
        """Whether it is so many; asking begins anew where it is."""
        if self._known < self._asked + least:
            return False
        self._asked = self._known
        return True

    def stalled(self, seconds: float) -> bool:
        return time.monotonic() - self._moved_at > seconds
