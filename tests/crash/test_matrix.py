"""Crashes at the points where a mail could be lost or sent twice; `make crash` tries all points there are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ses_server import ses_simulator
from sandbox.streams.process import streams_simulator
from tests.crash.faults import Effect, Moment, Point
from tests.crash.matrix import points
from tests.crash.street import Street

pytestmark = pytest.mark.timeout(180)

DECISIVE = [
    point
    for point in points()
    if (point.port, point.method)
    in {
        ("Intake", "record"),
        ("Publications", "published"),
        ("Attempts", "begin"),
        ("SesChannel", "send"),
        ("Attempts", "finish"),
        ("Settlement", "settle"),
        ("Unknowns", "settle"),
    }
]
SES = {
    "accepted, answer cut": {"kind": "accept_then_cut"},
    "accepted, no answer": {"kind": "accept_then_hang"},
    "accepted, truncated 200": {"kind": "truncated"},
    "accepted, 500": {"kind": "error_after_accept"},
    "not accepted, 503": {"kind": "error_before_accept"},
    "not accepted, cut": {"kind": "cut_before_accept"},
    "throttled": {"kind": "throttle"},
    "account paused": {"kind": "refuse", "code": "SendingPausedException", "status": 400},
    "an entry of a bulk call fails": {"kind": "entry_status"},
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, object]]:
    folder = tmp_path_factory.mktemp("crash")
    with streams_simulator(folder) as streams, ses_simulator(folder) as ses:
        yield streams, ses


@pytest.fixture
def street(
    servers: tuple[object, object],
    database_url: str,
    broker_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Street]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    street = Street(database_url, broker_url, *servers, tmp_path)  # type: ignore[arg-type]
    yield street
    street.close()


@pytest.mark.parametrize("point", DECISIVE, ids=str)
def test_nothing_is_lost_or_sent_twice_wherever_a_process_dies(street: Street, point: Point) -> None:
    told = street.survives(point)
    assert told.good, told


@pytest.mark.parametrize("fault", SES)
@pytest.mark.parametrize(("method", "moment"), [("begin", Moment.AFTER), ("finish", Moment.BEFORE)])
def test_nor_when_ses_has_a_bad_day_at_the_same_time(street: Street, fault: str, method: str, moment: Moment) -> None:
    told = street.survives(Point("Attempts", method, moment, Effect.KILL), {**SES[fault], "times": 3})
    assert told.good, told
