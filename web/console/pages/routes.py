"""*Routes*: what each makes notifications of, how they fare, and a trial of an event that sends nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response

from notifier.events import EVENT_NAMES
from notifier.outbox import DeliveryCounts
from notifier.preview.child import PreviewFailed
from web.console.messages.questions import framed, question
from web.console.page import Page
from web.console.visit import Visit

page = Page("routes", "Routes", "/routes", order=70)

_MOST_BYTES = 4 * 1024 * 1024
"""Of a form with two items of DynamoDB's 400 kB, each of whose characters may be encoded as three or more."""
_DAYS = 7
_FIELDS = ("item", "old", "table", "event")


@page.view()
def show(visit: Visit) -> Response:
    """The page without the routes, which take a second to load: it fetches them."""
    return visit.show("routes.html", **_form(visit.query))


@page.view("/list")
def listed(visit: Visit) -> Response:
    """The routes, as they are in the code now, with their counts and errors."""
    values = _listed(visit)
    return visit.show("routes_list.html" if visit.fragment else "routes.html", **{**_form(visit.query), **values})


@page.action("/try", reason=False, most_bytes=_MOST_BYTES)
def try_event(visit: Visit) -> Response:
    values = _form(visit.form)
    given = {name: values["form"][name].strip() for name in _FIELDS}
    try:
        trial = question(
            visit, "event", item=given["item"], old=given["old"], table=given["table"], name=given["event"]
        )
    except PreviewFailed as error:
        return visit.show("routes_try.html", trial=None, wrong=str(error), **values)
    made = [{"route": trial["owner"], "message": trial["message"]}] if trial["message"] else []
    made = [{**each, "message": framed(visit, each["message"])} for each in [*made, *trial["beside"]]]
    return visit.show("routes_try.html", trial=trial, wrong="", made=made, **values)


def _form(given: Mapping[str, str]) -> dict[str, Any]:
    form = {name: given.get(name, "") for name in _FIELDS}
    return {"form": {**form, "event": form["event"] or "INSERT"}, "events": sorted(EVENT_NAMES)}


def _listed(visit: Visit) -> dict[str, Any]:
    wrong, facts = "", list[dict[str, Any]]()
    if visit.settings.routes:
        try:
            facts = question(visit, "routes")["routes"]
        except PreviewFailed as error:
            wrong = str(error)
    counts = _counts(visit)
    failing = _failing(visit.report.failing_estimates(_DAYS))
    names = [each["name"] for each in facts]
    routes = [
        {**each, "counts": counts.get(each["name"], {}), "failing": failing.get(each["name"])} for each in facts
    ]
    return {"routes": routes, "removed": _removed(names, counts) if not wrong else {}, "wrong": wrong, "loaded": True}


def _counts(visit: Visit) -> dict[str, dict[str, int]]:
    """Return the counters of all workers, by route and status."""
    found: dict[str, dict[str, int]] = {}
    for key, count in DeliveryCounts(visit.engine).all().items():
        of_route = found.setdefault(key.route, {})
        of_route[key.status] = of_route.get(key.status, 0) + count
    return found


def _failing(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what fails of each route, on all channels together. The rows are in order, the newest error first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        of_route = found.setdefault(row["route"], {**row, "failed": 0, "retried": 0})
        of_route["failed"] += row["failed"]
        of_route["retried"] += row["retried"]
        of_route["estimated"] |= row["estimated"]
    return found


def _removed(names: Iterable[str], counts: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """Return the counters of routes that are not in the code any more."""
    known = set(names)
    return {name: found for name, found in sorted(counts.items()) if name not in known}
