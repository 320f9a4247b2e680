"""A crash at one point of each call that has a side effect, and at each step of a delivery while SES has a fault.

`make crash` tries all points.
"""

from collections.abc import Iterator, Mapping

import pytest

from sandbox.embedded.postgres import PostgresServer
from sandbox.embedded.redis import RedisServer
from tests.conftest import GivenPostgres, GivenServer
from tests.crash.matrix import calls, everything, selection
from tests.crash.sites import Trial, Verdict, running_sites

pytestmark = pytest.mark.timeout(900)

SELECTION = list(selection())


@pytest.fixture(scope="module")
def verdicts(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer | GivenPostgres,
    template_database: str,
    redis_server: RedisServer | GivenServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Verdict]]:
    """Verdicts of the selected trials, by name; the trials run in parallel."""
    items = [item for item in request.session.items if item.module is request.module]
    trials = [item.callspec.params["trial"] for item in items if hasattr(item, "callspec")]
    folder = tmp_path_factory.mktemp("crash")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "local")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        with running_sites(postgres_server, template_database, redis_server.url, folder, 4) as found:
            yield {str(each.trial): each for each in found.verdicts(trials)}


@pytest.mark.parametrize("trial", SELECTION, ids=str)
def test_nothing_is_lost_or_sent_twice_wherever_a_process_dies_or_stands_still(
    verdicts: Mapping[str, Verdict], trial: Trial
) -> None:
    assert verdicts[str(trial)].good, str(verdicts[str(trial)])


def test_every_call_is_among_them() -> None:
    assert {(point.port, point.method) for trial in SELECTION for point in trial.points} == set(calls())


def test_no_two_points_of_the_whole_matrix_have_one_name() -> None:
    names = [str(trial) for trial in everything()]
    assert len(set(names)) == len(names)
