"""What an operator does in the browser, by mouse, by keyboard, and without scripts."""

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from docs.screenshots.sample import Sample
from notifier.notifications import Status
from notifier.outbox import ChannelStates, Journal, JournalFilter, Report
from tests.web.console.browser.visitor import NARROW, Opener
from web.console.access.role import Role

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(120)


def act(page: "Page", label: str, reason: str) -> None:
    """Open the form of an action, give the reason, and send it."""
    page.click(f"summary:text-is('{label}')")
    form = page.locator("details[open] > form")
    form.locator("input[name=reason]").fill(reason)
    form.locator("button").click()


def status(engine: Engine, id_: object) -> Status:
    row = Report(engine).show(id_)  # type: ignore[arg-type]
    assert row
    return Status(row["status"])


def reasons(engine: Engine) -> list[tuple[str, str, str]]:
    found = Journal(engine).newest(JournalFilter(actor="the operator"), 20)
    return [(each["action"], each["actor"], each["reason"]) for each in found]


def test_finds_a_mail_by_address_and_redrives_it(opener: Opener, engine: Engine, sample: Sample) -> None:
    """The page changes by itself when a worker sends the mail, which the test does here."""
    page = opener("/notifications", Role.OPERATOR)
    page.fill("input[name=find]", sample.addresses[sample.failed].upper())
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 matches")
    page.click("tbody a:not(.jump)")
    assert page.url.endswith(f"/notifications/{sample.failed}")
    assert "Address blacklisted" in page.inner_text("main")
    act(page, "Redrive", "they took it off their list")
    page.wait_for_selector(".flash.done >> text=It is redriven")
    page.evaluate("window.sameDocument = true")
    sample.send([sample.failed])
    page.wait_for_selector(".badge.sent")
    assert page.evaluate("window.sameDocument")
    assert reasons(engine) == [("redrive", "the operator", "they took it off their list")]


def test_settles_an_unknown(opener: Opener, engine: Engine, sample: Sample) -> None:
    page = opener("/attention", Role.OPERATOR, NARROW)
    page.click(f"a[href='/notifications/{sample.held}']")
    page.click("summary:text-is('Settle')")
    page.check("input[value=sent]")
    page.fill("details[open] input[name=reason]", "SES shows it")
    page.click("details[open] button")
    page.wait_for_selector(".flash.done >> text=It is settled: sent.")
    assert status(engine, sample.held) is Status.SENT
    assert reasons(engine) == [("resolve", "the operator", "SES shows it")]


def test_pauses_and_resumes_a_channel(opener: Opener, engine: Engine, sample: Sample) -> None:
    del sample
    states = ChannelStates(engine, actor="test")
    page = opener("/channels", Role.OPERATOR)
    act(page, "Pause email", "the footer is wrong")
    page.wait_for_selector(".flash.done >> text=email is paused")
    assert states.state("email").state == "paused"
    act(page, "Resume email", "the footer is mended")
    page.wait_for_selector(".flash.done >> text=email runs again")
    assert states.state("email").runs


def test_works_without_scripts(opener: Opener, engine: Engine, sample: Sample) -> None:
    page = opener("/notifications", Role.OPERATOR, scripts=False)
    page.fill("input[name=find]", sample.addresses[sample.failed])
    page.click("text=Find >> nth=-1")
    page.click("tbody a:not(.jump)")
    act(page, "Redrive", "verified")
    page.wait_for_selector(".flash.done >> text=It is redriven")
    assert status(engine, sample.failed) is Status.PENDING


def test_chosen_rows_are_redriven(opener: Opener, engine: Engine, sample: Sample) -> None:
    page = opener(f"/notifications?find={sample.addresses[sample.failed]}", Role.OPERATOR)
    page.check("input[name=id]")
    page.fill("#some input[name=reason]", "verified")
    page.click("text=Redrive failed")
    page.wait_for_selector(".flash.done >> text=1 is redriven.")
    assert status(engine, sample.failed) is Status.PENDING


def test_the_actions_are_in_sight_while_rows_are_chosen(opener: Opener, sample: Sample) -> None:
    """Also on a telephone without scripts; only those that change one of the chosen rows."""
    del sample
    page = opener("/notifications", Role.OPERATOR, NARROW, scripts=False)
    chosen = page.locator(".chosen")
    assert not chosen.is_visible()
    page.locator("input.redrive").first.check()
    assert "To the actions" in page.inner_text("#some")
    assert page.locator(".chosen button:visible").all_inner_texts() == ["Redrive failed"]
    assert page.evaluate("document.documentElement.scrollHeight") > 2 * NARROW[1]
    box = chosen.bounding_box()
    assert box
    assert box["y"] + box["height"] <= NARROW[1]
    page.locator("input.redrive").first.uncheck()
    page.locator("input.cancel").first.check()
    assert page.locator(".chosen button:visible").all_inner_texts() == ["Cancel pending"]
