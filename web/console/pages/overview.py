"""*Overview*: what waits, what runs, what is wrong."""

from starlette.responses import Response

from notifier.outbox import read_gauges
from web.console.page import Page
from web.console.visit import Visit

page = Page("overview", "Overview", "/", order=10)


@page.view()
def show(visit: Visit) -> Response:
    return visit.show("overview.html", gauges=read_gauges(visit.engine, visit.settings.keep_days))
