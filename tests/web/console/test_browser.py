"""Pages in a real browser: nothing breaks the policy, everything works by keyboard, and axe-core finds no fault."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.outbox.rows import Rows
from tests.web.console.test_pages import poison
from web.console.access.role import Role, User
from web.console.app import Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = ((1280, 900), (390, 844))
SCHEMES = ("light", "dark")


@pytest.fixture
def open_page(browser: "Browser", served: str, console: Console) -> Iterator[Callable[..., "Page"]]:
    """Opens an address as an admin. What the browser's console says, as of a refused script, fails the test."""
    said: list[str] = []
    contexts = []

    def open_(path: str, width: int = 1280, height: int = 900, scheme: Any = "light") -> "Page":
        token, _ = console.gate.sessions.open(User("eva", Role.ADMIN, "test"))
        size: Any = {"width": width, "height": height}
        context = browser.new_context(base_url=served, viewport=size, color_scheme=scheme)
        contexts.append(context)
        context.add_cookies([{"name": console.gate.cookie.name, "value": token, "url": served}])
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.goto(path)
        return page

    yield open_
    for each in contexts:
        each.close()
    assert said == []


def addresses(console: Console) -> list[str]:
    """Pages and parts of pages that need no id."""
    return [each.path for each in console.entrances if each.method == "GET" and "{" not in each.path]


def test_axe_finds_no_serious_fault_in_any_page(
    open_page: Callable[..., "Page"], console: Console, rows: Rows
) -> None:
    rows.pending(3)
    poison(rows)
    console.watch.prove()
    pages = [each.path for each in console.pages if each.order]
    for scheme in SCHEMES:
        for path in pages:
            found = Axe().run(open_page(path, scheme=scheme)).response["violations"]
            serious = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
                       if each["impact"] in {"serious", "critical"}]  # fmt: skip
            assert serious == [], (path, scheme)


def test_no_page_is_wider_than_a_telephone(open_page: Callable[..., "Page"], console: Console, rows: Rows) -> None:
    rows.pending(3)
    poison(rows)
    for each in console.pages:
        if each.order:
            page = open_page(each.path, 390, 844)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, each.path


def test_the_keyboard_reaches_the_content_and_every_page(open_page: Callable[..., "Page"], console: Console) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(len(console.pages) + 2):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent"))
    assert {each.title for each in console.pages if each.order} <= reached


def test_the_overview_refreshes_by_itself(open_page: Callable[..., "Page"], rows: Rows) -> None:
    page = open_page("/")
    assert "sms" not in page.inner_text("main")
    rows.run("INSERT INTO channels (channel, state, reason, actor) VALUES ('sms', 'paused', 'in vain', 'eva')")
    page.wait_for_selector("text=The channel sms is paused: in vain", timeout=30_000)
