"""*Operations*: the journal of what operators did, and why."""

from dataclasses import asdict

from starlette.responses import Response

from notifier.outbox import ACTIONS, Journal, JournalFilter, shown_scope
from web.console.page import Page
from web.console.visit import Visit

page = Page("operations", "Operations", "/operations", order=100)

_MOST = 200


@page.view()
def show(visit: Visit) -> Response:
    wanted = JournalFilter(
        actor=visit.query.get("actor", "").strip(),
        action=visit.query.get("action", ""),
        scope=visit.query.get("about", "").strip(),
    )
    rows = [{**row, "scope": shown_scope(row["scope"])} for row in Journal(visit.engine).newest(wanted, _MOST)]
    return visit.show("operations.html", rows=rows, actions=ACTIONS, wanted=asdict(wanted), most=_MOST)
