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
    """All but the failures, which take longer; with `failures=show`, for a browser without scripts, those too."""
    report, whole = visit.report, visit.query.get("failures") == "show"
    return visit.show(
        "attention.html",
        unknowns=_unknowns(visit),
        quarantine=report.quarantine(_MOST),
        gaps=report.gaps(),
        duplicates=report.duplicates(_MOST),
        dead=report.dead_letters(_MOST),
        counts=report.problem_counts(),
        most=_MOST,
        whole=whole,
        **(_failures(visit) if whole else {}),
    )


@page.view("/failures")
def failures_part(visit: Visit) -> Response:
    """The failures alone. Asked for after the page itself."""
    return visit.show("attention_failures.html", others=visit.query.get("others"), **_failures(visit))


def _failures(visit: Visit) -> dict[str, Any]:
    """Failures in groups, and failing routes: for both, all deliveries of today are read."""
    report = visit.report
    since = (report.now() - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)
    groups = Search(visit.engine).failures(Selection(since=since))
    return {"groups": groups, "failing": report.failing(DEFAULT_DAYS), "days": DEFAULT_DAYS}


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
    text = f"The errors of {len(known):,} routes are acknowledged. New ones are shown again."
    return visit.done(text, to="/attention")


def _unknowns(visit: Visit) -> list[Mapping[str, Any]]:
    """Unknown outcomes with their deliveries, those for a person first."""
    due = visit.report.unknowns(_MOST)
    if not due:
        return []
    ids = [each["notification_id"] for each in due]
    rows = {row["notification_id"]: row for row in Search(visit.engine).page(Selection(ids=ids), limit=len(ids)).rows}
    return [{**rows[each["notification_id"]], **each} for each in due if each["notification_id"] in rows]
