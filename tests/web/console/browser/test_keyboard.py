"""Everything can be done by keyboard: each stop can be seen, none holds the focus, and forms are opened and sent."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from docs.screenshots.pictures import addresses
from docs.screenshots.sample import Sample
from notifier.notifications import Status
from notifier.settings import ConsoleSettings, read_settings
from tests.web.console.browser.test_operator import status
from tests.web.console.browser.visitor import NARROW, Opener
from web.console.access.passwords import hashed
from web.console.access.role import Role
from web.console.access.users import StoredUser, UserFile
from web.console.app import Console

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(180)

_FOCUSED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {name: at.tagName, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 &&
    box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0, html: at.outerHTML.slice(0, 120),
    text: at.textContent.trim()};
}"""
PASSWORD = "correct horse battery"


def focused(page: "Page") -> dict[str, object]:
    found: dict[str, object] = page.evaluate(_FOCUSED)
    return found


def tab_to(page: "Page", text: str, most: int = 80) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page)["text"] == text:
            return
    raise AssertionError(f"no stop says {text!r}")


def test_each_stop_of_each_page_can_be_seen_and_left(opener: Opener, console: Console, sample: Sample) -> None:
    page = opener("/", size=NARROW)
    for name, address in addresses(console, sample).items():
        page.goto(f"{address}{'?find=' + sample.addresses[sample.failed] if name == 'notifications' else ''}")
        page.keyboard.press("Tab")
        first = focused(page)
        assert first["text"] == "Skip to the content", name
        stops = 0
        while (at := focused(page))["name"] != "BODY" and stops < 200:
            assert at["seen"], (name, at["html"])
            page.keyboard.press("Tab")
            stops += 1
            if focused(page)["html"] == first["html"]:
                break
        assert 1 < stops < 200, name


def test_the_skip_link_leads_behind_the_navigation(opener: Opener, sample: Sample) -> None:
    page = opener(f"/notifications/{sample.failed}")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert focused(page)["text"] == "Notifications"
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_an_action_is_opened_and_sent(opener: Opener, engine: Engine, sample: Sample) -> None:
    page = opener(f"/notifications/{sample.failed}", Role.OPERATOR)
    tab_to(page, "Redrive")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.type("they took it off their list")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".flash.done >> text=It is redriven")
    assert status(engine, sample.failed) is Status.PENDING


def test_rows_are_chosen_and_redriven(opener: Opener, engine: Engine, sample: Sample) -> None:
    page = opener("/notifications?status=failed&because=blacklisted", Role.OPERATOR, NARROW)
    page.focus("input[name=id]")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert focused(page)["text"] == "To the actions"
    assert focused(page)["seen"]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.type("they took it off their list")
    page.keyboard.press("Enter")  # sends nothing: it does not say which action
    page.keyboard.press("Tab")
    assert focused(page)["text"] == "Redrive failed"
    page.keyboard.press("Enter")
    page.wait_for_selector(".flash.done >> text=1 is redriven.")
    assert status(engine, sample.failed) is Status.PENDING


class TestLogin:
    @pytest.fixture
    def settings(self, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ConsoleSettings:
        UserFile(tmp_path / "users").put(StoredUser("eva", Role.OPERATOR, hashed(PASSWORD)))
        monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
        monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", str(tmp_path / "users"))
        return read_settings(ConsoleSettings)

    def test_somebody_signs_in_and_out(self, opener: Opener) -> None:
        """They come to the page that they asked for."""
        page = opener("/shards", None)
        page.focus("input[name=name]")
        page.keyboard.type("eva")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text-is('Shards')")
        assert "eva (operator)" in page.inner_text("header")
        tab_to(page, "Sign out")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text-is('Sign in')")
