"""*Erase a person*: what is kept of an address is counted, then blanked. For admins."""

from starlette.responses import Response

from notifier.channels import channel_names
from notifier.operating.person import person_of
from web.console.access.role import Role
from web.console.page import Page
from web.console.visit import Visit

page = Page("erase", "Erase a person", "/erase", role=Role.ADMIN)


@page.view()
def show(visit: Visit) -> Response:
    refusal = visit.erasures.refusal()
    return visit.show("erase.html", job=visit.erasures.job, refusal=refusal, channels=channel_names())


@page.view("/now")
def now(visit: Visit) -> Response:
    """The state of the job alone: it is fetched again every few seconds while it runs.

    Then the page is loaded once more, without fetching: that would replace the form in which a reason is written.
    """
    job = visit.erasures.job
    answer = visit.show("erase_now.html", job=job)
    if job is None or not job.runs:
        answer.headers["HX-Refresh"] = "true"
    return answer


@page.action("/count", role=Role.ADMIN, reason=False)
def count(visit: Visit) -> Response:
    """Begin to count what is kept of the person. Changes nothing."""
    visit.erasures.count(person_of(visit.form.get("address", ""), visit.form.get("channel", "")), visit.actor)
    return visit.done("What is kept of this person is counted. Nothing is changed.", to="/erase")


@page.action("/run", role=Role.ADMIN)
def run(visit: Visit) -> Response:
    """Erase the person who was counted."""
    key, cancel = visit.form.get("key", ""), bool(visit.form.get("cancel"))
    visit.erasures.erase(key, visit.actor, visit.reason, cancel=cancel)
    return visit.done("The erasure has begun. You may leave this page; it says here when it is done.", to="/erase")


@page.action("/forget", role=Role.ADMIN, reason=False)
def forget(visit: Visit) -> Response:
    """Forget the count, and the address with it."""
    visit.erasures.forget()
    return visit.done("Nothing was erased.", to="/erase")
