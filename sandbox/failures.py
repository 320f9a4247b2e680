"""Failures in the system of `notifier up`, as lines for the terminal. Each names a command that shows more."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError
from notifier.outbox import Report
from notifier.outbox.statements import statement

_OVERLAP = timedelta(seconds=10)
"""Rows of so long ago are read again: a row may be committed after one with a later time."""

_TIE = timedelta(microseconds=1)

_AGAIN = "tried again"
_AGAIN_SECONDS = 60.0
_SPAN = timedelta(seconds=5)
"""Failures that began so long before the newest one are printed with the time of the first."""

_MOST = 1_000
"""Rows that one query reads."""

_FOUND = statement(__package__, "new_failures.sql", most=str(_MOST))

_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_TEMPLATE_ERROR = "notifier.errors.TemplateError: "
_MOST_OF_ERROR = 200
"""Characters of an error's text."""

_REVEAL = "notifier show {id} --reveal"
_AUDIT = "notifier audit"
_WORDS = {
    _AGAIN: ("will be tried again", _REVEAL),
    "failed": ("failed", _REVEAL),
    "unknown": ("may have been sent or not: the answer was lost", "notifier show {id}"),
    "suppressed": ("not sent, as the recipient is suppressed", "notifier suppress list --channel {channel}"),
    "expired": ("not sent, as the event is too old for its route", "notifier show {id}"),
    "bounce": ("bounced", "notifier show {id}"),
    "complaint": ("complained about", "notifier show {id}"),
    "reject": ("accepted, then refused for its content", "notifier show {id}"),
    "rendering_failure": ("accepted, then not rendered by the provider", "notifier show {id}"),
    "quarantine": ("a record cannot be understood or has no route", _AUDIT),
    "gap": ("records were lost before they were read", _AUDIT),
    "dead letter": ("an event of the provider cannot be used", _AUDIT),
    "duplicate": ("accepted twice by the provider", "notifier show {id}"),
    "parked": ("channel parked until a probe goes through", "notifier status"),
    "paused": ("channel paused", "notifier resume {channel}"),
}
"""For each kind what happened, and the command that shows more."""


class Failures:
    """Returns each failure once, beginning with the first call. Its query suits a few thousand rows.

    Of one notification that is tried again and again there is one line a minute, with the count of the tries since.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._told: dict[str, float] = {}
        self._held: list[dict[str, Any]] = []
        self._seen: dict[tuple[Any, ...], datetime] = {}
        self._since: datetime | None = None

    def lines(self, *, held: bool = False) -> Iterator[str]:
        """Yield the lines for the new failures, equal ones in one line; none while the database does not answer.

        `held`: also for the tries that would wait for their minute to be over; that minute begins anew then.
        """
        try:
            found = self._new()
        except DatabaseError:
            return
        if held:
            self._told = {}
        due = self._due(found)
        if held:
            self._told = {}
        yield from failure_lines(due)

    def _due(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the failures to be printed now. Further tries of a notification are printed a minute after its last
        line at the earliest.
        """
        now = self._clock()
        self._told = {id_: at for id_, at in self._told.items() if now - at < _AGAIN_SECONDS}
        rows = [*self._held, *found]
        self._held = [row for row in rows if row["what"] == _AGAIN and row["id"] in self._told]
        due = [row for row in rows if row["what"] != _AGAIN or row["id"] not in self._told]
        self._told |= {row["id"]: now for row in due if row["what"] == _AGAIN}
        return due

    def _new(self) -> list[dict[str, Any]]:
        if self._since is None:
            self._since = Report(self._engine).now()
        with self._engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(_FOUND, {"since": self._since}).mappings()]
        fresh = [row for row in rows if tuple(row.values()) not in self._seen]
        self._seen |= {tuple(row.values()): row["at"] for row in fresh}
        if rows:
            overlap = _OVERLAP if len(rows) < _MOST else _TIE  # otherwise the same rows would be read again and again
            self._since = max(self._since, rows[-1]["at"] - overlap)
            self._seen = {key: at for key, at in self._seen.items() if at > self._since}
        return fresh


def failure_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield for each kind of failure and reason a line, and one with the command that shows the newest.

    Of an error in the user's code the newest is told with its text and place. The text may hold personal data: these
    lines are for the terminal of `notifier up`, whose data are the developer's own.
    """
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault((row["what"], row["channel"], row["route"], row["reason"] or ""), []).append(row)
    for (what, channel, route, reason), same in kinds.items():
        words, command = _WORDS[what]
        count = f"{len(same):,} x" if len(same) > 1 else ""
        subject = " ".join(filter(None, (count, channel, route, _since(same))))
        told = _error_of(same[-1].get("traceback") or "") or reason
        because = f": {told}" if told else ""
        shown = command.format(id=same[-1]["id"], channel=channel)
        yield f"{f'{subject}: ' if subject else ''}{words}{because}\nsee: {shown}"


def _since(rows: Sequence[dict[str, Any]]) -> str:
    """Return `since 09:24:54`, the local time of the first of these failures; "" if they came together."""
    first, last = (each(row["at"] for row in rows) for each in (min, max))
    return f"since {first.astimezone():%H:%M:%S}" if last - first > _SPAN else ""


def _error_of(traceback: str) -> str:
    """Return the error of a traceback and the place that raised it: `KeyError: 'name' (routes.py, line 11)`.

    "" if it is no traceback, as the answer of a provider.
    """
    frames = list(_FRAME.finditer(traceback))
    if not frames:
        return ""
    after = traceback[frames[-1].end() :].splitlines()[1:]
    error = next((line for line in after if line and not line.startswith(" ")), "")
    if not error:
        return ""
    if error.startswith(_TEMPLATE_ERROR):  # names the user's file itself; the frame is one of Notifier's
        return error.removeprefix(_TEMPLATE_ERROR)[:_MOST_OF_ERROR]
    return f"{error[:_MOST_OF_ERROR]} ({Path(frames[-1]['file']).name}, line {frames[-1]['line']})"
