"""One check that fails or hangs stops no other, and no output has a secret."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from notifier.doctor.check import Check, examine
from notifier.doctor.checks import CHECKS, chosen
from notifier.doctor.clocks import against_aws, against_database
from notifier.doctor.finding import CheckEnded, Finding, Level, good, not_known
from notifier.doctor.setup import Setup
from notifier.errors import SettingsError, UsageError
from notifier.settings import Settings
from sandbox.embedded.allocation import free_port
from tests.no_threads import NoThreads
from tests.notifier.doctor.conftest import Diagnose

LIMIT = 2.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def setup() -> Setup:
    return Setup(Settings(database_url="postgresql://a", broker_url="redis://a"), LIMIT)


def found(*checks: Check) -> list[tuple[str, Level, str]]:
    done = examine(checks, setup(), LIMIT)
    return [(each.check.name, each.finding.level, each.finding.what) for each in done]


def fails(_: Setup) -> Iterator[Finding]:
    yield good("before")
    raise RuntimeError("password=secret")


def refuses(_: Setup) -> Iterator[Finding]:
    raise SettingsError("NOTIFIER_X is wrong: set it")


def ends(_: Setup) -> Iterator[Finding]:
    raise CheckEnded(not_known("nothing to see"))


def works(_: Setup) -> Iterator[Finding]:
    yield good("works")


def test_a_check_that_fails_stops_no_other_and_tells_no_secret() -> None:
    assert found(Check("a", "A", fails), Check("b", "B", refuses), Check("c", "C", ends), Check("d", "D", works)) == [
        ("a", Level.GOOD, "before"),
        ("a", Level.DOUBTFUL, "the check failed with RuntimeError"),
        ("b", Level.WRONG, "NOTIFIER_X is wrong: set it"),
        ("c", Level.UNKNOWN, "nothing to see"),
        ("d", Level.GOOD, "works"),
    ]


def test_a_check_that_hangs_is_left_behind() -> None:
    end = threading.Event()

    def hangs(_: Setup) -> Iterator[Finding]:
        yield good("before")
        end.wait()

    try:
        seen = found(Check("a", "A", hangs), Check("b", "B", works))
    finally:
        end.set()
    assert seen == [
        ("a", Level.GOOD, "before"),
        ("a", Level.DOUBTFUL, "the check a did not end within 2 s"),
        ("b", Level.GOOD, "works"),
    ]


def test_what_hangs_is_said_by_the_check_whose_business_it_is() -> None:
    end = threading.Event()

    def make(_: Setup) -> int:
        end.wait()
        return 1

    def owns(setup: Setup) -> Iterator[Finding]:
        yield good(str(setup.get(make)))

    def needs(setup: Setup) -> Iterator[Finding]:
        yield good(str(setup.need(make, "an answer")))

    try:
        seen = found(Check("needs", "A", needs), Check("owns", "A", owns))
    finally:
        end.set()
    assert seen == [
        ("needs", Level.UNKNOWN, "the rest was not checked: it needs an answer"),
        ("owns", Level.DOUBTFUL, "the check owns did not end within 2 s"),
    ]


def test_what_several_checks_need_is_made_once() -> None:
    made = []

    def make(_: Setup) -> int:
        made.append(1)
        return len(made)

    given = setup()
    assert given.get(make) == given.need(make, "a number") == given.get(make) == 1


def test_what_could_not_be_begun_for_one_check_is_begun_for_the_next() -> None:
    parts = setup()

    def make(_: Setup) -> str:
        return "made"

    with NoThreads().in_force(), pytest.raises(RuntimeError):
        parts.need(make, "something")
    assert parts.need(make, "something") == "made"


def test_what_two_checks_of_a_subject_find_is_said_once() -> None:
    assert len(found(Check("a", "A", works), Check("b", "A", works), Check("c", "C", works))) == 2


def test_the_names_of_checks_are_their_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert chosen(["redis"])[0].name == "redis"
    assert {check.subject for check in chosen(["events of ses,clocks"])} == {"Events of SES", "Clocks"}
    with pytest.raises(UsageError, match="there is no check postgre; there are settings, metrics"):
        chosen(["postgre"])


def test_clocks_that_differ() -> None:
    for apart, level in ((2, Level.GOOD), (60, Level.DOUBTFUL), (-400, Level.WRONG)):
        assert against_aws(NOW + timedelta(seconds=apart), NOW).level is level
    assert "400 s behind" in against_aws(NOW - timedelta(seconds=400), NOW).what
    assert against_database(NOW, NOW + timedelta(seconds=4)).level is Level.GOOD
    assert "60 s ahead of" in against_database(NOW + timedelta(seconds=60), NOW).what


def test_a_variable_that_is_no_setting(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SENDR", "a@example.com")
    diagnose("settings").the(Level.DOUBTFUL, "NOTIFIER_SENDR is not a setting", "did you mean NOTIFIER_SENDER?")


class Other(BaseHTTPRequestHandler):
    text = b"It works!"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, *_: object) -> None: ...


class Ours(Other):
    text = b"# HELP notifier_deliveries"


@pytest.mark.parametrize(("program", "level"), [(Other, Level.WRONG), (Ours, Level.GOOD)])
def test_what_has_the_port_of_the_metrics(diagnose: Diagnose, program: type[Other], level: Level) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), program) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = diagnose("metrics", metrics_port=server.server_port)
        server.shutdown()
    assert [each.finding.level for each in found] == [level]


def test_no_metrics_now(diagnose: Diagnose) -> None:
    (finding,) = diagnose("metrics", metrics_port=free_port()).at(Level.UNKNOWN)
    assert "nothing listens" in finding
