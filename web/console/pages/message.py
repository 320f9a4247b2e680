"""The message of one notification, built again from its record by today's routes and templates."""

from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response

from notifier.outbox import Reveals
from web.console.messages.questions import framed, question
from web.console.page import Page
from web.console.visit import Visit

page = Page("message", "Message", "/notifications")


@page.action("/{id}/message")
def show(visit: Visit) -> Response:
    try:
        id_ = UUID(visit.path["id"])
    except ValueError:
        raise HTTPException(404, "There is no such notification.") from None
    if not visit.settings.routes:
        return visit.failed("The console does not know the routes: set NOTIFIER_ROUTES for it.")
    row = Reveals(visit.engine, actor=visit.actor).notification(id_, visit.reason)
    if row is None:
        raise HTTPException(404, f"There is no notification {id_} any more.")
    record = bytes(row["record"]).decode("utf-8", "surrogateescape")
    answer = question(visit, "record", route=row["route"], table=row["table_name"], record=record)
    return visit.show("message.html", row=row, message=framed(visit, answer["message"]))
