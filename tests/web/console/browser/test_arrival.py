"""A mail that failed arrives: the real bridge, worker, feedback and SES simulator, seen in the browser."""

from typing import Any

import pytest
from sqlalchemy import Engine

from examples.activity import sample_items
from notifier.notifications import Status
from notifier.outbox import Report
from notifier.settings import ConsoleSettings, read_settings
from sandbox.system import System
from tests.system.conftest import system
from tests.system.test_brakes import tell
from tests.waiting import wait_until
from tests.web.console.browser.test_operator import act
from tests.web.console.browser.visitor import Opener
from web.console.access.role import Role

__all__ = ["system"]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def settings(system: System, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", system.postgres.url("notifier"))
    return read_settings(ConsoleSettings)


def test_an_operator_redrives_a_mail_and_watches_it_arrive(opener: Opener, engine: Engine, system: System) -> None:
    refused: dict[str, Any] = {
        "kind": "refuse",
        "code": "MessageRejected",
        "message": "Address blacklisted.",
    }
    tell(system.ses, "POST", refused)
    for name, words in (("bridge", ["bridge"]), ("worker", ["worker", "email"]), ("feedback", ["feedback"])):
        system.start(name, *words)
    [item] = sample_items(1)
    list(system.table().write([item]))
    wait_until(lambda: Report(engine).totals().get(Status.FAILED) == 1, seconds=90)
    tell(system.ses, "DELETE")
    page = opener("/notifications", Role.OPERATOR)
    page.fill("input[name=find]", item["to"].upper())
    page.keyboard.press("Enter")
    page.click("tbody a:not(.jump)")
    assert "Address blacklisted." in page.inner_text("main")
    act(page, "Redrive", "they took it off their list")
    page.wait_for_selector(".flash.done >> text=It is redriven")
    page.evaluate("window.sameDocument = true")
    page.wait_for_selector(".badge.delivered", timeout=60_000)
    assert page.evaluate("window.sameDocument")
    assert "provider: delivery" in page.inner_text(".timeline")
    assert system.ses.recipients() == [item["to"]]
