"""*Needs a person*: what nothing settles by itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from notifier.cli.options.window import DEFAULT_DAYS
from notifier.outbox import Acknowledgements, Search, Selection
from web.console.page import Page
from web.console.visit import Visit

page = Page("attention", "Needs a person", "/attention", order=30)

_MOST = 50


@page.view()
def show(visit: Visit) -> Response:
    report = visit.report
    since = (report.now() - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)
    return visit.show(
        "attention.html",
        unknowns=_unknowns(visit),
        groups=Search(visit.engine).failures(Selection(since=since)),
        failing=report.failing(DEFAULT_DAYS),
        quarantine=report.quarantine(_MOST),
        gaps=report.gaps(),
        duplicates=report.duplicates(_MOST),
        dead=report.dead_letters(_MOST),
        counts=report.problem_counts(),
        days=DEFAULT_DAYS,
        most=_MOST,
    )


@page.action("/gaps/acknowledge")
def gaps(visit: Visit) -> Response:
    """Only those that the page showed: a gap that opened since stays open."""
    shown = set(visit.lists.get("gap", []))
    chosen = [gap for gap in visit.report.gaps() if str(gap["id"]) in shown]
    count = Acknowledgements(visit.engine, actor=visit.actor).gaps(chosen, visit.reason)
    return visit.done(f"{count:,} gaps are acknowledged.")


@page.action("/duplicates/acknowledge")
def duplicates(visit: Visit) -> Response:
    count = Acknowledgements(visit.engine, actor=visit.actor).duplicates(visit.reason)
    return visit.done(f"{count:,} duplicates are acknowledged.")


@page.action("/quarantine/acknowledge")
def quarantine(visit: Visit) -> Response:
    count = Acknowledgements(visit.engine, actor=visit.actor).quarantine(visit.reason)
    return visit.done(f"{count:,} records are acknowledged: they no longer count, and retention deletes them later.")


@page.action("/dead-letters/acknowledge")
def dead_letters(visit: Visit) -> Response:
    count = visit.report.problem_counts()["dead_letters"]
    Acknowledgements(visit.engine, actor=visit.actor).dead_letters(count, visit.reason)
    return visit.done(f"{count:,} dead letters are acknowledged.")


@page.action("/failures/acknowledge")
def failures(visit: Visit) -> Response:
    known = visit.report.failing(DEFAULT_DAYS)
    Acknowledgements(visit.engine, actor=visit.actor).failures(known, visit.reason)
    return visit.done(f"The errors of {len(known):,} routes are acknowledged. New ones are shown again.")


def _unknowns(visit: Visit) -> list[Mapping[str, Any]]:
    """Unknown outcomes with their deliveries, those for a person first."""
    due = visit.report.unknowns(_MOST)
    if not due:
        return []
    ids = [each["notification_id"] for each in due]
    rows = {row["notification_id"]: row for row in Search(visit.engine).page(Selection(ids=ids), limit=len(ids)).rows}
    return [{**rows[each["notification_id"]], **each} for each in due if each["notification_id"] in rows]
