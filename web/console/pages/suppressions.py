"""*Suppressions*: recipients to whom nothing is sent."""

from starlette.responses import Response, StreamingResponse

from notifier.channels import address_of, channel_names, checked_address
from notifier.errors import NotifierError, UsageError
from notifier.operating import suppression_file
from notifier.operating.erasure_keys import erasure_keys
from notifier.outbox import Suppressions
from web.console.access.role import Role
from web.console.page import Page
from web.console.visit import Visit

page = Page("suppressions", "Suppressions", "/suppressions", order=60)

_MOST = 200
_MOST_BYTES = 8 * 1024 * 1024
_KINDS = ("manual", "unsubscribe")
"""What a person may say. The other reasons come from the provider's events, or from a file."""


@page.view()
def show(visit: Visit) -> Response:
    channel, address = visit.query.get("channel", ""), visit.query.get("address", "").strip()
    wrong, rows = "", []
    try:
        if address and not channel:
            raise UsageError("Choose the channel too: each spells its recipients in its own way.")
        wanted = address_of(channel, address) if address else ""
        rows = _of_the_erased_too(visit).list(channel=channel, address=wanted, limit=_MOST)
    except NotifierError as error:
        wrong = str(error)
    return visit.show(
        "suppressions.html",
        rows=rows,
        wrong=wrong,
        channel=channel,
        address=address,
        channels=channel_names(),
        kinds=_KINDS,
        most=_MOST,
    )


@page.action("/add")
def add(visit: Visit) -> Response:
    channel, kind = visit.form.get("channel", ""), visit.form.get("kind", "")
    if kind not in _KINDS:
        return visit.failed(f"The kind must be one of {', '.join(_KINDS)}.")
    address = checked_address(channel, visit.form.get("address", "").strip())
    suppressions = Suppressions(visit.engine, actor=visit.actor)
    topic = visit.form.get("topic", "").strip()
    added = suppressions.add(channel, address, reason=kind, topic=topic, note=visit.reason)
    return visit.done("Suppressed." if added else "It was suppressed already, for this reason or a graver one.")


@page.action("/remove")
def remove(visit: Visit) -> Response:
    channel = visit.form.get("channel", "")
    address = address_of(channel, visit.form.get("address", "").strip())
    topic = visit.form.get("topic")
    suppressions = _of_the_erased_too(visit)
    if not suppressions.remove(channel, address, topic=topic, note=visit.reason):
        return visit.failed("Nothing was removed: this recipient was not suppressed.")
    if topic is not None and suppressions.has_opted_out(channel, address, topic):
        return visit.done("Lifted. The recipient has opted out as well, which stays.")
    return visit.done("Removed: this recipient is written to again.")


@page.action("/import", role=Role.ADMIN, most_bytes=_MOST_BYTES)
def import_(visit: Visit) -> Response:
    rows = suppression_file.read(visit.files.get("file", b""))
    added = Suppressions(visit.engine, actor=visit.actor).add_all(rows, visit.reason)
    return visit.done(f"{len(rows):,} lines read, {added:,} recipients newly suppressed.")


@page.action("/export", role=Role.ADMIN)
def export(visit: Visit) -> Response:
    rows = Suppressions(visit.engine, actor=visit.actor).export(visit.reason)
    headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
    return StreamingResponse(suppression_file.written(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _of_the_erased_too(visit: Visit) -> Suppressions:
    return Suppressions(visit.engine, actor=visit.actor, erasure_keys=erasure_keys())
