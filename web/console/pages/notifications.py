"""*Notifications*: find some, and redrive, cancel or bring them forward."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from notifier.channels import channel_names
from notifier.errors import NotifierError, UsageError
from notifier.notifications import Status
from notifier.outbox import SCHEDULED, Count, Found, Operations, Search, Selection
from web.console.access.role import Role
from web.console.filters import DEFAULT_PERIOD, PERIODS, Filter, cursor
from web.console.page import Page
from web.console.visit import Visit

page = Page("notifications", "Notifications", "/notifications", order=20)

_PAGE = 50
_MOST_AT_ONCE = 20_000
"""Deliveries that one form changes. The flash says how many are left."""
_MOST_NAMED, _BUDGET_SECONDS = 1_000, 0.05
"""Deliveries that are read to say how many an action would change, and the time for it. Its own page counts on."""
_PER_SECOND = 100.0
_LEAST_PER_SECOND, _MOST_PER_SECOND = 0.01, 10_000.0
_SOON = timedelta(seconds=10)

_SOURCES: Mapping[str, Status] = {
    "redrive": Status.FAILED,
    "cancel": Status.PENDING,
    "forward": Status.PENDING,
}
"""Which deliveries an action changes."""


@page.view()
def show(visit: Visit) -> Response:
    wanted, selection, found, wrong = Filter.of(visit.query), Selection(), Found([]), ""
    try:
        selection, statuses = wanted.selection(visit.report), wanted.statuses
        older, newer = (cursor(visit.query.get(name, "")) for name in ("older", "newer"))
        found = Search(visit.engine).page(selection, statuses, limit=_PAGE, older_than=older, newer_than=newer)
    except NotifierError as error:
        wrong = str(error)
    if selection.ids and len(found.rows) == 1:
        return RedirectResponse(f"/notifications/{found.rows[0]['notification_id']}", 303)
    return visit.show(
        "notifications.html",
        wanted=wanted,
        found=found,
        wrong=wrong,
        verbs=[] if wrong else _verbs(wanted),
        actions={row["notification_id"]: _actions(row) for row in found.rows},
        statuses=[*Status, SCHEDULED],
        channels=channel_names(),
        periods=list(PERIODS),
        period=wanted.period or DEFAULT_PERIOD,
    )


@page.view("/count")
def count(visit: Visit) -> Response:
    """How many match, and how many of them each action would change, in words. Asked for after the page itself,
    because it takes longer.
    """
    wanted = Filter.of(visit.query)
    selection = wanted.selection(visit.report)
    number = Search(visit.engine).count(selection, wanted.statuses)
    verbs = _changed(visit, wanted, selection) if visit.may(Role.OPERATOR) and number.number else {}
    return visit.show("notifications_count.html", wanted=wanted, number=number, verbs=verbs)


def _changed(visit: Visit, wanted: Filter, selection: Selection) -> dict[str, Count]:
    """Return how many each action would change, without those that would change none. One search, of at most so many
    rows and a short time: what it did not reach is not counted.
    """
    verbs = _verbs(wanted)
    if not verbs:
        return {}
    search = Search(visit.engine, budget=_BUDGET_SECONDS)
    found = search.page(selection, sorted({_SOURCES[verb] for verb in verbs}), limit=_MOST_NAMED)
    numbers, complete = Counter(verb for row in found.rows for verb in _actions(row)), found.older is None
    return {verb: Count(numbers[verb], complete=complete) for verb in verbs if numbers[verb] or not complete}


def _verbs(wanted: Filter) -> list[str]:
    """Return the actions that can change what is wanted. Raise UsageError for a status that does not exist."""
    return [verb for verb, source in _SOURCES.items() if wanted.statuses in ([], [source])]


def _source(verb: str, selection: Selection) -> Selection:
    """Return what of the selection an action changes: *Bring forward* only what waits for a time of its route."""
    return replace(selection, scheduled=True) if verb == "forward" else selection


@page.view("/all/{verb}", role=Role.OPERATOR)
def confirm(visit: Visit) -> Response:
    """How many an action on all that match would change. It changes nothing."""
    verb, wanted = visit.path["verb"], Filter.of(visit.query)
    source, number, maybe_sent, wrong = _SOURCES.get(verb), Count(0), Count(0), ""
    try:
        if source is None:
            raise UsageError("There is no such action.")
        if wanted.statuses not in ([], [source]):
            raise UsageError(
                f"Only notifications that are {source} can be chosen for this, not {wanted.status} ones."
            )
        selection = _source(verb, wanted.selection(visit.report))
        if verb == "redrive":
            number, maybe_sent = Search(visit.engine).redrivable(selection, _MOST_AT_ONCE)
        else:
            number = Search(visit.engine).count(selection, [source], _MOST_AT_ONCE)
    except NotifierError as error:
        wrong = str(error)
    return visit.show(
        "notifications_all.html",
        verb=verb,
        wanted=wanted,
        number=number,
        maybe_sent=maybe_sent,
        wrong=wrong,
        per_second=int(_PER_SECOND),
        most=_MOST_AT_ONCE,
    )


@page.action("/all/redrive", role=Role.OPERATOR)
def redrive_all(visit: Visit) -> Response:
    wanted = Filter.of(visit.form)
    return _redrive(visit, wanted.selection(visit.report), f"/notifications?{wanted.query}")


@page.action("/all/cancel", role=Role.OPERATOR)
def cancel_all(visit: Visit) -> Response:
    wanted = Filter.of(visit.form)
    return _cancel(visit, wanted.selection(visit.report), f"/notifications?{wanted.query}")


@page.action("/all/forward", role=Role.OPERATOR)
def forward_all(visit: Visit) -> Response:
    wanted = Filter.of(visit.form)
    return _forward(visit, wanted.selection(visit.report), f"/notifications?{wanted.query}")


@page.action("/some/redrive", role=Role.OPERATOR)
def redrive_some(visit: Visit) -> Response:
    return _redrive(visit, _chosen(visit))


@page.action("/some/cancel", role=Role.OPERATOR)
def cancel_some(visit: Visit) -> Response:
    return _cancel(visit, _chosen(visit))


@page.action("/some/forward", role=Role.OPERATOR)
def forward_some(visit: Visit) -> Response:
    return _forward(visit, _chosen(visit))


def _actions(row: Mapping[str, Any]) -> list[str]:
    """Return what can be done with a delivery of the list."""
    return [
        verb
        for verb, source in _SOURCES.items()
        if row["status"] == source and (verb != "forward" or row["waits_for"] == SCHEDULED)
    ]


def _chosen(visit: Visit) -> Selection:
    """Return the rows that were ticked. Raise UsageError if there are none."""
    try:
        ids = [UUID(each) for each in visit.lists.get("id", [])]
    except ValueError:
        raise UsageError("Nothing was done: one of the chosen notifications has no valid id.") from None
    if not ids:
        raise UsageError("Nothing was chosen: tick the notifications first.")
    return Selection(ids=ids)


def _redrive(visit: Visit, selection: Selection, to: str = "") -> Response:
    again, operations = bool(visit.form.get("maybe_sent")), Operations(visit.engine, actor=visit.actor)
    batches = operations.redrive(selection, visit.reason, per_second=_pace(visit), maybe_sent=again)
    return _done(visit, operations, "redriven", batches, to)


def _forward(visit: Visit, selection: Selection, to: str = "") -> Response:
    operations = Operations(visit.engine, actor=visit.actor)
    batches = operations.bring_forward(selection, visit.reason, per_second=_pace(visit))
    return _done(visit, operations, "brought forward", batches, to)


def _cancel(visit: Visit, selection: Selection, to: str = "") -> Response:
    operations = Operations(visit.engine, actor=visit.actor)
    return _done(visit, operations, "cancelled", operations.cancel(selection, visit.reason), to)


def _pace(visit: Visit) -> float:
    """Return how many a second are wanted. Raise UsageError if it is no such number."""
    try:
        pace = float(visit.form.get("per_second") or _PER_SECOND)
    except ValueError:
        pace = 0.0
    if not _LEAST_PER_SECOND <= pace <= _MOST_PER_SECOND:
        raise UsageError(f"The pace must be a number from {_LEAST_PER_SECOND} to {_MOST_PER_SECOND:,.0f}.")
    return pace


def _done(visit: Visit, operations: Operations, word: str, batches: Iterator[int], to: str) -> Response:
    """Change batch after batch, up to so many at once, and say how many, and until when they are spread."""
    changed = 0
    for size in batches:
        changed += size
        if changed >= _MOST_AT_ONCE:
            spread = _spread(visit, operations.until)
            return visit.done(f"{changed:,} are {word}{spread}, and more may match: do it again to go on.", to=to)
    if not changed:
        return visit.failed(f"Nothing is {word}: none of them {_WHY_NOT[word]}.", to=to)
    spread = _spread(visit, operations.until)
    return visit.done(f"{changed:,} {'is' if changed == 1 else 'are'} {word}{spread}.", to=to)


def _spread(visit: Visit, until: datetime | None) -> str:
    """Return in words when the last one is due, if a person would wonder where it is."""
    if until is None or until - visit.report.now() < _SOON:
        return ""
    return f", the last one due at {until:%Y-%m-%d %H:%M:%S} UTC"


_WHY_NOT = {
    "redriven": "has failed, or all of them may have been accepted",
    "cancelled": "waits to be sent",
    "brought forward": "waits for a time that its route said",
}
