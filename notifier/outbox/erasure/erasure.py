"""Erases a person: what is kept of an address is blanked in all days and tables, in parts of bounded size.

Each part is a transaction. A command that is killed is run again: what is blanked is not found a second time, and no
part leaves a row half blanked. Rows, ids, statuses and counters stay, so the audit balances throughout.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.errors import UsageError
from notifier.notifications import created_ms
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.erasure.person import Person
from notifier.outbox.history.calendar import DAY_MS, Day, read_days, whole
from notifier.outbox.operator.journal import journal
from notifier.outbox.operator.operations import Operations
from notifier.outbox.operator.selection import Selection
from notifier.outbox.statements import statement

_PART = 20_000
"""Notifications that one transaction looks at: about a second."""

_ERASE_PART = statement(__package__, "erase_part.sql")
_ERASE_ELSEWHERE = statement(__package__, "erase_elsewhere.sql")
_ERASE_PLACES = statement(__package__, "erase_places.sql")
_SUPPRESSIONS = statement(__package__, "suppressions.sql")


@dataclass(slots=True)
class Erased:
    """What was erased so far: `notifications`, and rows of other tables by name. `open` are the notifications whose
    outcome is open: they are as they were. `day` is the day that was just done, None before and after the days.
    """

    notifications: int = 0
    open: list[UUID] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    day: date | None = None


class Erasure:
    """Erases people, as the operator `actor`. Only the owner of the tables and the role `notifier_operator` may.

    for done in Erasure(engine, actor="eva", keys=ErasureKeys(["secret"])).run(person, "she asked for it"):
        print(done.day, done.notifications)
    """

    def __init__(self, engine: Engine, *, actor: str, keys: ErasureKeys) -> None:
        self._engine = engine
        self._actor = actor
        self._keys = keys

    def count(self, person: Person) -> Iterator[Erased]:
        """Yield after each day what `run` would erase so far. Changes nothing."""
        return self._run(person, change=False)

    def run(self, person: Person, reason: str, *, cancel: bool = False) -> Iterator[Erased]:
        """Erase the person; yield after each day what is erased so far. With `cancel`, what is pending is cancelled
        first; otherwise it is sent, and stays until the person is erased again. If it led a digest, the events of
        others are collected anew.

        Raises UsageError, and erases nothing, if the person is suppressed and there is no key for the hash.
        """
        with self._engine.begin() as connection:
            if not self._keys and _suppressions(connection, person):
                raise UsageError(
                    "this recipient is suppressed: set NOTIFIER_ERASURE_KEYS, so that a hash keeps the suppression; "
                    "or lift it first: notifier suppress remove"
                )
            journal(connection, self._actor, "erase", reason, f"{self._name(person)}: begun")
        done = Erased()
        for done in self._run(person, change=True):
            yield done
        if cancel and done.open:
            operations = Operations(self._engine, actor=self._actor)
            sum(operations.cancel(Selection(ids=done.open), reason, release=True))
            days = {
                day
                for day in self._days()
                if any(created_ms(each) // DAY_MS == Day(day, counted=False).number for each in done.open)
            }
            done.open = []
            for day in sorted(days, reverse=True):
                self._erase_day(person, day, done, change=True)
        with self._engine.begin() as connection:
            scope = f"{self._name(person)}: open={len(done.open)}"
            journal(connection, self._actor, "erase", reason, scope, done.notifications)
        done.day = None
        yield done

    def _run(self, person: Person, *, change: bool) -> Iterator[Erased]:
        done = Erased()
        for day in self._days():
            self._erase_day(person, day, done, change=change)
            done.day = day
            yield done
        with self._engine.begin() as connection:
            hashed = self._hashed(connection, person)
            rows = connection.execute(_ERASE_ELSEWHERE, {**self._values(person, change), **hashed})
            done.rows = {name: count for name, count in rows if count}
            values = {"spellings": list(person.spellings), "change": change}
            if places := connection.execute(_ERASE_PLACES, values).scalar_one():
                done.rows["limit_places"] = places
        done.day = None
        yield done

    def _days(self) -> list[date]:
        """The days that have rows, the newest first."""
        with self._engine.connect() as connection:
            return [each.day for each in reversed(read_days(connection))]

    def _erase_day(self, person: Person, day: date, done: Erased, *, change: bool) -> None:
        after: UUID | None = whole(Day(day, counted=False)).first
        while after is not None:
            with self._engine.begin() as connection:
                after, erased, open_ = self._part(connection, person, day, after, change)
            done.notifications += erased
            done.open += open_

    def _part(
        self, connection: Connection, person: Person, day: date, after: UUID, change: bool
    ) -> tuple[UUID | None, int, Sequence[UUID]]:
        values = {**self._values(person, change), "day": day, "after": after, "most": _PART}
        last, erased, open_ = connection.execute(_ERASE_PART, values).one()
        return last, erased, open_

    def _values(self, person: Person, change: bool) -> dict[str, object]:
        return {
            "spellings": list(person.spellings), "likes": person.likes, "pattern": person.pattern, "change": change,
        }  # fmt: skip

    def _hashed(self, connection: Connection, person: Person) -> dict[str, object]:
        """The spellings with their channels and hashes: also channels that suppress the person and are not named."""
        pairs = sorted({*zip(person.channels, person.spellings, strict=True), *_suppressions(connection, person)})
        return {
            "channels": [channel for channel, _ in pairs],
            "spellings": [spelling for _, spelling in pairs],
            "hashes": [self._keys.hashes(*pair)[0] if self._keys else "" for pair in pairs],
        }

    def _name(self, person: Person) -> str:
        """How the journal names the person: by the hash, from which the address cannot be read."""
        if not self._keys:
            return "one person"
        return self._keys.hashes(person.channels[0], person.spellings[0])[0]


def _suppressions(connection: Connection, person: Person) -> list[tuple[str, str]]:
    """Return the channels on which the person is suppressed, each with the spelling."""
    rows = connection.execute(_SUPPRESSIONS, {"spellings": list(person.spellings)})
    return [(row.channel, row.address) for row in rows]
