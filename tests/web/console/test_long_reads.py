"""An action that reads longer than a page may; and forms of fragments, which lead back to the page around them."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from notifier.notifications import Status
from notifier.outbox import Journal, JournalFilter, Report
from notifier.settings import ConsoleSettings
from tests.notifier.cli.test_failing_routes import raises
from tests.outbox.rows import Rows
from tests.web.console.pages.test_channels import text_of
from tests.web.console.person import Person
from web.console.app import application
from web.console.server import SLOW, console_engine

PAGE_SECONDS, LONG_SECONDS = 2, 4


@pytest.fixture
def engine(settings: ConsoleSettings) -> Iterator[Engine]:
    engine = console_engine(settings, patience=PAGE_SECONDS)
    yield engine
    engine.dispose()


@pytest.fixture
def app(settings: ConsoleSettings, engine: Engine) -> Starlette:
    return application(settings, engine, console_engine(settings, pool_size=SLOW, patience=LONG_SECONDS))


def reads_for(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the failing routes take so long to read."""
    read = Report.failing

    def failing(report: Report, *given: Any) -> Any:
        with report._engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
        return read(report, *given)

    monkeypatch.setattr(Report, "failing", failing)


def fragment(person: Person, path: str, page: str) -> str:
    """Return what htmx gets that asks for this part of a page."""
    address = str(person.client.base_url.join(page))
    return person.get(path, **{"HX-Request": "true", "HX-Current-URL": address}).text


def fields(part: str) -> dict[str, str]:
    """Return the hidden fields of its form, without what guards it."""
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html.unescape(part)))
    return {name: value for name, value in found.items() if name != "csrf"}


def test_failures_are_acknowledged_also_if_that_takes_longer_than_a_page(
    rows: Rows, engine: Engine, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    raises(rows, rows.pending(2), 1, Status.FAILED)
    form = fields(fragment(operator, "/attention/failures?others=1", "/attention"))
    reads_for(PAGE_SECONDS + 0.5, monkeypatch)
    answer = operator.post("/attention/failures/acknowledge", reason="known", **form)
    assert answer.headers["location"] == "/attention"
    assert operator.flashes() == ["The errors of 1 routes are acknowledged. New ones are shown again."]
    (row,) = Journal(engine).newest(JournalFilter(), 10)
    assert (row["action"], row["deliveries"]) == ("acknowledge failures", 2)


def test_what_fails_is_said_on_the_page_around_the_fragment(
    rows: Rows, engine: Engine, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    raises(rows, rows.pending(), 1, Status.FAILED)
    form = fields(fragment(operator, "/attention/failures?others=1", "/attention"))
    reads_for(60, monkeypatch)
    answer = operator.post("/attention/failures/acknowledge", reason="known", **form)
    page = operator.get(answer.headers["location"]).text
    assert "<h1>Needs a person</h1>" in page
    assert "The database failed: QueryCanceled" in text_of(page)
    assert Journal(engine).newest(JournalFilter(), 10) == []


@pytest.mark.parametrize(
    ("shown", "back"),
    [
        ("/attention", "/attention"),
        ("/attention?failures=show#routes", "/attention?failures=show"),
        ("/attention?a=1&b=%C3%A9", "/attention?a=1&b=%C3%A9"),
    ],
)
def test_a_form_in_a_fragment_leads_back_to_the_page(rows: Rows, operator: Person, shown: str, back: str) -> None:
    raises(rows, rows.pending(), 1, Status.FAILED)
    assert fields(fragment(operator, "/attention/failures?others=1", shown))["back"] == back


@pytest.mark.parametrize("named", ["", "http://[", "about:blank"])
def test_a_fragment_without_a_page_leads_to_that_of_its_kind(rows: Rows, operator: Person, named: str) -> None:
    raises(rows, rows.pending(), 1, Status.FAILED)
    part = operator.get("/attention/failures", **{"HX-Request": "true", "HX-Current-URL": named}).text
    answer = operator.post("/attention/failures/acknowledge", **fields(part))
    assert answer.headers["location"] == "/attention"
