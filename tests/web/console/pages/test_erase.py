"""The page *Erase a person*, on a real database: counted first, erased with a reason, by admins only."""

import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from notifier.operating.person import person_of
from notifier.outbox import Erasure, Journal, JournalFilter
from notifier.outbox.roles import grant_roles
from tests.conftest import administer
from tests.no_threads import NoThreads
from tests.outbox.erasure.test_erasure import ANA, JOANA, dump, everywhere
from tests.outbox.rows import Rows
from tests.waiting import wait_until
from tests.web.console.pages.test_channels import text_of
from tests.web.console.person import Person
from web.console.app import Console
from web.console.jobs.erasures import ErasureJob, Erasures, Step


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_ERASURE_KEYS", "new,old")


def ended(console: Console, step: Step) -> ErasureJob:
    job = console.erasures.job
    assert job is not None
    wait_until(lambda: not job.runs, 30)
    assert (job.step, job.error) == (step, "")
    return job


def erasures(console: Console) -> list[tuple[str, str, int]]:
    rows = Journal(console.engine).newest(JournalFilter(action="erase"), 9)
    return [(row["actor"], row["reason"], row["deliveries"]) for row in rows]


def test_an_admin_counts_and_erases(rows: Rows, console: Console, admin: Person) -> None:
    everywhere(rows)
    before = dump(rows)
    admin.post("/erase/count", address=f" {ANA.upper()}", channel="")
    job = ended(console, Step.COUNTED)
    page = admin.get("/erase").text
    assert ANA not in page.lower()
    assert "notifications, with all that belongs to them 5" in text_of(page)
    assert "suppressions 1" in text_of(page)
    assert dump(rows) == before  # nothing is changed, and nothing journaled

    admin.post("/erase/run", key=job.key, reason="her request of 1 July")
    ended(console, Step.ERASED)
    assert "Erased" in text_of(admin.get("/erase/now").text)
    found = dump(rows)
    assert [line for line in found.splitlines() if ANA in line.replace(JOANA, "")] == []
    assert found.count(JOANA) >= 20
    assert rows.balanced()
    assert erasures(console) == [("a admin", "her request of 1 July", 5), ("a admin", "her request of 1 July", 0)]
    assert job.person is None  # the address is forgotten


def test_what_waits_is_cancelled_if_asked(rows: Rows, console: Console, admin: Person) -> None:
    rows.pending()
    rows.run("UPDATE notifications SET record = :r", r=f'{{"to": "{ANA}"}}'.encode())
    admin.post("/erase/count", address=ANA)
    job = ended(console, Step.COUNTED)
    assert "1 wait to be sent" in text_of(admin.get("/erase").text)
    admin.post("/erase/run", key=job.key, reason="asked", cancel="yes")
    assert ended(console, Step.ERASED).done.open == []
    assert rows.one("SELECT status FROM deliveries")["status"] == "cancelled"
    assert ANA not in dump(rows)


def kept(rows: Rows) -> list[str]:
    """All rows but those for the charts, which the console writes each minute."""
    return [line for line in dump(rows).splitlines() if not line.startswith("throughput_minutes")]


def test_only_a_person_who_was_counted_is_erased(rows: Rows, console: Console, admin: Person) -> None:
    everywhere(rows)
    before = kept(rows)
    for key in ("", "guess"):
        admin.post("/erase/run", key=key, reason="a slip")
        assert admin.flashes() == ["Nothing was erased: count first what is kept of this person."]
    admin.post("/erase/count", address="ana")
    assert admin.flashes() == ["an address of less than 5 characters stands in the text of others, too"]
    admin.post("/erase/count", address=ANA)
    first = ended(console, Step.COUNTED).key
    admin.post("/erase/forget")
    assert console.erasures.job is None
    admin.post("/erase/count", address=JOANA)
    ended(console, Step.COUNTED)
    admin.session.take_flashes()
    admin.post("/erase/run", key=first, reason="another tab")
    assert admin.flashes() == ["Nothing was erased: count first what is kept of this person."]
    assert kept(rows) == before


def test_one_person_at_a_time(console: Console, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slow(erasure: Erasure, person: object) -> Iterator[object]:
        goes_on.wait(30)
        yield from ()

    monkeypatch.setattr(Erasure, "count", slow)
    admin.post("/erase/count", address=ANA)
    assert 'hx-get="/erase/now"' in admin.get("/erase").text
    assert "hx-refresh" not in admin.get("/erase/now").headers
    admin.session.take_flashes()
    for path in ("count", "forget"):
        admin.post(f"/erase/{path}", address=JOANA)
        assert admin.flashes() == ["a admin is counting now: one person at a time."]
    goes_on.set()
    ended(console, Step.COUNTED)
    assert admin.get("/erase/now").headers["hx-refresh"] == "true"
    assert 'hx-get="/erase/now"' not in admin.get("/erase").text


def test_a_person_can_be_counted_after_a_job_for_which_no_thread_could_be_started(console: Console) -> None:
    person = person_of(ANA, "")
    with NoThreads().in_force():
        job = console.erasures.count(person, "admin")
    assert (job.step, job.person, job.error) == (Step.FAILED, None, "no thread can be started; nothing was done")
    console.erasures.count(person, "admin")
    ended(console, Step.COUNTED)


def test_a_failure_is_said_without_the_address(
    rows: Rows, console: Console, admin: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFIER_ERASURE_KEYS", "")
    everywhere(rows)
    admin.post("/erase/count", address=ANA)
    key = ended(console, Step.COUNTED).key
    admin.post("/erase/run", key=key, reason="asked")
    job = console.erasures.job
    assert job is not None
    wait_until(lambda: not job.runs, 30)
    page = admin.get("/erase").text
    assert "set NOTIFIER_ERASURE_KEYS" in page
    assert ANA not in page + "".join(capsys.readouterr())


@pytest.fixture
def logins(console: Console, database_url: str) -> Iterator[dict[str, str]]:
    """The URLs of a login with each of two roles."""
    grant_roles(console.engine)
    names = {role: f"erases_as_{role}" for role in ("console", "operator")}
    for role, name in names.items():
        administer(database_url, f"CREATE ROLE {name} LOGIN PASSWORD 'pw' IN ROLE notifier_{role}")
    own = database_url.partition("//")[2].partition("@")[0]
    yield {role: database_url.replace(own, f"{name}:pw") for role, name in names.items()}
    for name in names.values():
        administer(database_url, f"DROP ROLE {name}")


def test_the_consoles_login_may_not_erase_and_the_operators_may(
    rows: Rows, console: Console, logins: dict[str, str]
) -> None:
    own = {"database_url": SecretStr(logins["console"])}
    refused = Erasures(console.settings.model_copy(update=own))
    assert "NOTIFIER_CONSOLE_ERASURE_URL" in refused.refusal()
    given = own | {"console_erasure_url": SecretStr(logins["operator"])}
    assert Erasures(console.settings.model_copy(update=given)).refusal() == ""


@pytest.mark.parametrize("path", ["count", "run", "forget"])
def test_an_operator_is_refused(operator: Person, path: str) -> None:
    assert operator.post(f"/erase/{path}", address=ANA, reason="because").status_code == 403
    assert operator.get("/erase").status_code == 403
    assert "/erase" not in operator.get("/suppressions").text
