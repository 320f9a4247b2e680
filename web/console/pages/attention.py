"""*Needs a person*: what only an operator can settle."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from notifier.errors import UsageError
from notifier.operating.times import DEFAULT_DAYS, in_utc
from notifier.outbox import Acknowledgements, Quarantine, Report, Reveals, Search, Selection
from web.console.access.role import Role
from web.console.jobs.replay import Replay
from web.console.page import Page
from web.console.visit import Visit

page = Page("attention", "Needs a person", "/attention", order=30)

_MOST = 50
_FAILURES_SECONDS = 0.08
"""For which failures are collected: less than a search may take, because the page reads other things, too."""
_DIGITS = 19
"""Of an id in quarantine: fewer than a number of 64 bits may have."""
_INCOMPLETE = "The form does not say what its page showed: open the page again, and send it from there."


@page.view()
def show(visit: Visit) -> Response:
    """All but the failures, which take longer; with `failures=show`, for a browser without scripts, those too."""
    report, whole = visit.report, visit.query.get("failures") == "show"
    opened = report.open()  # before the lists: what comes meanwhile is listed, and not acknowledged
    return visit.show(
        "attention.html",
        unknowns=_unknowns(visit),
        quarantine=report.quarantine(_MOST),
        gaps=report.gaps(),
        duplicates=report.duplicates(_MOST),
        dead=report.dead_letters(_MOST),
        opened=opened,
        whole=whole,
        **(_failures(visit) if whole else {}),
    )


@page.view("/failures")
def failures_part(visit: Visit) -> Response:
    """The failures alone. Asked for after the page itself."""
    return visit.show("attention_failures.html", others=visit.query.get("others"), **_failures(visit))


def _failures(visit: Visit) -> dict[str, Any]:
    """Failures in groups, failing routes and missing ones: of each a bounded number is read."""
    report = visit.report
    now = report.now()
    since = (now - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)
    return {
        "failures": Search(visit.engine, budget=_FAILURES_SECONDS).failures(Selection(since=since)),
        "failing": report.failing_estimates(DEFAULT_DAYS),
        "missing": report.waiting().routes,
        "days": DEFAULT_DAYS,
        "until": now,
    }


@page.action("/gaps/acknowledge")
def gaps(visit: Visit) -> Response:
    """Only those that the page showed: a gap that opened since stays open."""
    shown = set(visit.lists.get("gap", []))
    chosen = [gap for gap in visit.report.gaps() if str(gap["id"]) in shown]
    count = Acknowledgements(visit.engine, actor=visit.actor).gaps(chosen, visit.reason)
    return visit.done(f"{count:,} gaps are acknowledged.")


@page.action("/duplicates/acknowledge")
def duplicates(visit: Visit) -> Response:
    count = Acknowledgements(visit.engine, actor=visit.actor).duplicates(_until(visit), visit.reason, _shown(visit))
    return visit.done(f"{count:,} duplicates are acknowledged.")


@page.action("/quarantine/acknowledge")
def quarantine(visit: Visit) -> Response:
    count = Acknowledgements(visit.engine, actor=visit.actor).quarantine(_until(visit), visit.reason, _shown(visit))
    return visit.done(f"{count:,} records are acknowledged: they no longer count, and retention deletes them later.")


@page.view("/quarantine/{number}", role=Role.OPERATOR)
def record(visit: Visit) -> Response:
    """One record in quarantine."""
    return visit.show("attention_record.html", row=_record(visit), text=None)


@page.action("/quarantine/{number}/reveal")
def reveal(visit: Visit) -> Response:
    """Show the record itself, on this one answer. It may hold personal data."""
    row = _record(visit)
    Reveals(visit.engine, actor=visit.actor).note(f"quarantine {row['id']}", visit.reason)
    shown = replace(visit, url=f"/attention/quarantine/{row['id']}")
    return shown.show("attention_record.html", row=row, text=bytes(row["record"]).decode("utf-8", "replace"))


@page.action("/quarantine/replay")
def replay(visit: Visit) -> Response:
    """Judge one record again (`id`), those with an error (`because`), or all, by the routes of now."""
    given, because = visit.form.get("id", ""), visit.form.get("because", "")
    if not visit.settings.routes:
        return visit.failed("The console does not know the routes: set NOTIFIER_ROUTES for it.")
    if given and not given.isdecimal():
        return visit.failed(f"There is no record {given[:20]} in quarantine.")
    wanted = Replay(int(given) if given else None, because, dry_run=bool(visit.form.get("dry_run")))
    return visit.done(_replayed(wanted.run(visit)), to="/attention")


def _record(visit: Visit) -> dict[str, Any]:
    number = visit.path["number"]
    row = None
    if number.isdecimal() and len(number) < _DIGITS:
        row = Quarantine(visit.engine, actor=visit.actor).show(int(number))
    if row is None:
        raise HTTPException(404, f"There is no record {number[:20]} in quarantine.")
    return row


def _replayed(done: Mapping[str, Any]) -> str:
    """Return in a sentence what the command says that it did."""
    would, again = ("would become", "would stay") if done["dry_run"] else ("became", "stay")
    stay = sum(done["errors"].values())
    parts = [f"{done['notified']:,} {would} notifications, {done['unrouted']:,} match no route"]
    if done["notifications"] > done["notified"]:
        parts.append(f"{done['notifications']:,} notifications in all, with those of routes beside the owner")
    if done["too_old"]:
        parts.append(f"{done['too_old']:,} {again}, as their days are not kept any more")
    if stay:
        parts.append(f"{stay:,} {again}: {max(done['errors'], key=lambda each: done['errors'][each])[:200]}")
    return "; ".join(parts) + "."


@page.action("/dead-letters/acknowledge")
def dead_letters(visit: Visit) -> Response:
    count = Acknowledgements(visit.engine, actor=visit.actor).dead_letters(_until(visit), visit.reason, _shown(visit))
    return visit.done(f"{count:,} dead letters are acknowledged.")


@page.action("/failures/acknowledge")
def failures(visit: Visit) -> Response:
    """All of them are read, however long it takes: the journal names each route."""
    until = _until(visit)
    known = Report(visit.slow).failing(DEFAULT_DAYS, until)
    Acknowledgements(visit.engine, actor=visit.actor).failures(known, until, visit.reason)
    text = f"The errors of {len(known):,} routes are acknowledged. New ones are shown again."
    return visit.done(text, to="/attention")


def _until(visit: Visit) -> datetime:
    """Return the database's time at which the page with this form was read: what came later was not on it."""
    try:
        return min(in_utc(visit.form.get("until", "")), visit.report.now())
    except (ValueError, OverflowError):
        raise UsageError(_INCOMPLETE) from None


def _shown(visit: Visit) -> int:
    """Return how many the page with this form said there are."""
    given = visit.form.get("shown", "")
    if not given.isdecimal() or len(given) > _DIGITS:
        raise UsageError(_INCOMPLETE)
    return int(given)


def _unknowns(visit: Visit) -> list[Mapping[str, Any]]:
    """Unknown outcomes with their deliveries, those for a person first."""
    due = visit.report.unknowns(_MOST)
    if not due:
        return []
    ids = [each["notification_id"] for each in due]
    rows = {row["notification_id"]: row for row in Search(visit.engine).page(Selection(ids=ids), limit=len(ids)).rows}
    return [{**rows[each["notification_id"]], **each} for each in due if each["notification_id"] in rows]
