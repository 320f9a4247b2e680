"""What holds for every page in a real browser. A page that is added is tried by itself."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from docs.screenshots.pictures import addresses
from docs.screenshots.sample import Sample
from tests.outbox.rows import Rows
from tests.web.console.browser.visitor import NARROW, WIDE, Opener
from tests.web.console.test_pages import SCRIPT, poison
from web.console.access.role import Role
from web.console.app import Console

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(
    opener: Opener, console: Console, sample: Sample, scheme: str, size: tuple[int, int]
) -> None:
    """With each form of an action open, and rows chosen. No page is wider than its screen."""
    console.watch.prove()
    page = opener("/", size=size, scheme=scheme)
    for name, address in addresses(console, sample).items():
        page.goto(address)
        page.wait_for_load_state("networkidle")  # parts that are fetched once the page is there
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.evaluate("document.querySelectorAll('tbody input[name=id]').forEach(each => each.checked = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], name
        found = Axe().run(page).response["violations"]
        serious = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                   if each["impact"] in {"serious", "critical"}]  # fmt: skip
        assert serious == [], name


def test_what_others_say_is_harmless(opener: Opener, console: Console, rows: Rows) -> None:
    """In every column of every table that takes text; a dialog of theirs or a refused script would be a complaint."""
    [id_] = rows.pending()
    poison(rows)
    page = opener("/", size=NARROW)
    for each in [*(page.path for page in console.pages if page.order), f"/notifications/{id_}"]:
        page.goto(each)
        assert page.locator("script:not([src]), img[src=x], main svg[onload]").count() == 0, each
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], each
    assert SCRIPT in page.inner_text("main")


def test_a_viewer_sees_no_action_and_is_refused_at_the_server(
    opener: Opener, console: Console, sample: Sample
) -> None:
    page = opener("/", Role.VIEWER)
    for name, address in addresses(console, sample).items():
        page.goto(address)
        if name not in {"login", "rewind", "redrive"}:
            assert page.locator("details.action, form[method=post] button").count() == 0, name
            assert page.locator("a[href*='/notifications/all/']").count() == 0, name
        else:
            assert name == "login" or "You may not do this" in page.inner_text("h1"), name
    csrf = page.goto("/notifications") and page.input_value("input[name=csrf]")
    for path in ("/channels/email/pause", f"/notifications/{sample.failed}/redrive", "/attention/gaps/acknowledge"):
        answer = page.context.request.post(path, form={"csrf": csrf or "", "reason": "because"})
        assert answer.status == 403, path
    opener.complaints.clear()  # the browser notes each page that is refused


def test_each_page_can_be_read_without_scripts(opener: Opener, console: Console, sample: Sample) -> None:
    page = opener("/", scripts=False)
    for name, address in addresses(console, sample).items():
        page.goto(address)
        assert page.inner_text("h1"), name
        assert page.locator("main table, main form, main .card, main .empty").count(), name
