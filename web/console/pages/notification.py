"""*One notification*: what happened to it, and what can be done now."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.details import item_outline, last_traceback, shadow_subject
from notifier.operating.ids import resolved
from notifier.operating.timeline import timeline
from notifier.outbox import SCHEDULED, Operations, Reveals, Selection
from notifier.outbox import records as wire
from web.console.page import Page
from web.console.visit import Visit

page = Page("notification", "Notification", "/notifications")

_MEANINGS: Mapping[Status, str] = {
    Status.PENDING: "It waits to be sent.",
    Status.SENDING: "A worker makes a request to the provider. If the worker dies meanwhile, the outcome is unknown.",
    Status.SENT: "The provider accepted it. Its delivery event has not come, or the provider sends none.",
    Status.DELIVERED: "It reached the recipient's server. It may still bounce, or the recipient may complain.",
    Status.UNKNOWN: "The provider's answer was lost. Its events settle it if they come; otherwise the route's policy "
    "does, or you.",
    Status.FAILED: "It was given up. Nothing more happens, unless you redrive it.",
    Status.SKIPPED: "The route returned no message, or a setting allows none to this recipient.",
    Status.SUPPRESSED: "The recipient is suppressed or unsubscribed: nothing was sent.",
    Status.EXPIRED: "It was too old for its route when its turn came: nothing was sent.",
    Status.CANCELLED: "An operator cancelled it before it was sent.",
    Status.SHADOWED: "It was built and not sent: its route, or the whole set-up, is in shadow.",
    Status.MERGED: "Its event is in the message of its leader: what becomes of that one holds for both.",
    Status.BOUNCED: "The recipient's server refused it.",
    Status.COMPLAINED: "The recipient marked it as spam. Nothing is sent to this recipient any more.",
}
"""What a status means for the person who asks."""

_SCHEDULED = "Its route wants to run again at a time. Until then nothing is sent, and nothing counts as a failure."

_NEWER = "A newer version of Notifier knows what this status means; this console is older."

_RESOLUTIONS: Mapping[str, Status] = {"sent": Status.SENT, "resend": Status.PENDING, "failed": Status.FAILED}


@page.view("/{id}")
def show(visit: Visit) -> Response:
    try:
        (id_,) = resolved(visit.report, [visit.path["id"]])
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
    if str(id_) != visit.path["id"]:
        return RedirectResponse(f"/notifications/{id_}", 303)
    row = visit.report.show(id_)
    if row is None:
        raise HTTPException(404, f"There is no notification {id_} any more.")
    return _shown(visit, id_, row)


@page.view("/{id}/now")
def now(visit: Visit) -> Response:
    """The status and the timeline alone: they are fetched again every few seconds."""
    id_ = _id(visit)
    row = visit.report.show(id_)
    if row is None:
        raise HTTPException(404, f"There is no notification {id_} any more.")
    return visit.show("notification_now.html", **_history(visit, id_, row))


@page.action("/{id}/reveal")
def reveal(visit: Visit) -> Response:
    """Show the recipient, the item and the last traceback in full, on this one answer."""
    id_ = _id(visit)
    row = Reveals(visit.engine, actor=visit.actor).notification(id_, visit.reason)
    if row is None:
        raise HTTPException(404, f"There is no notification {id_} any more.")
    events = visit.report.events(id_)
    revealed = {
        "recipient": row["recipient"],
        "subject": shadow_subject(events),
        "item": _pretty(row["record"]),
        "traceback": last_traceback(events),
    }
    return _shown(replace(visit, url=f"/notifications/{id_}"), id_, row, revealed)


@page.action("/{id}/redrive")
def redrive(visit: Visit) -> Response:
    again = bool(visit.form.get("maybe_sent"))
    operations = Operations(visit.engine, actor=visit.actor)
    batches = operations.redrive(Selection(ids=[_id(visit)]), visit.reason, per_second=1_000, maybe_sent=again)
    return visit.done("It is redriven: a worker sends it soon.") if sum(batches) else _too_late(visit)


@page.action("/{id}/cancel")
def cancel(visit: Visit) -> Response:
    batches = Operations(visit.engine, actor=visit.actor).cancel(Selection(ids=[_id(visit)]), visit.reason)
    return visit.done("It is cancelled: it is never sent.") if sum(batches) else _too_late(visit)


@page.action("/{id}/forward")
def forward(visit: Visit) -> Response:
    operations = Operations(visit.engine, actor=visit.actor)
    batches = operations.bring_forward(Selection(ids=[_id(visit)]), visit.reason, per_second=1_000)
    if sum(batches):
        return visit.done("It waits no longer: its route runs now.")
    if leader := visit.report.leaders([_id(visit)]):
        return visit.failed(
            f"It waits for the message of its digest: bring its leader forward, {leader[_id(visit)]}."
        )
    return _too_late(visit)


@page.action("/{id}/resolve")
def resolve(visit: Visit) -> Response:
    to = _RESOLUTIONS.get(visit.form.get("outcome", ""))
    if to is None:
        return visit.failed("Choose what is known of it: sent, to be sent again, or given up.")
    done = Operations(visit.engine, actor=visit.actor).resolve(_id(visit), to, visit.reason)
    return visit.done(f"It is settled: {to}.") if done else _too_late(visit)


def _id(visit: Visit) -> UUID:
    try:
        return UUID(visit.path["id"])
    except ValueError:
        raise HTTPException(404, "There is no such notification.") from None


def _too_late(visit: Visit) -> Response:
    return visit.failed("Nothing was done: its status has changed meanwhile, or it may have been accepted.")


def _shown(visit: Visit, id_: UUID, row: Mapping[str, Any], revealed: Mapping[str, Any] | None = None) -> Response:
    return visit.show(
        "notification.html",
        outline=item_outline(row["record"]),
        revealed=revealed,
        maybe_sent=_maybe_sent(visit, id_, row),
        **_history(visit, id_, row),
    )


def _history(visit: Visit, id_: UUID, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "row": row,
        "lines": timeline(row, visit.report.events(id_), visit.report.feedback(id_)),
        "meaning": _SCHEDULED if row["waits_for"] == SCHEDULED else _MEANINGS.get(row["status"], _NEWER),
    }


def _maybe_sent(visit: Visit, id_: UUID, row: Mapping[str, Any]) -> bool:
    """Whether a failed one may have been accepted: its last answer was lost."""
    if row["status"] != Status.FAILED:
        return False
    return bool(Operations(visit.engine, actor=visit.actor).count_maybe_sent(Selection(ids=[id_])))


def _pretty(record: bytes) -> str:
    """Return the record as JSON with indentation, or as it came if it is none."""
    try:
        return orjson.dumps(wire.parse(bytes(record)), option=orjson.OPT_INDENT_2).decode()
    except (ValueError, TypeError):
        return bytes(record).decode("utf-8", "replace")
