"""*Templates*: their parts and languages, probable mistakes, and a preview with values of one's own."""

from typing import Any

from starlette.responses import Response

from notifier.preview.child import PreviewFailed
from web.console.messages.questions import framed, question
from web.console.page import Page
from web.console.visit import Visit

page = Page("templates", "Templates", "/templates", order=80)

_MOST_BYTES = 1024 * 1024


@page.view()
def show(visit: Visit) -> Response:
    """The page without the templates, which take a second to read: it fetches them."""
    return visit.show("templates.html", loaded=False)


@page.view("/list")
def listed(visit: Visit) -> Response:
    values = _listed(visit)
    return visit.show("templates_list.html" if visit.fragment else "templates.html", loaded=True, **values)


@page.action("/preview", reason=False, most_bytes=_MOST_BYTES)
def preview(visit: Visit) -> Response:
    given = {name: visit.form.get(name, "").strip() for name in ("template", "context", "locale")}
    values = _listed(visit)
    known = next((each for each in values["templates"] if each["name"] == given["template"]), None)
    if known is not None and not given["context"]:
        given["context"] = known["sample"] or "{}"
    messages, wrong = list[Any](), values["wrong"]
    if not wrong:
        try:
            messages = question(visit, "template", **given)["messages"]
        except PreviewFailed as error:
            wrong = str(error)
    shown = [framed(visit, each) for each in messages]
    return visit.show("templates_preview.html", messages=shown, wrong=wrong, given=given, known=known)


def _listed(visit: Visit) -> dict[str, Any]:
    nothing = {"templates": [], "error": "", "remarks": [], "wrong": ""}
    if not (visit.settings.routes or visit.settings.templates):
        return nothing
    try:
        return {**nothing, **question(visit, "templates")}
    except PreviewFailed as error:
        return {**nothing, "wrong": str(error)}
