"""Records in quarantine on the page *Needs a person*: seen and replayed, on a real database with real routes."""

from pathlib import Path

import pytest

from notifier.outbox import Journal, JournalFilter
from notifier.outbox.roles import grant_roles
from notifier.settings import ConsoleSettings, read_settings
from tests.bridge.quarantine.test_replay import quarantined, record
from tests.conftest import administer
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from web.console.app import Console
from web.console.jobs import replay

ROUTES = """
from notifier import Email, route
print("loaded")

@route(table="activity", on="INSERT", match={"type": ["welcome"]}, channel="email")
def welcome(event):
    return Email(to="ana@example.com", template="welcome")
"""


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ConsoleSettings:
    (tmp_path / "replay_routes.py").write_text(ROUTES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_ROUTES", "replay_routes")
    monkeypatch.delenv("NOTIFIER_BROKER_URL", raising=False)  # the console does not have it
    return read_settings(ConsoleSettings)


def actions(console: Console) -> list[tuple[str, str, str]]:
    rows = Journal(console.engine).newest(JournalFilter(), 9)
    return [(row["action"], row["actor"], row["reason"]) for row in rows]


def left(rows: Rows) -> list[str]:
    found = rows.all("SELECT sequence_number AS n FROM quarantine WHERE replayed_at IS NULL ORDER BY 1")
    return [row["n"] for row in found]


def test_one_record_is_revealed_and_replayed(rows: Rows, console: Console, operator: Person) -> None:
    quarantined(rows, [(101, record(101)), (102, record(102))])
    (row,) = rows.all("SELECT id FROM quarantine WHERE sequence_number = '101'")
    path = f"/attention/quarantine/{row['id']}"
    assert path in operator.get("/attention").text
    page = operator.get(path).text
    assert "no route for the table activity" in page
    assert "user#101" not in page
    assert "user#101" in operator.post(f"{path}/reveal", reason="what is it?").text
    operator.post("/attention/quarantine/replay", id=str(row["id"]), reason="route deployed")
    assert operator.flashes() == ["1 became notifications, 0 match no route."]
    assert left(rows) == ["102"]
    assert rows.balanced()
    assert actions(console) == [
        ("replay quarantine", "a operator", "route deployed"),
        ("reveal", "a operator", "what is it?"),
    ]


def test_those_with_an_error_or_all_also_as_a_dry_run(rows: Rows, console: Console, operator: Person) -> None:
    quarantined(rows, [(101, record(101)), (102, record(102, "other")), (103, b"{")])
    rows.run("UPDATE quarantine SET error = 'the key pk is of the type BOOL' WHERE sequence_number = '103'")
    path = "/attention/quarantine/replay"
    operator.post(path, because="", dry_run="yes", reason="look")
    (said,) = operator.flashes()
    assert said.startswith("1 would become notifications, 1 match no route; 1 would stay: ")
    assert (left(rows), actions(console)) == (["101", "102", "103"], [])
    operator.post(path, because="no route for the table activity", reason="route deployed")
    assert operator.flashes() == ["1 became notifications, 1 match no route."]
    assert left(rows) == ["103"]
    operator.post(path, because="", reason="all of them")
    (said,) = operator.flashes()
    assert said.startswith("0 became notifications, 0 match no route; 1 stay: ")
    assert rows.balanced()


def test_mistakes_are_said(rows: Rows, operator: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quarantined(rows, [(101, record(101))])
    path = "/attention/quarantine/replay"
    operator.post(path, id="x", reason="a slip")
    assert operator.flashes() == ["There is no record x in quarantine."]
    assert operator.get("/attention/quarantine/999999").status_code == 404
    assert operator.get(f"/attention/quarantine/{'9' * 30}").status_code == 404
    operator.post(path, because="a\0b", reason="a slip")
    assert operator.flashes() == ["A text has a character that no text may have."]
    (tmp_path / "replay_routes.py").write_text("raise LookupError('of the module')")
    operator.post(path, reason="broken")
    (said,) = operator.flashes()
    assert "replay_routes" in said
    (tmp_path / "replay_routes.py").write_text("import time; time.sleep(1000)")
    monkeypatch.setattr(replay, "_SECONDS", 0.5)
    operator.post(path, reason="slow")
    (said,) = operator.flashes()
    assert said.startswith("It took longer than 0.5 seconds and was stopped.")
    assert left(rows) == ["101"]


def test_the_consoles_login_may_replay(
    rows: Rows, console: Console, operator: Person, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_roles(console.engine)
    login = "console_that_replays"
    administer(database_url, f"CREATE ROLE {login} LOGIN PASSWORD 'pw' IN ROLE notifier_console")
    try:
        quarantined(rows, [(101, record(101))])
        own = console.settings.database_url
        url = database_url.replace(database_url.partition("//")[2].partition("@")[0], f"{login}:pw")
        monkeypatch.setattr(console.settings, "database_url", type(own)(url))
        operator.post("/attention/quarantine/replay", reason="route deployed")
        assert operator.flashes() == ["1 became notifications, 0 match no route."]
    finally:
        administer(database_url, f"DROP ROLE {login}")


def test_a_viewer_is_refused(viewer: Person) -> None:
    assert viewer.get("/attention/quarantine/1").status_code == 403
    assert viewer.post("/attention/quarantine/replay", reason="because").status_code == 403
    assert viewer.post("/attention/quarantine/1/reveal", reason="because").status_code == 403
